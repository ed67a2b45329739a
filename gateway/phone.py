"""Phone numbers and other addresses: the only place that makes an E.164 number out of what people type."""

import re
from enum import StrEnum

import phonenumbers

from store.addresses import E164, is_number

_CHANNEL = re.compile(r"^(whatsapp|rcs|messenger|sms|tel):", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_-]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_MOST = 64
# ITU-T E.164: country code and national number together.
_MOST_DIGITS = 15


class NumberProblem(StrEnum):
    """Why something is not a number. The values are what programs see."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    LETTERS = "letters"
    NO_COUNTRY = "no_country"
    NOT_A_NUMBER = "not_a_number"
    IMPOSSIBLE = "impossible"


SENTENCES = {
    NumberProblem.EMPTY: "There is no number.",
    NumberProblem.TOO_LONG: "This is too long to be a phone number.",
    NumberProblem.LETTERS: "A phone number has no letters.",
    NumberProblem.NO_COUNTRY: "The number has no country code. Write it as +1 415 555 0100, or set a default country.",
    NumberProblem.NOT_A_NUMBER: "This is not a phone number.",
    NumberProblem.IMPOSSIBLE: "No number of that country has this many digits.",
}


class InvalidNumber(ValueError):
    """A text that is not a phone number. code: a NumberProblem."""

    def __init__(self, code: NumberProblem) -> None:
        self.code = code
        super().__init__(SENTENCES[code])


def normalise(text: str, default_country: str | None = None) -> E164:
    """The E.164 form of a number as people type it.

    Accepts "+1 (415) 555-0100", "tel:+14155550100", "0014155550100" and, with a default country, national forms.
    The default country is used only when the number has none (seed 001). A number that libphonenumber calls
    possible but not valid is accepted: numbering plans change faster than libraries, and a block must not be
    refused for that.

    Args:
        text: what was typed.
        default_country: two letters ("US"), or None.

    Raises:
        InvalidNumber: it is no number; `code` says why.
    """
    cleaned = _INVISIBLE.sub("", _CHANNEL.sub("", text.strip())).strip()
    if is_number(cleaned):
        return _checked(cleaned)
    _refuse_at_once(cleaned)
    if cleaned.startswith("00") and not default_country:
        cleaned = "+" + cleaned[2:]
    try:
        number = phonenumbers.parse(cleaned, default_country)
    except phonenumbers.NumberParseException as error:
        no_country = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        raise InvalidNumber(NumberProblem.NO_COUNTRY if no_country else NumberProblem.NOT_A_NUMBER) from None
    return _checked(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _refuse_at_once(cleaned: str) -> None:
    if not cleaned:
        raise InvalidNumber(NumberProblem.EMPTY)
    if len(cleaned) > _MOST:
        raise InvalidNumber(NumberProblem.TOO_LONG)
    if re.search(r"[^\W\d_]", cleaned.split("ext")[0].split("x")[0]):
        raise InvalidNumber(NumberProblem.LETTERS)


def _checked(number: str) -> E164:
    # Below 8 digits no country has numbers that receive texts; such a "+" number is a typing mistake.
    if not is_number(number):
        raise InvalidNumber(NumberProblem.IMPOSSIBLE)
    parsed = phonenumbers.parse(number)
    if not phonenumbers.is_possible_number(parsed):
        raise InvalidNumber(NumberProblem.IMPOSSIBLE)
    # "+44 07911 123456" is "+44 7911 123456": one number has one form, however it is written.
    return E164(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def is_country(code: str) -> bool:
    """True for the two letters of a country that has phone numbers ("US")."""
    return code in phonenumbers.SUPPORTED_REGIONS


def address_of(raw: str) -> str:
    """The address a carrier names, as it is kept: E.164 where it can be, else as it came.

    A text's sender is never refused: STOP from a short code, an alphanumeric id, or a number libphonenumber calls
    invalid still counts (behaviour 6 and 7). Channel prefixes ("whatsapp:") are removed, so that one person has
    one consent.
    """
    cleaned = _INVISIBLE.sub("", _CHANNEL.sub("", raw.strip())).strip()
    if is_number(cleaned):
        return cleaned
    digits = re.sub(r"[\s().-]", "", cleaned)
    if is_number(digits):
        return digits
    return cleaned[:_MOST]


def channel_of(raw: str) -> str:
    """The channel an address names ("whatsapp"), or "" for a text message."""
    found = _CHANNEL.match(raw.strip())
    name = found.group(1).lower() if found else ""
    return "" if name in {"sms", "tel"} else name


def is_short_code(address: str) -> bool:
    """True for 3 to 8 bare digits."""
    return _SHORT_CODE.fullmatch(address) is not None


def is_sender(address: str) -> bool:
    """True for what a text can come from: a number, short code, alphanumeric id or messaging service."""
    patterns = (_SHORT_CODE, _ALPHANUMERIC, _SERVICE)
    return is_number(address) or any(pattern.fullmatch(address) for pattern in patterns)


def can_be_answered(address: str) -> bool:
    """False for addresses under 6 digits or with letters: machines, which may answer back for ever (behaviour 33).

    No phone has more digits than E.164 allows: a longer one would be charged for and reach nobody.
    """
    digits = address.removeprefix("+")
    return digits.isascii() and digits.isdigit() and 6 <= len(digits) <= _MOST_DIGITS


def masked(address: str) -> str:
    """The address for logs: country code and last two digits at most."""
    if len(address) < 7:
        return "•" * max(len(address), 1)
    return f"{address[:2]}{'•' * (len(address) - 4)}{address[-2:]}"


def formatted(address: str) -> str:
    """The address as people read it: international form for numbers, else as it is."""
    if not is_number(address):
        return address
    return phonenumbers.format_number(phonenumbers.parse(address), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
