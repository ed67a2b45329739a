"""Where an address lives: its shard, its bucket, and the member that stands for it in an index."""

import re
import zlib
from typing import NamedTuple, NewType

E164 = NewType("E164", str)
"""A number in E.164 form, "+14155550100". Only gateway/phone.py makes one."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_PSEUDONYM = re.compile(r"#([0-9]{2})[0-9a-f]{30}")
ERASED = "erased"
"""The bucket of the pseudonyms of erased numbers."""


class Place(NamedTuple):
    """Where everything about one address is kept.

    shard: two decimal digits, the hash tag of all its keys. gate_bucket / gate_member: its place in a gate
    index. details_bucket / details_field: its place in the details of a scope.
    """

    shard: str
    gate_bucket: str
    gate_member: str
    details_bucket: str
    details_field: str


def is_number(address: str) -> bool:
    """True for an E.164 number, False for short codes, alphanumeric ids and anything else."""
    return _NUMBER.fullmatch(address) is not None


def is_pseudonym(address: str) -> bool:
    """True for what stands in the place of an erased number: "#", its shard, and a keyed hash (pseudonyms.py)."""
    return _PSEUDONYM.fullmatch(address) is not None


def shard_of(address: str) -> str:
    """The shard of an address: a number's last two digits, or a checksum for anything that is not a number.

    Last digits spread evenly; first digits do not (reference: README.md, "Why the last digits").
    """
    if is_number(address):
        return address[-2:]
    if is_pseudonym(address):
        return address[1:3]
    return f"{zlib.crc32(address.encode()) % 100:02d}"


def place_of(address: str) -> Place:
    """The place of an address. Numbers become integers, so that their sets and hashes stay packed."""
    if is_number(address):
        return Place(address[-2:], address[-4:], address[1:-4], address[-5:], address[1:-5])
    bucket = ERASED if is_pseudonym(address) else "other"
    return Place(shard_of(address), bucket, address, bucket, address)
