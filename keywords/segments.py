"""How many segments a text takes: what carriers bill, and where long replies get cut.

GSM 03.38: 160 characters in one segment, 153 in each of several; UCS-2: 70 and 67. Twilio's smart encoding replaces
typographic characters by plain ones first, so that a curly quote does not more than double the price of a text.
"""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

from dataclasses import dataclass
from enum import StrEnum


class Encoding(StrEnum):
    """The alphabet a text is sent in."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """What a text costs.

    Args:
        encoding: the alphabet it needs.
        segments: how many segments; an empty text still is one.
        units: how many septets (GSM-7) or 16-bit units (UCS-2) its characters take.
    """

    encoding: Encoding
    segments: int
    units: int


_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
_LIMITS = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}
_BEYOND_BMP = 0x10000

# Twilio, "Smart Encoding": what each character becomes.
_SMART = str.maketrans(
    {
        **dict.fromkeys("«»“”„‟❝❞〝〞ʺˮ״″‶＂", '"'),
        **dict.fromkeys("‘’‚‛ʻʼʽˈˊʹˋ′‵`´׳＇❛❜", "'"),
        **dict.fromkeys("‐‑‒–—―−﹘﹣－⁃˗", "-"),
        **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "),
        **dict.fromkeys("\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e", ""),
        **dict.fromkeys("\u2028\u2029\u0085", "\n"),
        **dict.fromkeys("‹˂", "<"),
        **dict.fromkeys("›˃", ">"),
        "…": "...", "⁄": "/", "∕": "/", "•": ".", "·": ".", "‥": "..", "¦": "|", "∗": "*", "⁎": "*", "‼": "!!",
        "：": ":", "；": ";", "！": "!", "？": "?", "，": ",", "．": ".", "（": "(", "）": ")", "＄": "$", "％": "%",
        "＆": "&", "＃": "#", "ˆ": "^", "˜": "~", "∼": "~", "≈": "~", "\u20e0": "",
    }
)  # fmt: skip


def count_segments(text: str, *, smart_encoding: bool = False) -> SegmentCount:
    """Return how many segments `text` takes.

    Args:
        text: the text as it will be sent, placeholders filled in.
        smart_encoding: whether the carrier replaces typographic characters first (Twilio's setting).

    Raises nothing: every string can be sent in one of the two alphabets.
    """
    if smart_encoding:
        text = text.translate(_SMART)
    encoding = Encoding.GSM_7 if _is_gsm(text) else Encoding.UCS_2
    sizes = [_units(character, encoding) for character in text]
    return SegmentCount(encoding, _segments(sizes, *_LIMITS[encoding]), sum(sizes))


def _is_gsm(text: str) -> bool:
    return all(character in _GSM_BASIC or character in _GSM_EXTENDED for character in text)


def _units(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM_7:
        return 2 if character in _GSM_EXTENDED else 1
    return 2 if ord(character) >= _BEYOND_BMP else 1


def _segments(sizes: list[int], single: int, several: int) -> int:
    """Fill segments; a character of two units is never cut in two."""
    if sum(sizes) <= single:
        return 1
    segments = 1
    used = 0
    for size in sizes:
        if used + size > several:
            segments += 1
            used = 0
        used += size
    return segments
