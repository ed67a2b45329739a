"""What the journal says the state has to be: the rules of functions/*.lua once more, from their description.

It is a second hand on purpose. `stopgate verify` compares its result with what the functions have written, so a slip
in either shows; it uses nothing of the server's state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from store.addresses import place_of
from store.consent import MAY_LIFT, RANK
from store.details import Record, pack, unpack
from store.journal import Source, is_packed, rows_of
from store.scopes import ALL_CHANNELS, Channel, Scope

Entry = tuple[bytes, Mapping[bytes, bytes]]
"""A stream's entry: its id and its fields."""

_ZERO = Record(blocked=False, source=int(Source.ADMIN), since=0, latest=0, event="")


def opt_out(record: Record | None, at: int, source: Source, event: str, _only_event: str = "") -> Record | None:
    """The record after an opt-out, or None when it changes nothing (design §4: G5, G7)."""
    new = Record(blocked=True, source=int(source), since=at, latest=at, event=event)
    if record is None:
        return new
    if not record.blocked:
        return None if at < record.latest else new
    known = RANK[Source(record.source)]
    if RANK[source] > known:
        return replace(new, latest=max(at, record.latest))
    if RANK[source] == known and at > record.latest:
        return replace(record, latest=at, event=event)
    return None


def lift(record: Record | None, at: int, source: Source, event: str, only_event: str = "") -> Record | None:
    """The record after a lift, or None when it changes nothing."""
    new = Record(blocked=False, source=int(source), since=at, latest=at, event=event)
    if record is None or not record.blocked:
        by_person = RANK[source] == RANK[Source.KEYWORD]
        return new if by_person and (record is None or at > record.latest) else None
    allowed = Source(record.source) in MAY_LIFT.get(source, ()) or (bool(only_event) and only_event == record.event)
    return new if allowed and at > record.latest else None


_RULES = {"opt_out": opt_out, "lift": lift}


class Bucket(dict[bytes, bytes]):
    """The details of one bucket: field -> value."""


class ShardState:
    """The details of one shard, as entries of its journals build them up."""

    def __init__(self, shard: str) -> None:
        self.shard = shard
        self.scopes: dict[str, dict[str, Bucket]] = {}

    def apply(self, entries: Iterable[Entry]) -> set[tuple[str, str]]:
        """Apply entries in their order. Returns the (scope, address) pairs that they may have changed."""
        touched: set[tuple[str, str]] = set()
        for entry_id, fields in entries:
            if is_packed(fields):
                self._apply_packed(entry_id.decode(), fields, touched)
            elif fields[b"kind"].decode() in _RULES:
                self._apply_event(entry_id.decode(), fields, touched)
        return touched

    def _bucket(self, scope: str, address: str) -> tuple[Bucket, bytes]:
        number = address[0] == "+"
        name = address[-5:] if number else place_of(address).details_bucket
        buckets = self.scopes.setdefault(scope, {})
        if name not in buckets:
            buckets[name] = Bucket()
        return buckets[name], (address[1:-5] if number else address).encode()

    def value(self, scope: str, address: str) -> bytes | None:
        """The details of one address in one scope."""
        bucket, field = self._bucket(scope, address)
        return bucket.get(field)

    def _apply_event(self, event: str, fields: Mapping[bytes, bytes], touched: set[tuple[str, str]]) -> None:
        rule, source, at = _RULES[fields[b"kind"].decode()], Source(int(fields[b"source"])), int(fields[b"at"])
        address = fields[b"number"].decode()
        channels = [Channel(channel) for channel in fields[b"channels"].decode().split(",")]
        also, only_event = fields.get(b"also", b"").decode(), fields.get(b"only_event", b"").decode()
        for scope in [fields[b"scope"].decode(), *(also.split("\n") if also else ())]:
            bucket, field = self._bucket(scope, address)
            records = unpack(bucket.get(field))
            came_back = self._came_back(scope, address) if rule is opt_out else {}
            for channel in channels:
                record = records.get(channel)
                stale = at < came_back.get(channel, 0)
                new = None if stale else rule(record, at, source, event, only_event)
                if new is not None:
                    records[channel] = new
                elif record is not None:
                    # An entry that changed nothing still joins the number's history.
                    records[channel] = replace(record, event=event)
            if records:
                bucket[field] = pack(records)
            touched.add((scope, address))

    def _came_back(self, scope: str, address: str) -> Mapping[Channel, int]:
        """When the person came back, by channel: what is entered with an older date changes nothing (G7)."""
        side = Scope.parse(scope)
        if not side.entered:
            return {}
        persons = unpack(self.value(side.persons_side.key, address))
        return {channel: record.latest for channel, record in persons.items() if not record.blocked}

    def _apply_packed(self, event: str, fields: Mapping[bytes, bytes], touched: set[tuple[str, str]]) -> None:
        scope, source = fields[b"scope"].decode(), Source(int(fields[b"source"]))
        channels = [Channel(channel) for channel in fields[b"channels"].decode().split(",")]
        undo = fields[b"kind"] == b"undo"
        for row in rows_of(fields, self.shard):
            touched.add((scope, row.number))
            bucket, field = self._bucket(scope, row.number)
            known = bucket.get(field)
            if known is None and not undo:
                record = Record(blocked=True, source=int(source), since=row.at, latest=row.at, event=event)
                bucket[field] = pack(dict.fromkeys(channels, record))
                continue
            records = unpack(known)
            if undo:
                before = unpack(row.prior)
                records |= {
                    channel: replace(before.get(channel, replace(_ZERO, source=int(source))), event=event)
                    for channel in row.newly
                }
            else:
                for channel in channels:
                    new = opt_out(records.get(channel), row.at, source, event)
                    if new is not None:
                        records[channel] = new
            bucket[field] = pack(records)

    def gate_members(self, scope: str) -> dict[tuple[Channel, str], set[bytes]]:
        """The members that the gate indexes of a scope have to have, by channel and gate bucket."""
        found: dict[tuple[Channel, str], set[bytes]] = {}
        for name, bucket in self.scopes[scope].items():
            gate, digit = (name, b"") if not name.isdigit() else (name[1:], name[:1].encode())
            for field, value in bucket.items():
                for channel in blocked_channels(value):
                    found.setdefault((channel, gate), set()).add(field + digit)
        return found


_SINGLE = 16


def blocked_channels(value: bytes | None) -> tuple[Channel, ...]:
    """The channels that a details value blocks."""
    if not value:
        return ()
    if value[0] & 3 == 3 and len(value) <= _SINGLE:
        return ALL_CHANNELS if value[0] & 4 else ()
    return tuple(channel for channel, record in unpack(value).items() if record.blocked)
