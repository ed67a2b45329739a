"""What the conversation says: open questions, the account's words, printed instructions, the carrier."""

import pytest

from keywords import Action, Certainty, Context, Match, Pending, Rule, decide

JOIN = Rule("acme.join", "JOIN", Action.JOIN, audience="newsletter", reply="Acme: welcome")
DOUBLE = Context(pending=Pending("double_opt_in", yes=("Y", "YES")))
WHICH = Context(pending=Pending("clarification", options=(("NEWS", "newsletter"), ("OFFERS", "offers"))))


@pytest.mark.parametrize("text", ["Y", "yes", "YES!", " yes. ", "Yes 👍"])
def test_the_confirming_word_answers_the_open_question(text: str) -> None:
    decision = decide(text, DOUBLE)
    assert (decision.action, decision.certainty, decision.rule) == (Action.OPT_IN, Certainty.EXACT, "pending.yes")


@pytest.mark.parametrize("text", ["YES PLEASE", "yes i will vote", "yeah", "ok", "START NOW"])
def test_behaviour_22_opt_in_words_count_exactly(text: str) -> None:
    for context in (None, DOUBLE):
        assert decide(text, context).action is Action.NONE


@pytest.mark.parametrize("text", ["Yes", "Y", "YES PLEASE", "ok"])
def test_yes_is_no_opt_in_when_nothing_was_asked(text: str) -> None:
    assert decide(text).action is Action.NONE


def test_a_named_audience_answers_which_texts_are_meant() -> None:
    decision = decide("news", WHICH)
    assert (decision.action, decision.audience, decision.rule) == (Action.JOIN, "newsletter", "pending.option")


@pytest.mark.parametrize("text", ["STOP", "Stop please", "unsubscribe me", "please stop texting me", "Baja"])
@pytest.mark.parametrize("context", [DOUBLE, WHICH])
def test_an_opt_out_is_an_opt_out_while_a_question_is_open(text: str, context: Context) -> None:
    decision = decide(text, context)
    assert (decision.action, decision.acts) == (Action.OPT_OUT, True)


def test_behaviours_23_and_24_an_ordinary_text_is_never_an_opt_in() -> None:
    for text in ("hello", "thanks", "what time?", "yes i will vote", "i started today"):
        assert decide(text).action is Action.NONE


@pytest.mark.parametrize(
    ("rule", "text", "action"),
    [
        (JOIN, "join", Action.JOIN),
        (JOIN, "JOIN!", Action.JOIN),
        (JOIN, "join us later", Action.NONE),
        (Rule("a", "VOTE", Action.REPLY, Match.FIRST_WORD, reply="Acme: thanks"), "vote for me", Action.REPLY),
        (Rule("a", "VOTE", Action.REPLY, Match.FIRST_WORD, reply="Acme: thanks"), "I vote", Action.NONE),
        (
            Rule("a", "polling place", Action.REPLY, Match.PHRASE, reply="Acme: here"),
            "Where is my polling place?",
            Action.REPLY,
        ),
        (Rule("a", "no thanks", Action.OPT_OUT), "No thanks.", Action.OPT_OUT),
        (Rule("a", "NO", Action.OPT_OUT), "no", Action.OPT_OUT),
        (Rule("a", "👍", Action.JOIN, audience="fans"), "👍🏽", Action.JOIN),
        (Rule("a", "❤", Action.JOIN, audience="fans"), " ❤️ ", Action.JOIN),
        (Rule("a", "👍", Action.JOIN, audience="fans"), "ok 👍", Action.NONE),
        (Rule("a", "👍", Action.JOIN, audience="fans"), "❤👍", Action.NONE),
        (Rule("a", "!!", Action.JOIN, audience="fans"), "", Action.NONE),
    ],
)
def test_behaviours_20_and_21_an_accounts_own_words_decide_as_it_said(rule: Rule, text: str, action: Action) -> None:
    decision = decide(text, Context(rules=(rule,)))
    assert decision.action is action
    if action is not Action.NONE:
        assert (decision.rule, decision.audience, decision.reply) == (rule.id, rule.audience, rule.reply)
        assert decision.span is not None
        assert text[slice(*decision.span)] == decision.matched


