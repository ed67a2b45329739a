"""Bodies that carriers hand over in odd shapes."""

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SHORTEST = 60


def readable(body: str) -> str:
    """The text of a body that may be base64, as some networks hand over long texts (behaviour 11).

    Decoded only when it is long, has the length and alphabet of base64, and what comes out is text that is at
    least half ASCII: a long word of letters is left as it is. NUL bytes are removed, since they cannot be stored or
    shown by much of what reads our data later (behaviour 12).
    """
    return _decoded(body).replace("\x00", "")


def _decoded(body: str) -> str:
    if len(body) < _SHORTEST or len(body) % 4 or not _ALPHABET.fullmatch(body):
        return body
    try:
        text = base64.b64decode(body, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return body
    printable = sum(character.isascii() and (character.isprintable() or character.isspace()) for character in text)
    return text if 2 * printable >= len(text) else body
