"""Records of broadcasts, how far each is, and what became of their texts."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import redis

from store import keys
from store.bulk import read_many
from store.client import store_errors
from store.functions import Functions
from store.journal import milliseconds, moment
from store.noting import change_record, hold_record
from store.topology import Topology

_REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """One broadcast.

    seed: a secret from which the ids of its texts follow. status: draft, sending, stopped or finished. size: members of
    the audience when it was started. place: how far the audience was gone through, "" at the beginning (see
    AudienceMembers.buckets_after); walked_at: when that came to its end. skipped: members that no text was made for, by
    "reason|scope|source". problem: why it was stopped, when nobody asked for it. alarm: "stopped" when too many opted
    out, "overruled" when somebody went on all the same.
    """

    id: str
    account: str
    name: str
    audience: str
    sender: str
    body: str
    status: str
    created_at: datetime
    updated_at: datetime
    created_by: str = ""
    seed: str = ""
    started_by: str = ""
    stopped_by: str = ""
    resumed_by: str = ""
    started_at: datetime | None = None
    resumed_at: datetime | None = None
    walked_at: datetime | None = None
    ended_at: datetime | None = None
    size: int = 0
    place: str = ""
    skipped: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class BroadcastFigures:
    """Texts of a broadcast: by status (handing_over counts as queued), and those with a reason by status and why."""

    by_status: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)


class BroadcastStore:
    """Broadcasts of all accounts."""

    def __init__(self, client: "redis.Redis", topology: Topology, functions: Functions) -> None:
        self._client = client
        self._topology = topology
        self._functions = functions

    def create(self, record: BroadcastRecord) -> None:
        """Write a new draft. Raises StoreError: it may have been written."""
        at = milliseconds(record.created_at)
        names = ("account", "name", "audience", "sender", "body", "status", "created_by", "seed")
        fields: dict[Any, Any] = {name: getattr(record, name) for name in names}
        with store_errors():
            self._client.hset(
                keys.broadcast_record(record.id),
                mapping={**fields, "created": at, "updated": at},
            )
            self._client.zadd(keys.broadcasts_of(record.account), {record.id: at})

    def get(self, broadcast_id: str) -> BroadcastRecord | None:
        """The record, or None. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.hgetall(keys.broadcast_record(broadcast_id))
        return _record(broadcast_id, raw)

    def status(self, broadcast_id: str) -> str:
        """Its status, "" when there is no such broadcast. Raises StoreError."""
        with store_errors():
            found: Any = self._client.hget(keys.broadcast_record(broadcast_id), "status")
        return found.decode() if found else ""

    def change(
        self, broadcast_id: str, now: datetime, changes: Mapping[str, Any], *, expect: Mapping[str, Sequence[str]]
    ) -> bool:
        """Change fields of a record, in one step; False when it is not as expected, and then nothing was changed.

        Args:
            broadcast_id: which.
            now: the time.
            changes: field -> value; times, mappings and numbers as they are.
            expect: field -> the values that it may have now, "" for none.

        Raises:
            StoreError: it is unknown whether it was changed.
        """
        return change_record(self._functions, keys.broadcast_record(broadcast_id), now, changes, expect)

    def remove_draft(self, broadcast_id: str, account: str, now: datetime) -> bool:
        """Remove a broadcast that was never started; False when it was. Raises StoreError: repeating completes it."""
        expect = {"status": ["draft", _REMOVED]}
        if not self.change(broadcast_id, now, {"status": _REMOVED}, expect=expect):
            return False
        with store_errors():
            self._client.zrem(keys.broadcasts_of(account), broadcast_id)
            self._client.delete(keys.broadcast_record(broadcast_id))
        return True

    def hold(self, broadcast_id: str, token: str, now: datetime, lease: timedelta) -> bool:
        """Be the only one that goes on with a broadcast until the lease is over; False when somebody else is.

        Raises StoreError.
        """
        return hold_record(self._functions, keys.broadcast_record(broadcast_id), token, now, lease)

    def release(self, broadcast_id: str, token: str) -> None:
        """Let others go on with it. Raises StoreError."""
        payload = {"expect": {"holder": [token]}, "set": {"holder": ""}}
        self._functions.call("sg_note", [keys.broadcast_record(broadcast_id)], payload)

    def newest(self, account: str, limit: int, *, before: tuple[datetime, str] | None = None) -> list[BroadcastRecord]:
        """The newest broadcasts of an account, newest first. Raises StoreError.

        before: the time and id of the last one of the page before.
        """
        key = keys.broadcasts_of(account)
        with store_errors():
            if before is None:
                names: Any = self._client.zrevrange(key, 0, limit - 1)
            else:
                names = self._beyond(key, milliseconds(before[0]), before[1], limit)
        found = [name.decode() for name in names]
        wanted = [keys.broadcast_record(name) for name in found]
        rows = read_many(self._topology, [(name, ("HGETALL", name)) for name in wanted]) if wanted else []
        records = [_record(name, _mapping(raw)) for name, raw in zip(found, rows, strict=True)]
        return [record for record in records if record is not None]

    def _beyond(self, key: str, at: int, last: str, limit: int) -> list[bytes]:
        """Names beyond a place; several may be of the same millisecond, and those are in the order of their names."""
        same: Any = self._client.zrevrangebyscore(key, at, at)
        older: Any = self._client.zrevrangebyscore(key, f"({at}", "-inf", start=0, num=limit)
        return [*(name for name in same if name.decode() < last), *older][:limit]

    def figures(self, broadcast_ids: Sequence[str]) -> dict[str, BroadcastFigures]:
        """How many texts of each broadcast there are, and what became of them; one round trip.

        They were counted in the same step as each text's status, and are kept for 400 days. Raises StoreError.
        """
        totals = {identifier: BroadcastFigures() for identifier in broadcast_ids}
        asked = [(identifier, shard) for identifier in broadcast_ids for shard in keys.SHARDS]
        names = [keys.broadcast_figures(shard, identifier) for identifier, shard in asked]
        answers = read_many(self._topology, [(name, ("HGETALL", name)) for name in names]) if names else []
        for (identifier, _), raw in zip(asked, answers, strict=True):
            for name, count in _mapping(raw).items():
                status, _, reason = name.decode().partition("|")
                totals[identifier].by_status[status] += int(count)
                if reason:
                    totals[identifier].by_reason[status, reason] += int(count)
        return totals

    def left(self, account: str, asked: Mapping[str, tuple[date, date]]) -> dict[str, int]:
        """How many opted out after each broadcast, within a week of its text; one round trip.

        Args:
            account: whose.
            asked: broadcast id -> the first and the last day (UTC) to look at.

        Raises:
            StoreError: there is no answer.
        """
        totals = dict.fromkeys(asked, 0)
        fields: dict[str, list[tuple[str, str]]] = {}
        for identifier, (first, last) in asked.items():
            for ahead in range((last - first).days + 1):
                day = first + timedelta(days=ahead)
                fields.setdefault(f"{day:%Y%m}", []).append((identifier, f"{day:%d}:left_broadcast:{identifier}"))
        wanted = [(month, keys.days(shard, account, month)) for month in fields for shard in keys.SHARDS]
        commands = [(name, ("HMGET", name, *(field for _, field in fields[month]))) for month, name in wanted]
        answers = read_many(self._topology, commands) if commands else []
        for (month, _), counts in zip(wanted, answers, strict=True):
            for (identifier, _), count in zip(fields[month], counts, strict=True):
                totals[identifier] += int(count or 0)
        return totals

    def who_left(self, account: str, broadcast_id: str, since: datetime, until: datetime) -> list[tuple[datetime, str]]:
        """When people opted out after a broadcast, and the id of the text each had got of it; newest first.

        Args:
            account, broadcast_id: which.
            since, until: when they may have.

        Raises:
            StoreError: there is no answer.
        """
        names = [keys.left_after(shard, account) for shard in keys.SHARDS]
        commands = [
            (name, ("ZRANGEBYSCORE", name, milliseconds(since), milliseconds(until), "WITHSCORES")) for name in names
        ]
        found = []
        for raw in read_many(self._topology, commands):
            for member, at in raw:
                broadcast, _, text = member.decode().partition(":")
                if broadcast == broadcast_id:
                    found.append((moment(round(at)), text))
        return sorted(found, reverse=True)

    def put_off(self, broadcast_id: str, message_id: str) -> None:
        """Note a text that was not handed over because its broadcast is stopped. Raises StoreError."""
        with store_errors():
            self._client.sadd(keys.broadcast_put_off(broadcast_id), message_id)

    def those_put_off(self, broadcast_id: str) -> list[str]:
        """The texts that were put off. Raises StoreError."""
        with store_errors():
            found: Any = self._client.smembers(keys.broadcast_put_off(broadcast_id))
        return sorted(name.decode() for name in found)

    def no_longer_put_off(self, broadcast_id: str, message_ids: Sequence[str]) -> None:
        """Forget texts that were put off and are due again. Raises StoreError."""
        if message_ids:
            with store_errors():
                self._client.srem(keys.broadcast_put_off(broadcast_id), *message_ids)


def _mapping(raw: Any) -> Mapping[bytes, bytes]:
    return raw if isinstance(raw, dict) else dict(zip(raw[::2], raw[1::2], strict=True))


def _record(broadcast_id: str, raw: Mapping[bytes, bytes]) -> BroadcastRecord | None:
    text = {name.decode(): value.decode() for name, value in raw.items()}
    # A record of which only a lease is left is that of a removed draft.
    if text.get("status", _REMOVED) == _REMOVED:
        return None
    names = ("created_by", "seed", "started_by", "stopped_by", "resumed_by", "place", "problem", "alarm")
    times = {
        f"{name}_at": moment(text[name]) if text.get(name) else None
        for name in ("started", "resumed", "walked", "ended")
    }
    more: dict[str, Any] = {**{name: text.get(name, "") for name in names}, **times}
    return BroadcastRecord(
        id=broadcast_id,
        account=text["account"],
        name=text["name"],
        audience=text["audience"],
        sender=text["sender"],
        body=text["body"],
        status=text["status"],
        created_at=moment(text["created"]),
        updated_at=moment(text["updated"]),
        size=int(text.get("size", "0")),
        skipped=json.loads(text.get("skipped", "{}")),
        **more,
    )
