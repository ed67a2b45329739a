"""Reconciling with a carrier: who does it now, how far it came, when it was last complete."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.leases import Lease, held

# Longer than any pause between two pages; a runner that died is forgotten after this.
LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run came.

    asked: what was asked for, so that only the same request goes on from here. since: everything before was looked
    at. done: senders that were looked at beyond `since`, to the end of the part that begins there. started_at: when
    the run first began.
    """

    asked: str
    since: datetime
    done: tuple[str, ...]
    started_at: datetime


@dataclass(frozen=True, slots=True)
class CompleteRun:
    """The last scheduled run that looked at everything. since: how far back it looked. ingested: texts it found."""

    since: datetime
    started_at: datetime
    ended_at: datetime
    ingested: int


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of reconciling with one carrier.

    attempted_at, problem: the last scheduled run, and what kept it from its end. told_at, told_problem: when the
    carrier was last told of all opt-outs, and what went wrong the last time that was tried. "" for no problem.
    """

    last: CompleteRun | None
    attempted_at: datetime | None
    problem: str
    told_at: datetime | None
    told_problem: str
    ingested: int


class ReconciliationStore:
    """What is kept about reconciling, by carrier."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def running(self, carrier: str, *, lease: timedelta = LEASE) -> AbstractContextManager[Lease]:
        """Be the only one that reconciles with a carrier; see `store.leases.held`.

        Raises:
            AlreadyRunning: somebody else does.
            StoreError: the store did not answer.
        """
        said = f"A reconciliation with {carrier} is running already. Let it finish."
        return held(self._client, keys.reconciliation_lock(carrier), lease, said)

    def progress(self, carrier: str, kind: str) -> Progress | None:
        """How far an interrupted run of a kind ("scheduled", "by_hand") came, or None. Raises StoreError."""
        with store_errors():
            found: Any = self._client.hget(keys.reconciliation(carrier), f"progress:{kind}")
        if not found:
            return None
        row = json.loads(found)
        return Progress(row["asked"], _time(row["since"]), tuple(row["done"]), started_at=_time(row["started_at"]))

    def save_progress(self, carrier: str, kind: str, progress: Progress) -> None:
        """Remember how far a run came. Raises StoreError."""
        row = {
            "asked": progress.asked,
            "since": progress.since.isoformat(),
            "done": list(progress.done),
            "started_at": progress.started_at.isoformat(),
        }
        with store_errors():
            self._client.hset(keys.reconciliation(carrier), f"progress:{kind}", json.dumps(row))

    def forget_progress(self, carrier: str, kind: str) -> None:
        """The run is complete: the next one begins anew. Raises StoreError."""
        with store_errors():
            self._client.hdel(keys.reconciliation(carrier), f"progress:{kind}")

    def count_ingested(self, carrier: str, texts: int) -> None:
        """Add to the number of texts that were found. Raises StoreError."""
        with store_errors():
            self._client.hincrby(keys.reconciliation(carrier), "ingested", texts)

    def attempted(self, carrier: str, at: datetime, problem: str) -> None:
        """Remember when a scheduled run ended, and what went wrong ("" for nothing). Raises StoreError."""
        with store_errors():
            self._client.hset(
                keys.reconciliation(carrier), mapping={"attempted_at": at.isoformat(), "problem": problem}
            )

    def told(self, carrier: str, at: datetime | None, problem: str) -> None:
        """Remember when a carrier was told of all opt-outs (None: not yet) and what went wrong. Raises StoreError."""
        row: Any = {"told_problem": problem, **({"told_at": at.isoformat()} if at else {})}
        with store_errors():
            self._client.hset(keys.reconciliation(carrier), mapping=row)

    def completed(self, carrier: str, run: CompleteRun) -> None:
        """Remember a scheduled run that looked at everything. Raises StoreError."""
        row = {
            "since": run.since.isoformat(),
            "started_at": run.started_at.isoformat(),
            "ended_at": run.ended_at.isoformat(),
            "ingested": run.ingested,
        }
        with store_errors():
            self._client.hset(keys.reconciliation(carrier), "last", json.dumps(row))

    def record(self, carrier: str) -> Record:
        """What is known of reconciling with a carrier. Raises StoreError."""
        with store_errors():
            found: Any = self._client.hgetall(keys.reconciliation(carrier))
        fields: Mapping[str, str] = {name.decode(): value.decode() for name, value in found.items()}
        attempted, told = fields.get("attempted_at"), fields.get("told_at")
        return Record(
            last=_complete_run(fields.get("last")),
            attempted_at=_time(attempted) if attempted else None,
            problem=fields.get("problem", ""),
            told_at=_time(told) if told else None,
            told_problem=fields.get("told_problem", ""),
            ingested=int(fields.get("ingested", "0")),
        )


def _complete_run(text: str | None) -> CompleteRun | None:
    if text is None:
        return None
    row = json.loads(text)
    return CompleteRun(_time(row["since"]), _time(row["started_at"]), _time(row["ended_at"]), int(row["ingested"]))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
