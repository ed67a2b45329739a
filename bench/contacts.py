"""Contacts and audiences at size: rows taken, memory, pages in order, the sending audience, effects of opt-outs.

    python -m bench.contacts [--contacts 100000]

Every contact has a name, a phone and a property and is in one audience; one in twenty then opts out by an import.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.audiences import Audiences
from gateway.clock import Clock
from gateway.contact_rows import ContactRow
from gateway.contacts import Contacts
from gateway.opt_out_effects import OptOutEffects
from gateway.supervision.embedded import EmbeddedStore
from store import Store, keys, open_store
from store.batches import Batch, Row
from store.contacts import Phone
from store.directory import Account, Sender
from store.journal import milliseconds
from store.scopes import Scope

_BLOCK = 5000
_ACME = Account("acme", "Acme", senders=(Sender("+12025550177", "simulator", "long_code", "gateway"),))


def made_up(count: int) -> list[ContactRow]:
    """Rows of people with random numbers and names."""
    chance = random.Random(1)
    numbers = chance.sample(range(2_000_000_000, 9_999_999_999), count)
    return [
        ContactRow(
            index,
            first_name=chance.choice(("Ann", "Bob", "Cem", "Dora", "Eve")),
            last_name=f"Name{chance.randrange(100_000)}",
            phones=(Phone(f"+1{number}"),),
            properties={"city": "Oslo"},
        )
        for index, number in enumerate(numbers, 2)
    ]


def take(contacts: Contacts, rows: Sequence[ContactRow], batch: str) -> float:
    """Take rows in blocks; rows a second."""
    start = time.perf_counter()
    for first in range(0, len(rows), _BLOCK):
        some = rows[first : first + _BLOCK]
        contacts.take_rows(_ACME, some, audience="news", reset=False, actor="bench", batch=batch)
    return len(rows) / (time.perf_counter() - start)


def timed(name: str, ask: Callable[[], object]) -> None:
    """The middle of five tries."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - start) * 1000)
    print(f"{name:48} {sorted(taken)[2]:8.1f} ms", flush=True)


def follow(store: Store, effects: OptOutEffects) -> float:
    """Do what follows all opt-outs in the journals; numbers a second."""
    start, done = time.perf_counter(), 0
    for shard in keys.SHARDS:
        entries = list(store.journal.entries(shard, _ACME.id))
        effects.follow(_ACME.id, entries)
        done += len(entries)
    return done / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    rows = made_up(parser.parse_args().contacts)
    with tempfile.TemporaryDirectory() as folder, EmbeddedStore(Path(folder), "aof") as server:
        store, clock = open_store(server.url), Clock()
        store.directory.save([_ACME])
        contacts, audiences = Contacts(store, clock), Audiences(store, clock)
        before = store.client.info("memory")["used_memory"]  # type: ignore[index]
        print(f"{len(rows):,} rows, new: {take(contacts, rows, 'a'):,.0f} a second", flush=True)
        memory = store.client.info("memory")["used_memory"] - before  # type: ignore[index]
        print(f"memory: {memory / len(rows):.0f} B a contact, in one audience", flush=True)
        print(f"the same again: {take(contacts, rows[:20_000], 'b'):,.0f} a second", flush=True)
        for order in ("created", "name", "number"):
            for down in (False, True):
                name = f"page of 50 by {order}{', last first' if down else ''}"
                timed(name, lambda order=order, down=down: contacts.page(_ACME, order=order, limit=50, descending=down))  # type: ignore[misc]
        timed("search by name", lambda: contacts.named(_ACME, "name12", limit=50))
        timed("search by the beginning of a number", lambda: contacts.with_number(_ACME, "+1415", limit=50))
        timed("members, a page of 50", lambda: audiences.members(_ACME, "news", limit=50))
        now = milliseconds(datetime.now(UTC))
        out = [Row(row.phones[0].number, now, row.row) for row in rows[::20]]
        store.batches.apply(Batch("bench", Scope.of_account(_ACME.id).entered_side), "1", out)
        timed("sending audience", lambda: audiences.sendable(_ACME, "news"))
        effects = OptOutEffects(store, clock, contacts, lambda _: "")
        print(f"effects of {len(out):,} opt-outs: {follow(store, effects):,.0f} a second", flush=True)
        store.close()


if __name__ == "__main__":
    main()
