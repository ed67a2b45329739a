"""Who is in which audience."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.addresses import Place, place_of
from store.bulk import read_many
from store.client import store_errors
from store.consent import milliseconds
from store.erased_checks import ErasedChecks
from store.functions import Call, Functions
from store.inbound import Join, join_payload
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope
from store.topology import Topology

_NUMBERS_PER_CALL = 128
_CALLS_AT_ONCE = 4
_JOINED = {"0": "blocked", "1": "joined", "2": "already_member"}


class AudienceStore:
    """Membership of audiences. The gate does not ask it: an opt-out blocks whoever is a member of what."""

    def __init__(self, client: "redis.Redis", functions: Functions, topology: Topology, pseudonyms: Pseudonyms) -> None:
        self._client = client
        self._functions = functions
        self._topology = topology
        self._pseudonyms = pseudonyms
        self._erased = ErasedChecks(topology, pseudonyms)

    def subscribe(
        self, address: str, join: Join, *, sender: str, occurred_at: datetime, detail: Mapping[str, Any]
    ) -> str:
        """Put a number into an audience; a question that has to be answered first is answered to `sender`.

        Returns:
            joined, already_member, asked (something blocks the number; a question is open now) or blocked.

        Raises:
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        place = place_of(address)
        names = [keys.pending(place.shard, sender, address), keys.counters(place.shard)]
        payload = {
            "pending": 1,
            "counters": 2,
            "address": address,
            "member": place.gate_member,
            "field": place.details_field,
            "at": str(milliseconds(occurred_at)),
            "detail": json.dumps(detail, ensure_ascii=False),
            "join": join_payload(join, place, names, self._pseudonyms.places_of(address)),
        }
        answer: bytes = self._functions.call("sg_subscribe", names, payload)
        return answer.decode()

    def join_many(self, account: str, audience: str, addresses: Sequence[str], scopes: Sequence[Scope]) -> list[str]:
        """Put many numbers into an audience, those that none of the scopes blocks for texts.

        Blocked or not is looked at in the same step in which the number joins.

        Args:
            account, audience: where they join.
            addresses: numbers in E.164 form.
            scopes: every scope that covers the audience.

        Returns:
            joined, already_member or blocked for each.

        Raises:
            StoreError: some may have joined; repeating is safe.
        """
        found = [""] * len(addresses)
        places = [place_of(address) for address in addresses]
        calls, positions = [], []
        for some in _of_one_shard(places):
            names, buckets, in_order = [keys.audience_sizes(places[some[0]].shard)], [], []
            for group in _of_one_bucket(places, some):
                place = places[group[0]]
                names.append(keys.audience(place, account, audience))
                names += [keys.gate(place, scope, Channel.TEXT) for scope in scopes]
                buckets.append([places[index].gate_member for index in group])
                in_order += group
            payload = {"audience": f"{account}/{audience}", "scopes": len(scopes), "buckets": buckets}
            calls.append(("sg_audience_join", names, [json.dumps(payload)]))
            positions.append(in_order)
        for in_order, answer in zip(positions, self._call(calls), strict=True):
            for index, code in zip(in_order, answer.decode(), strict=True):
                found[index] = _JOINED[code]
        # What was erased meanwhile is blocked under a pseudonym now: looked at afterwards, none gets in between.
        for hit in self._erased.blocked(addresses, scopes, Channel.TEXT):
            found[hit.position] = "blocked"
            self.leave(addresses[hit.position], account, audience)
        return found

    def leave(self, address: str, account: str, audience: str) -> bool:
        """Take a number out of an audience; False when it was not in it. Raises StoreError."""
        return self.leave_many([address], account, [audience])[0] > 0

    def leave_many(
        self, addresses: Sequence[str], account: str, audiences: Sequence[str], *, while_blocked_by: Scope | None = None
    ) -> list[int]:
        """Take many numbers out of audiences.

        Args:
            addresses: numbers in E.164 form.
            account: whose audiences.
            audiences: which.
            while_blocked_by: only those whose texts this scope blocks at this moment.

        Returns:
            how many audiences each left, or -1 for one that `while_blocked_by` does not block.

        Raises:
            StoreError: some may have left; repeating is safe.
        """
        found = [0] * len(addresses)
        places = [place_of(address) for address in addresses]
        calls, positions = [], []
        for some in _of_one_shard(places):
            names = {keys.audience_sizes(places[some[0]].shard): 1}
            rows = []
            for index in some:
                place = places[index]
                row: dict[str, Any] = {"member": place.gate_member}
                if while_blocked_by is not None:
                    gate = keys.gate(place, while_blocked_by, Channel.TEXT)
                    row["gate"] = names.setdefault(gate, len(names) + 1)
                row["audiences"] = [
                    (names.setdefault(keys.audience(place, account, name), len(names) + 1), f"{account}/{name}")
                    for name in audiences
                ]
                rows.append(row)
            calls.append(("sg_audience_leave", list(names), [json.dumps(rows)]))
            positions.append(some)
        for some, answer in zip(positions, self._call(calls), strict=True):
            for index, left in zip(some, answer, strict=True):
                found[index] = left
        return found

    def _call(self, calls: Sequence[Call]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(calls), _CALLS_AT_ONCE):
            answers += self._functions.start(calls[start : start + _CALLS_AT_ONCE]).answers()
        return answers

    def are_members(self, addresses: Sequence[str], account: str, audience: str) -> list[bool]:
        """Whether each number is in an audience, in one round trip. Raises StoreError."""
        places = [place_of(address) for address in addresses]
        commands, groups = [], []
        for group in _of_one_bucket(places, range(len(places))):
            name = keys.audience(places[group[0]], account, audience)
            commands.append((name, ("SMISMEMBER", name, *(places[index].gate_member for index in group))))
            groups.append(group)
        found = [False] * len(addresses)
        for group, flags in zip(groups, read_many(self._topology, commands) if commands else [], strict=True):
            for index, flag in zip(group, flags, strict=True):
                found[index] = bool(flag)
        return found

    def memberships(self, address: str, account: str, audiences: Sequence[str]) -> list[str]:
        """Which of these audiences a number is in. Raises StoreError."""
        place = place_of(address)
        pipeline = self._client.pipeline(transaction=False)
        for audience in audiences:
            pipeline.sismember(keys.audience(place, account, audience), place.gate_member)
        with store_errors():
            answers = pipeline.execute()
        return [audience for audience, member in zip(audiences, answers, strict=True) if member]


def _of_one_shard(places: Sequence[Place]) -> Iterator[list[int]]:
    """The positions of places, those of a shard together, a call's worth at a time."""
    shards: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        shards.setdefault(place.shard, []).append(index)
    for group in shards.values():
        for start in range(0, len(group), _NUMBERS_PER_CALL):
            yield group[start : start + _NUMBERS_PER_CALL]


def _of_one_bucket(places: Sequence[Place], positions: Iterable[int]) -> Iterator[list[int]]:
    buckets: dict[tuple[str, str], list[int]] = {}
    for index in positions:
        buckets.setdefault((places[index].shard, places[index].gate_bucket), []).append(index)
    yield from buckets.values()
