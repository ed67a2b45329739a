"""Numbers at list speed: `gateway.phone.normalise` for whole columns, about a hundred times faster.

Nearly every row of a real file is a number in one of a few forms, whose answer follows from its digits: what
libphonenumber would say is read from libphonenumber's own metadata (lengths, national prefixes), once per country.
Whatever is not certainly such a form goes to `normalise` itself. `python -m bench.numbers` compares the two
exhaustively over all North American area codes and exchanges, for whatever metadata is installed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers

from gateway.phone import InvalidNumber, NumberProblem, normalise

# What people write between digits. In any other text these mean something, so that goes the long way.
_WRITTEN_BETWEEN = str.maketrans("", "", " -().")
_LONGEST = 64
# What is no number is mostly one of a few things: empty, "n/a", "unknown".
_REMEMBERED = 1024
_NORTH_AMERICA = 1


@dataclass(frozen=True, slots=True)
class _Country:
    """What decides about "+" and digits in one country: how many digits there may be, and what would be cut off."""

    lengths: frozenset[int]
    national_prefix: re.Pattern[str] | None

    def certain(self, national: str) -> bool:
        """True when a number with these national digits is possible and stays as it is written."""
        if len(national) not in self.lengths or national[0] == "0":
            return False
        return self.national_prefix is None or self.national_prefix.match(national) is None


@cache
def _country(calling_code: int) -> _Country | None:
    region = phonenumbers.region_code_for_country_code(calling_code)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    lengths = frozenset(length for length in metadata.general_desc.possible_length if length > 0)
    return _Country(lengths, re.compile(prefix) if prefix else None)


@cache
def _calling_code_of(digits: str) -> int:
    """The country calling code that a number begins with, from its first three digits; 0 when there is none."""
    for length in (1, 2, 3):
        code = int(digits[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    return 0


class Normaliser:
    """Makes E.164 numbers of a column of a file.

    Args:
        default_country: two letters, used only for numbers without a country code; None refuses those.
    """

    def __init__(self, default_country: str | None = None) -> None:
        self._default_country = default_country or None
        calling_code = phonenumbers.country_code_for_region(default_country) if default_country else 0
        self._north_american = calling_code == _NORTH_AMERICA

    def column(self, texts: Sequence[str]) -> list[str | NumberProblem]:
        """The number of each cell, or why it is none: exactly what `normalise` says."""
        joined = "\n".join(texts)
        cleaned = joined.translate(_WRITTEN_BETWEEN).split("\n")
        if not joined.isascii() or len(cleaned) != len(texts) or max(map(len, texts)) > _LONGEST:
            return [self.one(text) for text in texts]
        north_american, abroad = self._north_american, self._abroad
        found: list[str | NumberProblem] = []
        add = found.append
        # Tuned. A national number of ten digits has an area code that begins with 2-9 (":" follows "9");
        # everything else is looked at.
        for text, digits in zip(texts, cleaned, strict=True):
            size = len(digits)
            if size == 12 and "+12" <= digits < "+1:" and digits[1:].isdigit():
                add(digits)
            elif size == 10 and north_american and "2" <= digits < ":" and digits.isdigit():
                add("+1" + digits)
            elif size == 11 and north_american and "12" <= digits < "1:" and digits.isdigit():
                add("+" + digits)
            else:
                add(abroad(text, digits))
        return found

    def one(self, text: str) -> str | NumberProblem:
        """The number of one cell, or why it is none."""
        if len(text) > _LONGEST or not text.isascii() or "\n" in text:
            return _slow(text, self._default_country)
        (found,) = self.column([text])
        return found

    def _abroad(self, text: str, digits: str) -> str | NumberProblem:
        if digits[:1] == "+" and 8 <= len(digits) <= 16 and digits[1:].isdigit():
            calling_code = _calling_code_of(digits[1:4])
            country = _country(calling_code) if calling_code else None
            if country is not None and country.certain(digits[1 + len(str(calling_code)) :]):
                return digits
        return _slow(text, self._default_country)


@lru_cache(maxsize=_REMEMBERED)
def _slow(text: str, default_country: str | None) -> str | NumberProblem:
    try:
        return normalise(text, default_country)
    except InvalidNumber as error:
        return error.code
