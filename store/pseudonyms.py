"""What stands for a number that was erased: a keyed hash of it, in the number's own shard (regulation GD-3).

A plain hash of a phone number is undone by trying them all; this one needs the key, which is not in the store. It still
is personal data of the person, for whoever has the key: it finds the number again when it is presented, and only then.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from store.addresses import Place, place_of, shard_of

_KEY_DIGITS, _HASH_DIGITS = 6, 24
_FOR_ID = b"stopgate erasure key id"
_BLOCK = 64


class Pseudonyms:
    """Pseudonyms by one or several keys: the first makes new ones, with the others erased numbers are found."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._hashes = [(_Hash(key), key_id(key)) for key in keys]

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, the one in use first."""
        return tuple(identifier for _, identifier in self._hashes)

    def all_of(self, address: str) -> tuple[str, ...]:
        """Every pseudonym that an address may have been given, by the newest key first."""
        shard, data = shard_of(address), address.encode()
        return tuple([f"#{shard}{identifier}{keyed.of(data)[:_HASH_DIGITS]}" for keyed, identifier in self._hashes])

    def places_of(self, address: str) -> tuple[Place, ...]:
        """Where each of them is kept."""
        return tuple(place_of(pseudonym) for pseudonym in self.all_of(address))


class _Hash:
    """HMAC-SHA256 by one key, whose part is worked out once (RFC 2104): a list is hashed in half the time."""

    def __init__(self, key: bytes) -> None:
        padded = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def of(self, data: bytes) -> str:
        """The hash, in hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.hexdigest()


def key_id(key: bytes) -> str:
    """A name for a key, which stands in each of its pseudonyms, so that a key that is missing is noticed."""
    return hmac.digest(key, _FOR_ID, "sha256").hex()[:_KEY_DIGITS]
