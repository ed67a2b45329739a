"""Reading journals from end to end, in pages: what a report over everybody needs; and what a carrier was told."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.addresses import shard_of
from store.client import store_errors
from store.consent import owner_of
from store.journal import JournalEntry, entries_of, every_entry_of, milliseconds, moment
from store.scopes import Scope

_PAGE = 1000


class JournalStore:
    """The journals of all shards."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def entries(self, shard: str, owner: str) -> Iterator[JournalEntry]:
        """Every entry of one journal, oldest first; one page of them is in memory at a time.

        Args:
            shard: two digits, see store.keys.SHARDS.
            owner: an account id, or "@" and a shared sender.

        Raises:
            StoreError: the rest is unknown.
        """
        stream, after = keys.journal(shard, owner), "-"
        while True:
            with store_errors():
                rows: Any = self._client.xrange(stream, after, "+", count=_PAGE)
            for entry_id, fields in rows:
                yield from every_entry_of(shard, entry_id.decode(), fields)
            if len(rows) < _PAGE:
                return
            after = f"({rows[-1][0].decode()}"

    def entries_at(self, wanted: Sequence[tuple[str, Scope, str]]) -> list[JournalEntry | None]:
        """The journal entries of (number, scope, entry id), in one round trip; None where there is none.

        Raises:
            StoreError: there is no answer.
        """
        pipeline = self._client.pipeline(transaction=False)
        for number, scope, entry_id in wanted:
            pipeline.xrange(keys.journal(shard_of(number), owner_of(scope)), entry_id, entry_id)
        with store_errors():
            answers: Any = pipeline.execute() if wanted else []
        found = [
            [entry for entry_id, fields in rows for entry in entries_of(number, entry_id.decode(), fields)]
            for (number, _, _), rows in zip(wanted, answers, strict=True)
        ]
        return [entries[0] if entries else None for entries in found]

    def entry(self, shard: str, owner: str, entry_id: str) -> list[JournalEntry]:
        """One entry of a journal, for each number in it one; nothing when there is none. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.xrange(keys.journal(shard, owner), entry_id, entry_id)
        return [entry for name, fields in rows for entry in every_entry_of(shard, name.decode(), fields)]

    def was_asked_since(self, number: str, owner: str, entry_id: str) -> bool:
        """True when a number was asked to confirm that it joins, after an entry of its shard. Raises StoreError."""
        stream, after = keys.journal(shard_of(number), owner), f"({entry_id}"
        while True:
            with store_errors():
                rows: Any = self._client.xrange(stream, after, "+", count=_PAGE)
            asked = {b"kind": b"join", b"outcome": b"asked", b"number": number.encode()}
            if any(asked.items() <= fields.items() for _, fields in rows):
                return True
            if len(rows) < _PAGE:
                return False
            after = f"({rows[-1][0].decode()}"

    def pushed(self, shard: str, account: str, opt_outs: Sequence[tuple[str, str]]) -> list[datetime | None]:
        """When the carrier was told of each opt-out, in the order asked; None for never. Raises StoreError.

        Args:
            shard: of all the numbers.
            account: whose opt-outs.
            opt_outs: sender and number of each.
        """
        if not opt_outs:
            return []
        fields = [_field(sender, number) for sender, number in opt_outs]
        with store_errors():
            found: Any = self._client.hmget(keys.pushed(shard, account), fields)
        return [moment(value.decode()) if value else None for value in found]

    def mark_pushed(self, shard: str, account: str, opt_outs: Sequence[tuple[str, str]], at: datetime) -> None:
        """Remember that the carrier was told of opt-outs (sender and number of each). Raises StoreError."""
        row: Any = {_field(sender, number): milliseconds(at) for sender, number in opt_outs}
        with store_errors():
            self._client.hset(keys.pushed(shard, account), mapping=row)


def _field(sender: str, number: str) -> str:
    return f"{sender}/{number}"
