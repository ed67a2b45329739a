"""Requests with words in the way, two weak signs together, and short texts that a person should see."""

import random
import subprocess
import sys

import pytest

from keywords import Action, Certainty, decide


@pytest.mark.parametrize(
    "text",
    [
        "opt me the hell out",
        "stop just fucking texting me",
        "take us both off this list",
        "Unsubscribe - moved to Ohio",
        "Stop. -Marcus",
        "no more f***ing texts",
        "STOP S'IL VOUS PLAIT",
        "unsubscirb",
    ],
)
def test_words_and_marks_in_the_way_do_not_hide_a_request(text: str) -> None:
    decision = decide(text)
    assert decision.action is Action.OPT_OUT
    assert decision.certainty is not Certainty.UNSURE


@pytest.mark.parametrize(
    "text", ["dont fucking stop these", "8am - noon", "please just stop by - Anna", "Anna - Marcus"]
)
def test_the_same_words_and_marks_make_no_request(text: str) -> None:
    assert decide(text).action is Action.NONE


@pytest.mark.parametrize(
    "text", ["se equivocaron de número, no escriban", "mauvais numéro, supprimez le", "wrong number, delete"]
)
def test_a_keyword_beside_what_is_held_acts(text: str) -> None:
    decision = decide(text)
    assert (decision.action, decision.certainty) == (Action.OPT_OUT, Certainty.CLEAR)


@pytest.mark.parametrize(
    "text",
    [
        "hmm no",
        "not anymore",
        "you're a scammer",
        "Not Hank",
        "who is Darnell",
        "can't stand so many alerts",
        "quit lying",
    ],
)
def test_a_short_refusal_is_held(text: str) -> None:
    decision = decide(text)
    assert (decision.action, decision.certainty) == (Action.OPT_OUT, Certainty.UNSURE)


@pytest.mark.parametrize("text", ["no", "no problem", "not sure yet", "Not Monday", "never mind"])
def test_an_answer_is_not_held(text: str) -> None:
    assert decide(text).action is Action.NONE


def test_the_order_of_texts_does_not_matter() -> None:
    texts = ["don't call or text me", "STOPP SMS", "I keep asking to be taken off", "do not text or call me"]
    script = (
        "import sys; from keywords import decide; print(*sorted(t + decide(t).rule for t in sys.argv[1:]), sep=';')"
    )
    outputs = {
        subprocess.check_output([sys.executable, "-c", script, *random.Random(seed).sample(texts, len(texts))])
        for seed in (1, 2, 3)
    }
    assert len(outputs) == 1
