"""Idempotency keys of the REST API: what each was used for, and what was answered."""

import json
import zlib
from dataclasses import dataclass
from datetime import timedelta

import redis

from store import keys
from store.client import store_errors

_KEPT = timedelta(days=2)
# Longer than any request may take (gateway/server.py ends it after 30 seconds), so that a request that still runs is
# never taken for one that died.
_RUNS = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered. status: None while it runs. location: its Location header, or ""."""

    fingerprint: str
    status: int | None = None
    content_type: str = ""
    location: str = ""
    body: bytes = b""


class IdempotencyStore:
    """Remembers for two days which request an idempotency key belongs to."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def belongs_to(self, account: str, key: str, fingerprint: str) -> bool:
        """True when the key is new or was used for this very request. Raises StoreError.

        Args:
            account: whose key it is.
            key: as the caller chose it.
            fingerprint: a digest of the request.
        """
        name = keys.idempotency(account, key)
        with store_errors():
            known = self._client.set(name, fingerprint, nx=True, get=True, px=_KEPT)
        return known is None or known == fingerprint.encode()

    def claim(self, account: str, key: str, fingerprint: str) -> Answer | None:
        """Take the key for a request that is to run now; None when it is taken, else what the key was used for.

        A claim whose process died ends by itself after two minutes. Raises StoreError.

        Args:
            account: whose key it is.
            key: as the caller chose it.
            fingerprint: a digest of the request.
        """
        with store_errors():
            known = self._client.set(
                keys.answer(account, key), _packed(Answer(fingerprint)), nx=True, get=True, px=_RUNS
            )
        return None if known is None else _unpacked(bytes(known))  # type: ignore[arg-type]

    def keep(self, account: str, key: str, answer: Answer) -> None:
        """Keep what the request that has the key was answered. Raises StoreError."""
        with store_errors():
            self._client.set(keys.answer(account, key), _packed(answer), px=_KEPT)

    def release(self, account: str, key: str) -> None:
        """Give the key back: the request that had it came to nothing and may be sent again. Raises StoreError."""
        with store_errors():
            self._client.delete(keys.answer(account, key))


def _packed(answer: Answer) -> bytes:
    head = [answer.fingerprint, answer.status, answer.content_type, answer.location]
    return json.dumps(head).encode() + b"\n" + zlib.compress(answer.body, 1)


def _unpacked(value: bytes) -> Answer:
    head, _, body = value.partition(b"\n")
    fingerprint, status, content_type, location = json.loads(head)
    return Answer(fingerprint, status, content_type, location, zlib.decompress(body))
