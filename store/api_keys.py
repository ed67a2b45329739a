"""API keys: only their hashes are kept."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
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
    """What is known of a key: whose it is and what it may do. The secret is shown once and never stored.

    name: what people call it. last_used_at: to the minute.
    """

    id: str
    account: str
    role: str
    created_at: datetime
    last_used_at: datetime | None = None
    name: str = ""


def _hash(secret: str) -> str:
    # The secret is 256 random bits, so a plain hash cannot be guessed backwards and costs no time per request.
    return hashlib.sha256(secret.encode()).hexdigest()


def id_of(key: str) -> str:
    """The id of a key, which is a part of it and no secret."""
    return key.partition("_")[2].partition("_")[0]


class ApiKeyStore:
    """API keys of all accounts."""

    def __init__(self, client: "redis.Redis", new_secret: Callable[[], str]) -> None:
        self._client = client
        self._new_secret = new_secret

    def create(self, account: str, role: str, now: datetime, *, name: str = "") -> str:
        """Make a key and return it. It cannot be read again. Raises StoreError."""
        identifier = hashlib.sha256(self._new_secret().encode()).hexdigest()[:12]
        secret = self._new_secret()
        document = {
            "account": account, "role": role, "hash": _hash(secret), "created": milliseconds(now), "name": name
        }  # fmt: skip
        with store_errors():
            self._client.hset(keys.API_KEYS, identifier, json.dumps(document))
        return f"{_PREFIX}_{identifier}_{secret}"

    def find(self, presented: str, now: datetime) -> ApiKey | None:
        """The key that was presented, or None when it is unknown, revoked or wrong. Raises StoreError."""
        prefix, _, rest = presented.partition("_")
        identifier, _, secret = rest.partition("_")
        if prefix != _PREFIX or not identifier or not secret:
            return None
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hget(keys.API_KEYS, identifier)
        pipeline.hget(keys.API_KEYS_USED, identifier)
        with store_errors():
            raw, used = pipeline.execute()
        if raw is None:
            return None
        document = json.loads(raw)
        if not hmac.compare_digest(document["hash"], _hash(secret)):
            return None
        self._note_use(identifier, int(used or 0), now)
        return _key(identifier, document, used)

    def _note_use(self, identifier: str, used: int, now: datetime) -> None:
        # Beside the key and not in it: writing the whole key here would bring back one that is revoked meanwhile.
        if milliseconds(now) - used >= _SEEN_EVERY / timedelta(milliseconds=1):
            with store_errors():
                self._client.hset(keys.API_KEYS_USED, identifier, milliseconds(now))

    def revoke(self, identifier: str) -> bool:
        """Revoke a key; False when there was none. Raises StoreError."""
        with store_errors():
            self._client.hdel(keys.API_KEYS_USED, identifier)
            return bool(self._client.hdel(keys.API_KEYS, identifier))

    def all(self, account: str | None = None) -> list[ApiKey]:
        """The keys of an account, or all, oldest first. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(keys.API_KEYS)
        pipeline.hgetall(keys.API_KEYS_USED)
        with store_errors():
            rows, used = pipeline.execute()
        found = [_key(name.decode(), json.loads(document), used.get(name)) for name, document in rows.items()]
        mine = [key for key in found if account in {None, key.account}]
        return sorted(mine, key=lambda key: (key.created_at, key.id))


def _key(identifier: str, document: Mapping[str, Any], used: bytes | None) -> ApiKey:
    # Keys made before uses had a place of their own have theirs in the document.
    last = used.decode() if used else document.get("used")
    return ApiKey(
        identifier,
        str(document["account"]),
        str(document["role"]),
        moment(document["created"]),
        moment(last) if last else None,
        str(document.get("name", "")),
    )
