"""API keys: only their hashes are kept."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.consent import milliseconds, moment

_PREFIX = "sg"
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key: whose it is and what it may do. The secret is shown once and never stored."""

    id: str
    account: str
    role: str
    created_at: datetime
    last_used_at: datetime | None = None


def _hash(secret: str) -> str:
    # The secret is 256 random bits, so a plain hash cannot be guessed backwards and costs no time per request.
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeyStore:
    """API keys of all accounts."""

    def __init__(self, client: "redis.Redis", new_secret: Callable[[], str]) -> None:
        self._client = client
        self._new_secret = new_secret

    def create(self, account: str, role: str, now: datetime) -> str:
        """Make a key and return it. It cannot be read again. Raises StoreError."""
        identifier = hashlib.sha256(self._new_secret().encode()).hexdigest()[:12]
        secret = self._new_secret()
        document = {"account": account, "role": role, "hash": _hash(secret), "created": milliseconds(now)}
        with store_errors():
            self._client.hset(keys.API_KEYS, identifier, json.dumps(document))
        return f"{_PREFIX}_{identifier}_{secret}"

    def find(self, presented: str, now: datetime) -> ApiKey | None:
        """The key that was presented, or None when it is unknown, revoked or wrong. Raises StoreError."""
        prefix, _, rest = presented.partition("_")
        identifier, _, secret = rest.partition("_")
        if prefix != _PREFIX or not identifier or not secret:
            return None
        with store_errors():
            raw = self._client.hget(keys.API_KEYS, identifier)
        if raw is None:
            return None
        document = json.loads(raw)
        if not hmac.compare_digest(document["hash"], _hash(secret)):
            return None
        self._note_use(identifier, document, now)
        return self._key(identifier, document)

    def _note_use(self, identifier: str, document: dict[str, str | int], now: datetime) -> None:
        used = int(document.get("used", 0))
        if milliseconds(now) - used < _SEEN_EVERY / timedelta(milliseconds=1):
            return
        with store_errors():
            self._client.hset(keys.API_KEYS, identifier, json.dumps({**document, "used": milliseconds(now)}))

    def revoke(self, identifier: str) -> bool:
        """Revoke a key; False when there was none. Raises StoreError."""
        with store_errors():
            return bool(self._client.hdel(keys.API_KEYS, identifier))

    def all(self, account: str | None = None) -> list[ApiKey]:
        """The keys of an account, or all, oldest first. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.hgetall(keys.API_KEYS)
        found = [self._key(identifier.decode(), json.loads(document)) for identifier, document in rows.items()]
        return sorted((key for key in found if account in {None, key.account}), key=lambda key: key.created_at)

    @staticmethod
    def _key(identifier: str, document: dict[str, str | int]) -> ApiKey:
        used = document.get("used")
        return ApiKey(
            identifier,
            str(document["account"]),
            str(document["role"]),
            moment(document["created"]),
            moment(used) if used else None,
        )
