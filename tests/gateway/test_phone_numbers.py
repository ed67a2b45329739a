"""Numbers as people and carriers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.phone import (
    InvalidNumber,
    NumberProblem,
    address_of,
    can_be_answered,
    formatted,
    is_sender,
    masked,
    normalise,
)
from store.addresses import is_number, place_of, shard_of


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("+14155550100", None, "+14155550100"),
        (" +1 (415) 555-0100 ", None, "+14155550100"),
        ("tel:+1-415-555-0100", None, "+14155550100"),
        ("0014155550100", None, "+14155550100"),
        ("415.555.0100", "US", "+14155550100"),
        ("1 415 555 0100", "US", "+14155550100"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("+44 20 7946 0018", "US", "+442079460018"),
        ("whatsapp:+14155550100", None, "+14155550100"),
        ("\u202a+14155550100\u202c", None, "+14155550100"),
        ("\u200b+1\u00a0415\u00a0555\u00a00100", None, "+14155550100"),
        ("+１４１５５５５０１００", None, "+14155550100"),
    ],
)
def test_a_number_is_understood_however_it_is_written(typed: str, country: str | None, number: str) -> None:
    assert normalise(typed, country) == number


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", NumberProblem.EMPTY),
        ("   ", NumberProblem.EMPTY),
        ("4155550100", NumberProblem.NO_COUNTRY),
        ("call me", NumberProblem.LETTERS),
        ("+1", NumberProblem.NOT_A_NUMBER),
        ("+123456", NumberProblem.IMPOSSIBLE),
        ("+1415555", NumberProblem.IMPOSSIBLE),
        ("1" * 100, NumberProblem.TOO_LONG),
        ("=1+1", NumberProblem.NOT_A_NUMBER),
    ],
)
def test_what_is_not_a_number_is_refused_with_a_code_and_a_sentence(typed: str, problem: NumberProblem) -> None:
    with pytest.raises(InvalidNumber) as caught:
        normalise(typed)
    assert caught.value.code is problem
    assert str(caught.value).endswith(".")


@given(st.text(max_size=80), st.sampled_from([None, "US", "GB", "DE"]))
def test_any_text_is_a_number_or_a_clear_refusal(typed: str, country: str | None) -> None:
    try:
        number = normalise(typed, country)
    except InvalidNumber:
        return
    assert is_number(number)


@given(st.text(max_size=200))
def test_any_address_a_carrier_names_has_a_place(raw: str) -> None:
    address = address_of(raw)
    assert len(address) <= 64
    assert shard_of(address).isdigit()
    assert place_of(address).shard == shard_of(address)
    assert address_of(address) == address


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("whatsapp:+14155550100", "+14155550100"),
        ("rcs:acme_agent_abc_agent", "acme_agent_abc_agent"),
        ("72975", "72975"),
        ("BANK", "BANK"),
        ("+999123456789", "+999123456789"),
        ("+1 415-555-0100", "+14155550100"),
    ],
)
def test_an_address_keeps_its_form_and_loses_its_channel(raw: str, address: str) -> None:
    assert address_of(raw) == address


@pytest.mark.parametrize(
    ("address", "answered"),
    [
        ("+14155550100", True), ("729755", True), ("72975", False), ("BANK", False), ("", False), ("+" + "1" * 15, True),
        ("1" * 15, True), ("+" + "1" * 16, False), ("9" * 21, False),
    ],
)  # fmt: skip
def test_machines_are_not_answered(address: str, answered: bool) -> None:
    """Behaviour 33."""
    assert can_be_answered(address) is answered


@pytest.mark.parametrize(
    ("sender", "good"),
    [("+14155550100", True), ("72975", True), ("ACME", True), ("MG" + "0" * 32, True), ("", False), ("a" * 12, False)],
)
def test_a_sender_is_a_number_a_short_code_a_name_or_a_service(sender: str, good: bool) -> None:
    assert is_sender(sender) is good


def test_a_masked_number_shows_no_more_than_four_digits() -> None:
    assert masked("+14155550100") == "+1••••••••00"
    assert masked("72975") == "•••••"


def test_a_number_is_shown_as_people_read_it() -> None:
    assert formatted("+14155550100") == "+1 415-555-0100"
    assert formatted("ACME") == "ACME"
