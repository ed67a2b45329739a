"""`stopgate verify`: the journal replays to exactly the state. Works while the store is in use, a shard at a time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store import keys
from store.addresses import place_of
from store.bulk import BulkStore
from store.client import store_errors
from store.consent import owner_of
from store.details import unpack
from store.replay import Entry, ShardState, blocked_channels
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.topology import Spread, Topology

_ENTRIES_AT_ONCE = 100
_KEYS_AT_ONCE = 500
_ATTEMPTS = 20
_MOST_NAMED = 20
_STATE = ("details:*", *(f"gate:{channel}:*" for channel in ALL_CHANNELS))


@dataclass(frozen=True, slots=True)
class Drift:
    """A place where the state is not what the journal says.

    where: an address, or a key. scope: as in key names. expected, found: in words.
    """

    shard: str
    scope: str
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"shard {self.shard}, scope {self.scope}, {self.where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class ShardReport:
    """One shard: how many entries were replayed to how many records, and what does not fit."""

    shard: str
    entries: int
    records: int
    drifts: tuple[Drift, ...]


class Verification:
    """One run over the store."""

    def __init__(self, topology: Topology, bulk: BulkStore) -> None:
        self._topology = topology
        self._bulk = bulk

    def run(self, shards: Sequence[str] = keys.SHARDS) -> Iterator[ShardReport]:
        """Verify shards, one after the other; what is written meanwhile is taken into account.

        Raises:
            StoreError: the shards reported so far are verified; go on with the next.
        """
        owners = self._owners()
        explained: dict[str, int] = {}
        for shard in shards:
            report, explained[shard] = self._shard(shard, owners.get(shard, []))
            yield report
        yield from self._unexplained(explained)

    def _owners(self) -> dict[str, list[str]]:
        """Whose journals each shard has."""
        found: dict[str, list[str]] = {}
        for name in self._names("*}:journal:*"):
            shard, _, owner = name.partition("}:journal:")
            found.setdefault(shard[1:], []).append(owner)
        return found

    def _names(self, pattern: str) -> Iterator[str]:
        with store_errors():
            for server in self._topology.primaries():
                for name in server.scan_iter(match=pattern, count=1000):
                    yield name.decode()

    def _unexplained(self, explained: Mapping[str, int]) -> Iterator[ShardReport]:
        """Shards with details or gate keys that no journal explains: found by their number, then named."""
        found: Counter[str] = Counter()
        for pattern in _STATE:
            found.update(name[1:3] for name in self._names(f"{{??}}:{pattern}"))
        for shard, count in explained.items():
            if found[shard] > count:
                drifts = self._keys_unexplained(shard)
                if drifts:
                    yield ShardReport(shard, 0, 0, tuple(drifts))

    def _keys_unexplained(self, shard: str) -> list[Drift]:
        names = {name for pattern in _STATE for name in self._names(f"{{{shard}}}:{pattern}")}
        state = ShardState(shard)
        self._catch_up(state, dict.fromkeys(self._owners().get(shard, []), "-"), Counter())
        names -= set(_keys_of(state))
        return [Drift(shard, name.split(":")[3], name, "no such key", "a key") for name in sorted(names)][:_MOST_NAMED]

    def _shard(self, shard: str, owners: Sequence[str]) -> tuple[ShardReport, int]:
        state, read = ShardState(shard), Counter[str]()
        last = dict.fromkeys(owners, "-")
        self._catch_up(state, last, read)
        suspects = self._compare(state)
        drifts: list[Drift] = []
        for _ in range(_ATTEMPTS):
            # What was written between the two readings looks like drift: read the journal's end and those few again.
            changed = self._catch_up(state, last, read)
            drifts = [
                drift for scope, address in sorted(suspects) for drift in self._compare_one(state, scope, address)
            ]
            if not changed & suspects:
                break
        drifts += self._compare_counts(state, last, read)
        records = sum(len(bucket) for buckets in state.scopes.values() for bucket in buckets.values())
        return ShardReport(shard, read["entries"], records, tuple(drifts)), len(list(_keys_of(state)))

    def _catch_up(self, state: ShardState, last: dict[str, str], read: Counter[str]) -> set[tuple[str, str]]:
        changed: set[tuple[str, str]] = set()
        for owner in last:
            while entries := self._entries(state.shard, owner, last[owner]):
                last[owner] = f"({entries[-1][0].decode()}"
                read["entries"] += len(entries)
                changed |= state.apply(entries)
        return changed

    def _entries(self, shard: str, owner: str, after: str) -> list[Entry]:
        stream = keys.journal(shard, owner)
        (rows,) = self._ask([(stream, ("XRANGE", stream, after, "+", "COUNT", _ENTRIES_AT_ONCE))])
        return [(entry, dict(zip(fields[::2], fields[1::2], strict=True))) for entry, fields in rows]

    def _ask(self, commands: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        found: list[Any] = []
        with store_errors():
            for start in range(0, len(commands), _KEYS_AT_ONCE):
                found += Spread(self._topology, commands[start : start + _KEYS_AT_ONCE]).answers()
        for answer in found:
            if isinstance(answer, Exception):
                with store_errors():
                    raise answer
        return found

    def _compare(self, state: ShardState) -> set[tuple[str, str]]:
        """The (scope, address) pairs whose details or gate membership is not as expected."""
        suspects: set[tuple[str, str]] = set()
        for scope in state.scopes:
            suspects |= {(scope, address) for address in self._details_that_differ(state, scope)}
            suspects |= {(scope, address) for address in self._members_that_differ(state, scope)}
        return suspects

    def _details_that_differ(self, state: ShardState, scope: str) -> Iterator[str]:
        buckets = state.scopes[scope]
        names = {bucket: f"{{{state.shard}}}:details:{scope}:{bucket}" for bucket in buckets}
        answers = self._ask([(name, ("HGETALL", name)) for name in names.values()])
        for bucket, answer in zip(names, answers, strict=True):
            found = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
            if found != buckets[bucket]:
                fields = found.keys() | buckets[bucket].keys()
                for field in fields:
                    if found.get(field) != buckets[bucket].get(field):
                        yield _address(field, bucket)

    def _members_that_differ(self, state: ShardState, scope: str) -> Iterator[str]:
        expected = state.gate_members(scope)
        buckets = sorted({bucket[1:] if bucket.isdigit() else bucket for bucket in state.scopes[scope]})
        asked = [(channel, bucket) for channel in ALL_CHANNELS for bucket in buckets]
        names = [f"{{{state.shard}}}:gate:{channel}:{scope}:{bucket}" for channel, bucket in asked]
        answers = self._ask([(name, ("SMEMBERS", name)) for name in names])
        for (channel, bucket), answer in zip(asked, answers, strict=True):
            for member in set(answer) ^ expected.get((channel, bucket), set()):
                yield _address(member, bucket)

    def _compare_one(self, state: ShardState, scope: str, address: str) -> list[Drift]:
        place, parsed = place_of(address), Scope.parse(scope)
        names = [keys.details(place, parsed), *(keys.gate(place, parsed, channel) for channel in ALL_CHANNELS)]
        value, *flags = self._ask(
            [
                (names[0], ("HGET", names[0], place.details_field)),
                *((name, ("SISMEMBER", name, place.gate_member)) for name in names[1:]),
            ]
        )
        drifts = []
        expected = state.value(scope, address)
        if value != expected:
            drifts.append(Drift(state.shard, scope, address, _in_words(expected), _in_words(value)))
        blocked = blocked_channels(expected)
        for channel, flag in zip(ALL_CHANNELS, flags, strict=True):
            if bool(flag) != (channel in blocked):
                words = (f"{channel} not blocked", f"{channel} blocked")
                drift = Drift(state.shard, scope, f"{address} (gate)", words[channel in blocked], words[bool(flag)])
                drifts.append(drift)
        return drifts

    def _compare_counts(self, state: ShardState, last: dict[str, str], read: Counter[str]) -> list[Drift]:
        for _ in range(_ATTEMPTS):
            members = self._bulk.members(state.shard)
            found = {(channel, scope.key): count for (channel, scope), count in members.items()}
            # A journal may have been begun since they were looked for.
            last.update({owner_of(scope): "-" for _, scope in members if owner_of(scope) not in last})
            changed = self._catch_up(state, last, read)
            expected = _counts_of(state)
            wrong = {pair for pair in found.keys() | expected.keys() if found.get(pair, 0) != expected.get(pair, 0)}
            if not changed:
                break
        return [
            Drift(state.shard, pair[1], f"count of {pair[0]}", str(expected.get(pair, 0)), str(found.get(pair, 0)))
            for pair in sorted(wrong)
        ]


def _keys_of(state: ShardState) -> Iterator[str]:
    """The details and gate keys that a state has."""
    for scope, buckets in state.scopes.items():
        yield from (f"{{{state.shard}}}:details:{scope}:{name}" for name, bucket in buckets.items() if bucket)
        yield from (f"{{{state.shard}}}:gate:{channel}:{scope}:{name}" for channel, name in state.gate_members(scope))


def _counts_of(state: ShardState) -> dict[tuple[Channel, str], int]:
    counts: Counter[tuple[Channel, str]] = Counter()
    for scope in state.scopes:
        for (channel, _), members in state.gate_members(scope).items():
            counts[channel, scope] += len(members)
    return dict(counts)


def _address(field: bytes, bucket: str) -> str:
    return f"+{field.decode()}{bucket}" if bucket.isdigit() else field.decode()


def _in_words(value: bytes | None) -> str:
    if value is None:
        return "nothing"
    return "; ".join(
        f"{channel} {'blocked' if record.blocked else 'open'} since {record.since} by {record.source} ({record.event})"
        for channel, record in unpack(value).items()
    )
