"""Records of imports: what was asked for, how far each is, who works on it, what came of it; and their reports."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.functions import Functions
from store.journal import milliseconds, moment
from store.noting import change_record, hold_record

_REPORT_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import.

    status: queued, running, stopped, finished, failed or undone. order: what was asked for, as the caller wrote it.
    blocks: how many blocks of the file are done. done, size: how far that is, in a unit of the file's own. counts:
    rows by outcome. also: opt-outs that a list of contacts brought, by outcome. report: how long the report is, so that
    a resumed import goes on there. problem: why it failed. wish: "stop" when somebody wants it stopped. attempts: how
    often it was begun since it last got on. undoing: of its undo, who asked and how far it is. undone: what the undo
    did. applied: the import that a dry run became.
    """

    id: str
    account: str
    status: str
    order: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    blocks: int = 0
    done: int = 0
    size: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    also: Mapping[str, int] = field(default_factory=dict)
    report: int = 0
    problem: str = ""
    wish: str = ""
    attempts: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None
    undoing: Mapping[str, Any] = field(default_factory=dict)
    undone: Mapping[str, int] = field(default_factory=dict)
    applied: str = ""

    @property
    def rows(self) -> int:
        """How many rows of the file have an outcome."""
        return sum(self.counts.values())


class ImportStore:
    """Records of imports of all accounts."""

    def __init__(self, client: "redis.Redis", functions: Functions) -> None:
        self._client = client
        self._functions = functions

    def create(self, import_id: str, account: str, order: Mapping[str, Any], now: datetime) -> ImportRecord:
        """Write a new record, unless there is one with this id. Raises StoreError."""
        key, at = keys.import_record(import_id), milliseconds(now)
        document = json.dumps(order, ensure_ascii=False)
        with store_errors():
            # Whoever died between the two is made up for by the next one.
            if self._client.hsetnx(key, "account", account) or not self._client.hexists(key, "order"):
                self._client.hset(key, mapping={"order": document, "status": "queued", "created": at, "updated": at})
                self._client.zadd(keys.imports_of(account), {import_id: at}, nx=True)
        record = self.get(import_id)
        assert record is not None, "it was just written"
        return record

    def get(self, import_id: str) -> ImportRecord | None:
        """The record, or None. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.hgetall(keys.import_record(import_id))
        return _record(import_id, raw)

    def change(
        self,
        import_id: str,
        now: datetime,
        changes: Mapping[str, Any],
        *,
        expect: Mapping[str, Sequence[str]] | None = None,
    ) -> bool:
        """Change fields of a record, in one step; False when it is not as expected, and then nothing was changed.

        Args:
            import_id: which.
            now: the time.
            changes: field -> value; times, mappings and numbers as they are.
            expect: field -> the values that it may have now, "" for none.

        Raises:
            StoreError: it is unknown whether it was changed.
        """
        return change_record(self._functions, keys.import_record(import_id), now, changes, expect or {})

    def hold(self, import_id: str, token: str, now: datetime, lease: timedelta) -> bool:
        """Be the only one that works on an import until the lease is over; False when somebody else is.

        Holding it again keeps it for another lease. Raises StoreError.
        """
        return hold_record(self._functions, keys.import_record(import_id), token, now, lease)

    def release(self, import_id: str, token: str, now: datetime) -> None:
        """Let others work on it. Raises StoreError."""
        self.change(import_id, now, {"holder": ""}, expect={"holder": [token]})

    def newest(
        self, account: str, limit: int = 100, *, before: tuple[datetime, str] | None = None
    ) -> list[ImportRecord]:
        """The newest imports of an account, newest first. Raises StoreError.

        before: the time and id of the last one of the page before.
        """
        key = keys.imports_of(account)
        with store_errors():
            if before is None:
                names: Any = self._client.zrevrange(key, 0, limit - 1)
            else:
                names = self._after(key, milliseconds(before[0]), before[1], limit)
            pipeline = self._client.pipeline(transaction=False)
            for name in names:
                pipeline.hgetall(keys.import_record(name.decode()))
            rows = pipeline.execute()
        records = [_record(name.decode(), raw) for name, raw in zip(names, rows, strict=True)]
        return [record for record in records if record is not None]

    def _after(self, key: str, at: int, last: str, limit: int) -> list[bytes]:
        """Names beyond a place; several may be of the same millisecond, and those are in the order of their names."""
        same: Any = self._client.zrevrangebyscore(key, at, at)
        older: Any = self._client.zrevrangebyscore(key, f"({at}", "-inf", start=0, num=limit)
        return [*(name for name in same if name.decode() < last), *older][:limit]

    def write_report(self, import_id: str, part: int, text: str) -> None:
        """Keep a part of a report; it replaces one with the same number. Raises StoreError."""
        with store_errors():
            self._client.set(keys.import_report(import_id, part), zlib.compress(text.encode(), 1), ex=_REPORT_KEPT)

    def read_report(self, import_id: str, parts: int) -> Iterator[str]:
        """The parts of a report that are still kept. Raises StoreError."""
        for part in range(parts):
            with store_errors():
                found: Any = self._client.get(keys.import_report(import_id, part))
            if found is not None:
                yield zlib.decompress(found).decode()


def _record(import_id: str, raw: Mapping[bytes, bytes]) -> ImportRecord | None:
    if b"order" not in raw:
        return None
    text = {name.decode(): value.decode() for name, value in raw.items()}
    numbers = {name: int(text.get(name, "0")) for name in ("blocks", "done", "size", "report", "attempts")}
    documents = {name: json.loads(text.get(name, "{}")) for name in ("counts", "also", "undoing", "undone")}
    times = {f"{name}_at": moment(text[name]) if text.get(name) else None for name in ("began", "ended")}
    fields: dict[str, Any] = {**numbers, **documents, **times}
    return ImportRecord(
        id=import_id,
        account=text["account"],
        status=text["status"],
        order=json.loads(text["order"]),
        created_at=moment(text["created"]),
        updated_at=moment(text["updated"]),
        problem=text.get("problem", ""),
        wish=text.get("wish", ""),
        applied=text.get("applied", ""),
        **fields,
    )
