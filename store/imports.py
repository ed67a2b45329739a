"""Records of imports: what was asked for, how far each is, what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.journal import milliseconds, moment


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import.

    status: queued, running, stopped, finished, failed or undone. order: what was asked for, as the caller wrote it.
    blocks: how many blocks of the file are done. counts: rows by outcome. report: how long the report is, so that a
    resumed import goes on there.
    """

    id: str
    account: str
    status: str
    order: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    blocks: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    report: int = 0
    problem: str = ""
    undone: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows of the file have an outcome."""
        return sum(self.counts.values())


class ImportStore:
    """Records of imports of all accounts."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def create(self, import_id: str, account: str, order: Mapping[str, Any], now: datetime) -> ImportRecord:
        """Write a new record, unless there is one with this id. Raises StoreError."""
        key, at = keys.import_record(import_id), milliseconds(now)
        document = json.dumps(order, ensure_ascii=False)
        with store_errors():
            if self._client.hsetnx(key, "account", account):
                self._client.hset(key, mapping={"order": document, "status": "queued", "created": at, "updated": at})
                self._client.zadd(keys.imports_of(account), {import_id: at}, nx=True)
        record = self.get(import_id)
        assert record is not None, "it was just written"
        return record

    def get(self, import_id: str) -> ImportRecord | None:
        """The record, or None. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.hgetall(keys.import_record(import_id))
        if b"order" not in raw:
            return None
        text = {name.decode(): value.decode() for name, value in raw.items()}
        return ImportRecord(
            id=import_id,
            account=text["account"],
            status=text["status"],
            order=json.loads(text["order"]),
            created_at=moment(text["created"]),
            updated_at=moment(text["updated"]),
            blocks=int(text.get("blocks", "0")),
            counts=json.loads(text.get("counts", "{}")),
            report=int(text.get("report", "0")),
            problem=text.get("problem", ""),
            undone=json.loads(text.get("undone", "{}")),
        )

    def advance(self, import_id: str, blocks: int, counts: Mapping[str, int], report: int, now: datetime) -> None:
        """Note that a block is done, with the counts so far: one step, so that no row is counted twice."""
        self._set(import_id, now, {"blocks": blocks, "counts": json.dumps(counts), "report": report})

    def set_status(self, import_id: str, status: str, now: datetime, problem: str = "") -> None:
        """Note a new status. Raises StoreError."""
        self._set(import_id, now, {"status": status, "problem": problem})

    def set_undone(self, import_id: str, lifted: int, kept: int, now: datetime) -> None:
        """Note what an undo did. Raises StoreError."""
        self._set(import_id, now, {"status": "undone", "undone": json.dumps({"lifted": lifted, "kept": kept})})

    def _set(self, import_id: str, now: datetime, values: Mapping[str, str | int]) -> None:
        mapping: Any = {**values, "updated": milliseconds(now)}
        with store_errors():
            self._client.hset(keys.import_record(import_id), mapping=mapping)

    def newest(self, account: str, limit: int = 100) -> list[ImportRecord]:
        """The newest imports of an account, newest first. Raises StoreError."""
        with store_errors():
            names: Any = self._client.zrevrange(keys.imports_of(account), 0, limit - 1)
        records = [self.get(name.decode()) for name in names]
        return [record for record in records if record is not None]