def test_a_sure_request_comes_before_an_accounts_phrase() -> None:
    rule = Rule("acme.texting", "texting", Action.REPLY, Match.PHRASE, reply="Acme: hi")
    assert decide("please stop texting me", Context(rules=(rule,))).action is Action.OPT_OUT
    assert decide("who is texting", Context(rules=(rule,))).action in (Action.REPLY, Action.HELP)


def test_behaviour_20_the_whole_text_comes_before_the_first_word_and_that_before_a_phrase() -> None:
    whole = Rule("whole", "red team", Action.REPLY, reply="1")
    first = Rule("first", "red", Action.REPLY, Match.FIRST_WORD, reply="2")
    phrase = Rule("phrase", "team", Action.REPLY, Match.PHRASE, reply="3")
    context = Context(rules=(phrase, first, whole))
    assert [decide(text, context).rule for text in ("red team", "red card", "my team")] == ["whole", "first", "phrase"]


@pytest.mark.parametrize("text", ["Stop2End", "STOP2END", "stop 2 end", "Stop2End please", "Stop2End!", "Stop2end 🙏"])
def test_a_printed_instruction_is_understood_as_printed(text: str) -> None:
    assert decide(text, Context(instructions=("Stop2End",))).acts


@pytest.mark.parametrize("printed", ["NOPE", "Reply NOPE to opt out", "Acme: reply YES to join or text NOPE to stop"])
def test_a_sender_teaches_the_engine_its_own_instruction(printed: str) -> None:
    context = Context(instructions=(printed,))
    decision = decide("nope", context)
    assert (decision.action, decision.rule) == (Action.OPT_OUT, "und.opt_out.instruction")
    assert decide("nope").action is Action.NONE
    assert decide("yes", context).action is Action.NONE
    assert decide("Reply", context).action is Action.NONE


def test_words_that_ask_for_something_else_are_never_learnt_as_opt_outs() -> None:
    for printed in (
        "YES",
        "START",
        "Reply START to come back and stop missing out",
        "Reply HELP to end your worries",
        "Text SUBSCRIBE to stop missing out",
    ):
        context = Context(instructions=(printed,))
        for word in ("yes", "start", "help", "subscribe"):
            assert decide(word, context).action is not Action.OPT_OUT


@pytest.mark.parametrize("action", [Action.OPT_OUT, Action.OPT_IN, Action.HELP])
def test_the_carriers_own_decision_is_trusted_over_ours(action: Action) -> None:
    decision = decide("see you at 5", Context(carrier_action=action, rules=(JOIN,)))
    assert (decision.action, decision.certainty, decision.rule) == (action, Certainty.EXACT, f"carrier.{action.value}")
    assert "carrier" in decision.explanation


def test_a_carrier_that_did_nothing_leaves_the_decision_to_us() -> None:
    assert decide("stop", Context(carrier_action=Action.NONE)).rule == "en.opt_out.stop"


@pytest.mark.parametrize(
    ("languages", "text", "action"),
    [
        (("en",), "BAJA", Action.NONE),
        (("es",), "BAJA", Action.OPT_OUT),
        (("es",), "take me off your list", Action.NONE),
        (("fr-CA",), "désabonnement", Action.OPT_OUT),
        (("fr",), "ARRETT", Action.OPT_OUT),
        (("pt-BR",), "queria me descadastrar", Action.OPT_OUT),
        ((), "退订", Action.NONE),
        (None, "退订", Action.OPT_OUT),
    ],
)
def test_only_the_languages_asked_for_are_read(languages: tuple[str, ...] | None, text: str, action: Action) -> None:
    assert decide(text, Context(languages=languages)).action is action
