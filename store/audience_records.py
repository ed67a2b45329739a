"""What is known of audiences besides who is in them. An audience that nobody wrote anything about has no record."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.journal import milliseconds, moment

_NEVER = moment(0)


@dataclass(frozen=True, slots=True)
class AudienceRecord:
    """An audience as an account describes it.

    id: what sends, opt-outs and keywords name. name: for people. sender: the one its texts come from; "" when that may
    be any. removed: it was taken away; its opt-outs stay and so does its record.
    """

    id: str
    account: str
    name: str
    sender: str = ""
    created_at: datetime = _NEVER
    updated_at: datetime = _NEVER
    removed: bool = False


class AudienceRecords:
    """The audiences of all accounts."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def all(self, account: str) -> dict[str, AudienceRecord]:
        """What is known of an account's audiences, by id, also of the removed ones. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.hgetall(keys.audience_records(account))
        return {identifier.decode(): _record_from(account, value) for identifier, value in rows.items()}

    def get(self, account: str, identifier: str) -> AudienceRecord | None:
        """One of them, or None. Raises StoreError."""
        with store_errors():
            value: Any = self._client.hget(keys.audience_records(account), identifier)
        return _record_from(account, value) if value else None

    def save(self, record: AudienceRecord) -> None:
        """Write one. Raises StoreError."""
        document = asdict(record) | {
            "created_at": milliseconds(record.created_at),
            "updated_at": milliseconds(record.updated_at),
        }
        with store_errors():
            self._client.hset(keys.audience_records(record.account), record.id, json.dumps(document))


def _record_from(account: str, value: bytes) -> AudienceRecord:
    kept = json.loads(value)
    times = {"created_at": moment(kept["created_at"]), "updated_at": moment(kept["updated_at"])}
    return AudienceRecord(**{**kept, **times, "account": account})
