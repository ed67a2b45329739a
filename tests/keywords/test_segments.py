"""Segments are counted as carriers bill them; figures from Twilio's calculator, checked case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import Encoding, count_segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2


@pytest.mark.parametrize(
    ("name", "body", "encoding", "segments", "smart_encoding", "smart_segments"),
    [
        ("an empty text is one segment", "", GSM, 1, GSM, 1),
        ("160 characters fit in one", "a" * 160, GSM, 1, GSM, 1),
        ("161 need two", "a" * 161, GSM, 2, GSM, 2),
        ("two hold 306", "a" * 306, GSM, 2, GSM, 2),
        ("307 need three", "a" * 307, GSM, 3, GSM, 3),
        ("three hold 459", "a" * 459, GSM, 3, GSM, 3),
        ("460 need four", "a" * 460, GSM, 4, GSM, 4),
        ("1600 need eleven", "a" * 1600, GSM, 11, GSM, 11),
        ("a euro sign takes two places", "€" * 80, GSM, 1, GSM, 1),
        ("and one more letter is too much", "€" * 80 + "a", GSM, 2, GSM, 2),
        ("the extension table", "[]{}~^|\\€", GSM, 1, GSM, 1),
        ("an extended character is not cut in two", "a" * 152 + "€" + "a" * 10, GSM, 2, GSM, 2),
        ("a line break", "a\nb", GSM, 1, GSM, 1),
        ("carriage return and line break", "a\r\nb", GSM, 1, GSM, 1),
        ("a tab is not in the alphabet", "a\tb", UCS, 1, GSM, 1),
        ("70 Cyrillic letters fit in one", "ж" * 70, UCS, 1, UCS, 1),
        ("71 need two", "ж" * 71, UCS, 2, UCS, 2),
        ("two hold 134", "ж" * 134, UCS, 2, UCS, 2),
        ("135 need three", "ж" * 135, UCS, 3, UCS, 3),
        ("one emoji", "👍", UCS, 1, UCS, 1),
        ("35 emoji fit in one", "👍" * 35, UCS, 1, UCS, 1),
        ("36 need two", "👍" * 36, UCS, 2, UCS, 2),
        ("an emoji is not cut in two", "ж" * 66 + "👍" + "ж" * 10, UCS, 2, UCS, 2),
        ("a family", "👨‍👩‍👧‍👦", UCS, 1, UCS, 1),
        ("a flag", "🇺🇸", UCS, 1, UCS, 1),
        ("a skin tone", "👍🏽", UCS, 1, UCS, 1),
        ("typographic quotes and dashes", "It’s “ok” – fine…", UCS, 1, GSM, 1),
        ("a small c with cedilla is not in the alphabet", "éèàùìòñüäöÄÖÑÜ§¿¡ÆæßÉåÅøØçÇ", UCS, 1, UCS, 1),
        ("circumflexes are not either", "âêîôûáíóúãõ", UCS, 1, UCS, 1),
        ("a backtick", "`code`", UCS, 1, GSM, 1),
        ("cedillas", "ç Ç", UCS, 1, UCS, 1),
        ("a no-break space", "a\u00a0b", UCS, 1, GSM, 1),
        ("a zero-width space", "a\u200bb", UCS, 1, GSM, 1),
        ("Greek capitals are in the alphabet", "ΔΦΓΛΩΠΨΣΘΞ", GSM, 1, GSM, 1),
        ("an opt-out confirmation", "Acme: you are opted out. Text START to return.", GSM, 1, GSM, 1),
        ("a help reply", "Acme: https://acme.example/help 1-800-555-0199", GSM, 1, GSM, 1),
    ],
)
def test_segments_are_counted_as_the_carrier_counts(
    name: str, body: str, encoding: Encoding, segments: int, smart_encoding: Encoding, smart_segments: int
) -> None:
    plain = count_segments(body)
    smart = count_segments(body, smart_encoding=True)
    assert (plain.encoding, plain.segments) == (encoding, segments), name
    assert (smart.encoding, smart.segments) == (smart_encoding, smart_segments), name


@given(st.text(max_size=400))
def test_smart_encoding_never_makes_a_text_dearer(text: str) -> None:
    assert count_segments(text, smart_encoding=True).segments <= max(2, count_segments(text).segments)


@given(st.text("ab€ж👍", max_size=300), st.text("ab€ж👍", max_size=50))
def test_a_longer_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert count_segments(text + more).segments >= count_segments(text).segments
