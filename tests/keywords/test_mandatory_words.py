"""Mandatory words decide the same in every form, every language setting and every rule set (US-2, CT-2, SC-1, CA-2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import Action, Certainty, Context, Match, Pending, Rule, decide
from keywords.tables import LANGUAGES, tables

OPT_OUT_WORDS = (
    "STOP", "UNSUBSCRIBE", "QUIT", "END", "CANCEL", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT", "STOPALL", "STOP ALL",
)  # fmt: skip
HELP_WORDS = ("HELP", "INFO")
OPT_IN_WORDS = ("START", "UNSTOP")
EXPECTED = {
    **dict.fromkeys(OPT_OUT_WORDS, Action.OPT_OUT),
    **dict.fromkeys(HELP_WORDS, Action.HELP),
    **dict.fromkeys(OPT_IN_WORDS, Action.OPT_IN),
}
WORDS = st.sampled_from(tuple(EXPECTED))

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u202e\u2066\u2069\u034f\u3164\ufe0f\x00\x07"
PUNCTUATION = " .,!?;:-_*~\"'“”‘’«»()[]{}<>/\\|=+&%^#…—–。！？、\t\n"
EMOJI = ("🛑", "😡", "👍🏽", "👨‍👩‍👧‍👦", "🇺🇸", "1️⃣", "#️⃣", "❤️", "™️", "ℹ️", "Ⓜ️", "🅿️", "㊗️", "🆘", "✋", "🙏🙏")


def mixed_case(word: str, flags: int) -> str:
    return "".join(c.upper() if flags >> i & 1 else c.lower() for i, c in enumerate(word))


@pytest.mark.parametrize(("word", "action"), EXPECTED.items())
def test_every_mandatory_word_decides_its_action_exactly(word: str, action: Action) -> None:
    decision = decide(word)
    assert (decision.action, decision.certainty, decision.matched) == (action, Certainty.EXACT, word)


@given(WORDS, st.integers(0, 4095))
def test_capitals_never_change_the_action(word: str, flags: int) -> None:
    assert decide(mixed_case(word, flags)).action is EXPECTED[word]


@given(WORDS, st.lists(st.tuples(st.integers(0, 12), st.sampled_from(INVISIBLE)), max_size=8))
def test_invisible_characters_never_change_the_action(word: str, insertions: list[tuple[int, str]]) -> None:
    text = word
    for place, character in insertions:
        text = text[:place] + character + text[place:]
    decision = decide(text)
    assert decision.action is EXPECTED[word]
    assert decision.acts


@given(WORDS, st.text(PUNCTUATION, max_size=12), st.text(PUNCTUATION, max_size=12))
def test_punctuation_around_a_word_never_changes_the_action(word: str, before: str, after: str) -> None:
    # A line that starts with ">" is how mail programs quote: what stands in it is not the person's own.
    if ">" in before:
        return
    decision = decide(before + word + after)
    assert decision.action is EXPECTED[word]
    assert decision.acts


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (":«: : STOP ALL", Action.OPT_OUT),
        ("👍 «: : STOP ALL", Action.OPT_OUT),
        ('🖕"🤬️^*🚫_👍🚫_~…:STop alL？^##+,}❤!{', Action.OPT_OUT),
        ("、|\n–Help", Action.HELP),
        ("”“»–'!–Info", Action.HELP),
    ],
)
def test_decoration_that_looks_like_what_phones_write_hides_no_word(text: str, action: Action) -> None:
    """Found by generated texts: punctuation taken for a reaction, a word taken for a signed name."""
    assert decide(text).action is action


@given(WORDS, st.lists(st.sampled_from(EMOJI), max_size=4), st.lists(st.sampled_from(EMOJI), max_size=4), st.booleans())
def test_emoji_around_a_word_never_changes_the_action(
    word: str, before: list[str], after: list[str], apart: bool
) -> None:
    space = " " if apart else ""
    decision = decide("".join(before) + space + word + space + "".join(after))
    assert decision.action is EXPECTED[word]
    assert decision.acts


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
@pytest.mark.parametrize(("word", "action"), EXPECTED.items())
def test_mandatory_words_work_in_every_language_setting(language: str, word: str, action: Action) -> None:
    decision = decide(word, Context(languages=(language,)))
    assert (decision.action, decision.acts) == (action, True)


@pytest.mark.parametrize(
    ("word", "action"), [("ARRET", Action.OPT_OUT), ("Arrêt", Action.OPT_OUT), ("AIDE", Action.HELP)]
)
def test_ca_2_arret_and_aide_work_whatever_the_language_of_the_programme(word: str, action: Action) -> None:
    assert decide(word, Context(languages=("en",))).action is action


RULES = st.builds(
    Rule,
    id=st.just("acme.rule"),
    words=st.one_of(
        WORDS, WORDS.map(lambda word: f"{word} please"), st.sampled_from(("s t o p", "Stop2End", "stop!!", "STOPP"))
    ),
    action=st.sampled_from((Action.JOIN, Action.REPLY, Action.HELP, Action.OPT_IN)),
    match=st.sampled_from(Match),
    audience=st.just("news"),
    reply=st.just("Acme: hello"),
)


@given(WORDS, st.lists(RULES, max_size=4), st.sampled_from(("", " please", "!", " thanks")))
def test_no_rule_an_admin_can_build_takes_a_mandatory_word(word: str, rules: list[Rule], courtesy: str) -> None:
    decision = decide(word + courtesy, Context(rules=tuple(rules)))
    if EXPECTED[word] is Action.OPT_OUT:
        assert (decision.action, decision.acts) == (Action.OPT_OUT, True)
    elif not courtesy.strip("!"):
        assert decision.action is EXPECTED[word]


@given(st.sampled_from(OPT_OUT_WORDS), st.sampled_from(("Y", "YES", "1", "NEWS")))
def test_an_open_question_never_takes_an_opt_out_word(word: str, answer: str) -> None:
    for pending in (
        Pending("double_opt_in", yes=(answer, word)),
        Pending("clarification", options=((answer, "news"), (word, "offers"))),
    ):
        assert decide(word, Context(pending=pending)).action is Action.OPT_OUT


@pytest.mark.parametrize("word", OPT_OUT_WORDS)
def test_a_switched_off_opt_out_word_is_held_and_never_ignored(word: str) -> None:
    rule = decide(word).rule
    for text in (word, f"{word} please", f"please {word.lower()}!"):
        decision = decide(text, Context(switched_off=frozenset({rule})))
        assert (decision.action, decision.certainty) == (Action.OPT_OUT, Certainty.UNSURE), text
        assert "switched this rule off" in decision.explanation


def test_a_switched_off_help_word_is_passed_over() -> None:
    assert decide("HELP", Context(switched_off=frozenset({"en.help.help"}))).action is Action.NONE


def test_every_mandatory_word_of_the_law_has_a_mandatory_row() -> None:
    mandatory = {words for row in tables().rows if row.mandatory for words in row.words}
    assert {
        "stop",
        "unsubscribe",
        "quit",
        "end",
        "cancel",
        "revoke",
        "opt out",
        "stop all",
        "help",
        "info",
    } <= mandatory
    assert {"start", "unstop"} <= mandatory


def test_an_account_may_word_the_answer_to_help_but_not_its_meaning() -> None:
    own = Rule("acme.help", "HELP", Action.HELP, reply="Acme: call 555-0100")
    decision = decide("help", Context(rules=(own,)))
    assert (decision.action, decision.rule, decision.reply) == (Action.HELP, "en.help.help", "Acme: call 555-0100")
