"""No text takes more than linear time, however it is made: ten times the length takes about ten times as long."""

import time

import pytest

from keywords import decide, fold

SIZE = 100_000
PIECES = (
    "stop ",
    "stop by ",
    "dont send any more ",
    "dont want any any any ",
    "i want to be ",
    "how do i ",
    "unsubscribe ",
    "STOP. ",
    '"',
    "“",
    "“a",
    "“Liked ",
    "> \n",
    "\n",
    "\n-- \n",
    "On a wrote:\n",
    "sent from my \n",
    "(sent with ",
    "re: ",
    "re:",
    "a",
    "S\u200b",
    "\u0301",
    "é",
    "e\u0301",
    "退",
    "不要再给我发",
    "👍",
    "🛑",
    "1️⃣",
    "_____\n",
    "stop2end",
    "stopstop",
    "s t o p ",
    ".",
    ", ",
    "?!",
    "please ",
    "please please stop ",
    "me me me ",
    "remove my number from your ",
    "\x00",
    "\ufdfa",
    "٠",
    "ﷺ",
    "ᄀ\u1161",
    "x\u0334",
    "reply ",
)


def seconds(text: str) -> float:
    start = time.perf_counter()
    decide(text)
    fold(text)
    return time.perf_counter() - start


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_of_one_piece_takes_linear_time(piece: str) -> None:
    long = (piece * (SIZE // len(piece) + 1))[:SIZE]
    short = long[: SIZE // 10]
    seconds(short)
    base = min(seconds(short) for _ in range(3))
    # Quadratic time would be a hundred times as long; the rest is room for a busy machine.
    assert seconds(long) < 40 * base + 0.5


def test_one_word_of_any_length_is_read() -> None:
    for letter in ("a", "é", "ж", "ز", "क"):
        assert not decide(letter * SIZE).acts
