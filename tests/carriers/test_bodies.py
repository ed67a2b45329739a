"""Bodies in odd shapes (behaviour 11 and 12)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.bodies import readable

LONG = "please take me off your list, I have asked three times now, thank you"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (encoded(LONG), LONG),
        (encoded(LONG + " 🛑"), LONG + " 🛑"),
        (encoded("STOP"), encoded("STOP")),  # too short: a word may look like this
        ("x" * 64, "x" * 64),
        ("a" * 61, "a" * 61),
        (encoded("пожалуйста больше не пишите мне на этот номер"),) * 2,
        (encoded(LONG) + "!", encoded(LONG) + "!"),
        (LONG, LONG),
        ("ST\x00OP", "STOP"),
        ("", ""),
    ],
)
def test_a_long_text_in_base64_is_read_and_everything_else_stays_as_it_is(body: str, text: str) -> None:
    assert readable(body) == text


@given(st.text())
def test_no_body_breaks_it_and_none_keeps_a_nul(body: str) -> None:
    assert "\x00" not in readable(body)
