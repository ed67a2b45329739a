"""The linter: what it finds, and that it stays silent about what is right."""

import pytest

from keywords import Action, Match, Rule, Severity, Template, TemplateKind, lint_rules

OUT, IN, HELP, OTHER = TemplateKind.OPT_OUT, TemplateKind.OPT_IN, TemplateKind.HELP, TemplateKind.OTHER
GOOD = (
    Template("out", OUT, "Acme: you are opted out and get no more messages. Text START to come back."),
    Template("in", IN, "Acme: welcome. Msg&data rates may apply. Reply HELP for help, STOP to cancel."),
    Template("help", HELP, "Acme alerts. Call 1-800-555-0199. Reply STOP to cancel."),
)


def codes(*args: object, **kwargs: object) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in lint_rules(*args, **kwargs)]  # type: ignore[arg-type]


def test_a_sound_account_has_no_findings() -> None:
    rules = (Rule("acme.join", "JOIN NEWS", Action.JOIN, audience="news", reply="Acme: you are in. STOP to end."),)
    assert lint_rules(rules, GOOD, brand="Acme", languages=("en",)) == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule("r", "STOP", Action.JOIN), "shadows_mandatory"),
        (Rule("r", "s.t.o.p", Action.REPLY), "shadows_mandatory"),
        (Rule("r", "stop please", Action.REPLY), "shadows_mandatory"),
        (Rule("r", "Cancel", Action.REPLY), "shadows_mandatory"),
        (Rule("r", "help", Action.OPT_OUT), "shadows_mandatory"),
        (Rule("r", "START", Action.JOIN), "shadows_mandatory"),
        (Rule("r", "end", Action.REPLY, Match.FIRST_WORD), "shadows_mandatory"),
        (Rule("r", "remove", Action.REPLY), "shadows_built_in"),
        (Rule("r", "leave me alone", Action.REPLY), "shadows_built_in"),
        (Rule("r", "...", Action.REPLY), "no_words"),
    ],
)
def test_words_that_mean_something_already_are_found(rule: Rule, code: str) -> None:
    assert codes([rule]) == [(code, "r")]


@pytest.mark.parametrize(
    "rule", [Rule("r", "stop", Action.OPT_OUT), Rule("r", "VOTE", Action.REPLY), Rule("r", "👍", Action.REPLY)]
)
def test_words_that_are_free_or_mean_the_same_are_left_alone(rule: Rule) -> None:
    assert codes([rule]) == []


def test_two_rules_with_the_same_words_are_found() -> None:
    rules = [
        Rule("a", "VOTE", Action.REPLY),
        Rule("b", "vote!", Action.JOIN),
        Rule("c", "vote", Action.REPLY, Match.PHRASE),
    ]
    assert codes(rules) == [("same_words", "b")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("Can you make it on Friday? Reply YES or CANCEL.", "collides_with_question"),
        ("Reply C to confirm or reply CANCEL to reschedule", "collides_with_question"),
        ("Answer END for the evening class", "collides_with_question"),
        ("How was it? Text JOIN if you liked it", "collides_with_question"),
    ],
)
def test_a_text_that_asks_for_a_word_with_another_meaning_is_found(body: str, code: str) -> None:
    assert codes([], [Template("t", OTHER, body)]) == [(code, "t")]


def test_a_survey_that_asks_for_a_word_of_our_own_rules_is_found() -> None:
    rule = Rule("acme.no", "NO", Action.OPT_OUT)
    assert codes([rule], [Template("survey", OTHER, "Are you voting? Reply YES or NO")]) == [
        ("collides_with_question", "survey")
    ]


@pytest.mark.parametrize(
    "body",
    [
        "Sale today. Reply STOP to opt out",
        "Reply HELP for help",
        "Reply YES to confirm",
        "Reply A, B or C",
        "text me back",
        "Text NO to stop",
    ],
)
def test_a_text_that_asks_for_words_as_they_are_meant_is_left_alone(body: str) -> None:
    assert codes([], [Template("t", OTHER, body)]) == []


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (Template("t", OUT, "You are opted out. Text START to come back."), "no_brand"),
        (Template("t", OUT, "Acme: you are opted out."), "no_way_back"),
        (Template("t", OUT, "Acme: you are out. Shop the sale! START to return."), "marketing_in_confirmation"),
        (Template("t", OUT, "Acme: START " + "a" * 160), "several_segments"),
        (Template("t", OUT, " "), "empty_reply"),
        (Template("t", HELP, "Acme: we are here to help."), "no_contact"),
        (Template("t", IN, "Acme: welcome to the alerts."), "no_way_out"),
    ],
)
def test_us_9_sc_2_sc_3_and_ct_5_replies_say_what_they_must(template: Template, code: str) -> None:
    assert code in [found for found, _ in codes([], [template], brand="Acme")]


def test_a_rules_reply_is_checked_too() -> None:
    rule = Rule("r", "VOTE", Action.REPLY, reply="Thanks! " + "é" * 80 + "ж")
    assert codes([rule], brand="Acme") == [("no_brand", "r"), ("several_segments", "r")]


def test_missing_languages_are_found() -> None:
    assert codes([], GOOD, languages=("en", "es")) == [("missing_language", "")] * 3


def test_switched_off_mandatory_words_are_found_with_the_law() -> None:
    findings = lint_rules([], switched_off=frozenset({"en.opt_out.stop", "es.opt_out.baja", "en.opt_out.nothing"}))
    assert [finding.code for finding in findings] == ["mandatory_switched_off", "unknown_rule"]
    assert "64.1200" in findings[0].message


def test_errors_come_first() -> None:
    rules = [Rule("warn", "remove", Action.REPLY), Rule("err", "STOP", Action.REPLY)]
    assert [finding.severity for finding in lint_rules(rules)] == [Severity.ERROR, Severity.WARNING]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("Acme: book fair on Saturday. Reply STOP to opt out.", set()),
        ("Acme: book fair on Saturday. Out: https://acme.example/o/abc", set()),
        ("Book fair on Saturday.", {"no_brand", "no_way_out"}),
        ("Acme: reply END to win a book. Text STOP to leave.", {"collides_with_question"}),
    ],
)
def test_a_broadcast_says_who_it_is_from_and_how_to_leave(body: str, codes: set[str]) -> None:
    found = lint_rules((), (Template("text", TemplateKind.BROADCAST, body),), brand="Acme")
    assert {finding.code for finding in found} == codes
