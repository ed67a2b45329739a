"""The pattern language of the phrase tables."""

import pytest

from keywords.folding import fold_tokens
from keywords.patterns import Pattern, PatternError
from keywords.phrases import REACH, Found, PhraseFinder

CLASSES = {
    "text": ("<en:contact>",),
    "call": ("<en:contact>",),
    "me": ("<en:me>",),
    "any": ("<en:q>",),
    "more": ("<en:q>",),
}


def read(pattern: str) -> None:
    Pattern(pattern, 0, "en").first_steps(fold_tokens)
    Pattern(pattern, 0, "en").build(fold_tokens)


def find(pattern: str, text: str) -> list[tuple[int, int]]:
    finder = PhraseFinder([Pattern(pattern, 0, "en")], CLASSES, frozenset({"please"}), fold_tokens)
    return [(found.start, found.end) for found in finder.find(fold_tokens(text))]


@pytest.mark.parametrize(
    ("pattern", "text", "places"),
    [
        ("stop texting", "please stop texting me", [(1, 3)]),
        ("stop texting", "stop. texting", []),
        ("(stop|quit) it", "quit it stop it", [(0, 2), (2, 4)]),
        ("take me [right] off", "take me off take me right off", [(0, 3), (3, 7)]),
        ("dont <contact> <me>", "dont text me dont call me", [(0, 3), (3, 6)]),
        ("dont send <q>* texts", "dont send any more texts", [(0, 5)]),
        ("dont send <q>* texts", "dont send texts", [(0, 3)]),
        ("stop .. texts", "stop all those damn texts", [(0, 5)]),
        ("stop .. texts", "stop all of those damn texts", []),
        ("stop $", "stop", [(0, 1)]),
        ("stop $", "stop please, you", [(0, 1)]),
        ("stop $", "stop you", []),
        ("^ stop", "ok. please stop", [(3, 4)]),
        ("^ stop", "the stop", []),
        ("[please] stop now", "please stop now", [(0, 3), (1, 3)]),
        ("leave (me|us) alone", "LEAVE US ALONE", [(0, 3)]),
    ],
)
def test_a_pattern_finds_what_it_says(pattern: str, text: str, places: list[tuple[int, int]]) -> None:
    assert find(pattern, text) == places


@pytest.mark.parametrize("pattern", ["", "$", "^", ".. stop", "[please]", "stop (", "(stop", "<q>*", "stop ) it"])
def test_a_pattern_that_cannot_be_read_or_matches_anything_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        read(pattern)


def test_a_match_never_reaches_further_than_the_limit() -> None:
    words = ["dont", "send", *["any"] * 50, "texts"]
    finder = PhraseFinder([Pattern("dont send <q>* texts", 0, "en")], CLASSES, frozenset(), fold_tokens)
    assert finder.find(words) == []
    assert finder.find(words[:2] + words[-REACH + 2 :]) == [Found(0, 0, REACH)]
