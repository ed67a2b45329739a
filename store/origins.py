"""Where opt-outs come from: the journal entry that made each, found by walking back from its newest one."""

from collections.abc import Sequence
from typing import Any

from store import keys
from store.addresses import shard_of
from store.bulk import read_many
from store.consent import owner_of
from store.journal import JournalEntry, entries_of
from store.listed import Listed
from store.topology import Topology

# What was said again and again is told by the newest time it was; nobody waits for a longer walk in a list.
_LONGEST_WALK = 5
_MADE_IT = {"opted_out", "strengthened"}


def origins_of(topology: Topology, items: Sequence[Listed]) -> list[JournalEntry | None]:
    """The journal entry by which each item was opted out, or the oldest near it that says so; None when none does.

    Raises:
        StoreError: there is no answer.
    """
    found: list[JournalEntry | None] = [None] * len(items)
    waiting = {index: item.record.event for index, item in enumerate(items)}
    for _ in range(_LONGEST_WALK):
        if not waiting:
            break
        entries = _read(topology, [(items[index], event) for index, event in waiting.items()])
        further: dict[int, str] = {}
        for (index, _), entry in zip(waiting.items(), entries, strict=True):
            if entry is None:
                continue
            if entry.kind == "opt_out":
                found[index] = entry
            made_it = entry.kind == "opt_out" and entry.outcome in _MADE_IT
            if not made_it and entry.previous:
                further[index] = max(entry.previous, key=_id_of)
        waiting = further
    return found


def _read(topology: Topology, asked: Sequence[tuple[Listed, str]]) -> list[JournalEntry | None]:
    names = [(keys.journal(shard_of(item.number), owner_of(item.scope)), event) for item, event in asked]
    each = list(dict.fromkeys(names))
    answers: dict[tuple[str, str], Any] = dict(
        zip(each, read_many(topology, [(name, ("XRANGE", name, event, event)) for name, event in each]), strict=True)
    )
    return [_entry(item, event, answers[name]) for (item, event), name in zip(asked, names, strict=True)]


def _entry(item: Listed, event: str, rows: Sequence[Any]) -> JournalEntry | None:
    if not rows:
        return None
    fields = rows[0][1]
    found = entries_of(item.number, event, dict(zip(fields[::2], fields[1::2], strict=True)))
    return found[-1] if found else None


def _id_of(event: str) -> tuple[int, int]:
    time, _, sequence = event.partition("-")
    return int(time), int(sequence)
