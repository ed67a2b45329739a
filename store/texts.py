"""Lists of all texts and all conversations of an account, newest first.

Derived from the messages and written in the same step (enlisting.py). A list stands in a hundred parts, one a shard,
because a message and its place in the list are written by one function; reading merges them (merging.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from store import keys
from store.addresses import shard_of
from store.bulk import read_many
from store.journal import milliseconds, moment
from store.merging import Placed, newest_first
from store.message_records import Message, message_from, shard_of_message
from store.topology import Topology

DIRECTIONS = ("in", "out")
MOST_LOOKED_AT = 5000
"""Texts that one page may look at to find those that are wanted: a page of a rare word may be short, and goes on."""

_THREAD = "t"
_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class TextPage:
    """Some of a list of texts. next: what to ask with for what follows; "" at the end. A page may be short, or even
    empty, while there is a next one: see MOST_LOOKED_AT."""

    items: Sequence[Message]
    next: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """An account's texts with one address: the last one, and since when its own words wait for an answer (or None)."""

    address: str
    last: Message
    waits_since: datetime | None


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Some of a list of conversations. next: what to ask with for what follows; "" at the end."""

    items: Sequence[Conversation]
    next: str


@dataclass(frozen=True, slots=True)
class TextFilter:
    """Which texts are wanted. wanted: what else has to be so, asked of each text that the rest lets through."""

    directions: Sequence[str] = DIRECTIONS
    number: str = ""
    since: datetime | None = None
    until: datetime | None = None
    wanted: Callable[[Message], bool] = lambda _: True


class TextStore:
    """The texts of accounts as lists."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def newest(
        self, account: str, wanted: TextFilter, *, limit: int, after: str = "", most: int = MOST_LOOKED_AT
    ) -> TextPage:
        """The texts of an account, newest first: by when they were sent, for one number by when they came to us.

        A page does not change while others come in. Without a condition that only the text itself answers, it costs
        two round trips.

        Args:
            account: whose; "@" and a sender for texts that belong to no one account.
            wanted: which texts.
            limit: most texts of a page.
            after: `next` of the page before.
            most: texts to look at before the page is given out as it is.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor of this list.
        """
        found: list[Message] = []
        looked_at, last = 0, ""
        places = self._places(account, wanted, after, limit)
        while looked_at < most:
            some = list(islice(places, min(_AT_ONCE if looked_at else limit, most - looked_at)))
            for position, message in enumerate(self.read([name for _, name in some])):
                looked_at, last = looked_at + 1, some[position][0]
                if message is not None and _fits(message, wanted):
                    found.append(message)
                if len(found) == limit:
                    more = position + 1 < len(some) or next(places, None) is not None
                    return TextPage(found, last if more else "")
            if not some:
                return TextPage(found, "")
        return TextPage(found, last)

    def _places(self, account: str, wanted: TextFilter, after: str, limit: int) -> Iterator[tuple[str, str]]:
        """(cursor, message id) of the texts to look at."""
        if wanted.number:
            return self._thread(account, wanted.number, after)
        names = [keys.texts(shard, account, direction) for shard in keys.SHARDS for direction in wanted.directions]
        merged = newest_first(
            self._topology,
            names,
            expected=limit,
            after=Placed.parse(after) if after else None,
            since=milliseconds(wanted.since) if wanted.since else None,
            until=milliseconds(wanted.until) if wanted.until else None,
        )
        return ((str(place), place.member) for place in merged)

    def _thread(self, account: str, number: str, after: str) -> Iterator[tuple[str, str]]:
        name, until = keys.thread(shard_of(number), account, number), "+"
        if after:
            time, _, sequence = after.removeprefix(_THREAD).partition("-")
            if after[:1] != _THREAD or not (time.isdigit() and sequence.isdigit()):
                raise ValueError(f"{after!r} is no cursor")
            until = f"({time}-{sequence}"
        while True:
            (entries,) = read_many(self._topology, [(name, ("XREVRANGE", name, until, "-", "COUNT", _AT_ONCE))])
            for entry, fields in entries:
                row = dict(zip(fields[::2], fields[1::2], strict=True))
                yield f"{_THREAD}{entry.decode()}", row[b"id"].decode()
            if len(entries) < _AT_ONCE:
                return
            until = f"({entries[-1][0].decode()}"

    def read(self, identifiers: Sequence[str]) -> list[Message | None]:
        """The messages with these ids, in one round trip; None for what is not kept any more. Raises StoreError."""
        commands = []
        for identifier in identifiers:
            name = keys.message(shard_of_message(identifier) or keys.SHARDS[0], identifier)
            commands.append((name, ("HGETALL", name)))
        answers = read_many(self._topology, commands) if commands else []
        return [
            message_from(identifier, answer) if answer else None
            for identifier, answer in zip(identifiers, answers, strict=True)
        ]

    def conversations(self, account: str, *, limit: int, after: str = "", unanswered: bool = False) -> ConversationPage:
        """The conversations of an account, those with the newest texts first, in three round trips.

        A conversation that gets a text moves to the head of the list; a page after it does not show it once more.

        Args:
            account: whose.
            limit: most conversations of a page.
            after: `next` of the page before.
            unanswered: only those whose last own words wait for an answer, by when these came.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor.
        """
        index = keys.unanswered if unanswered else keys.conversations
        places = newest_first(
            self._topology,
            [index(shard, account) for shard in keys.SHARDS],
            expected=limit,
            after=Placed.parse(after) if after else None,
        )
        some = list(islice(places, limit + 1))
        more, some = len(some) > limit, some[:limit]
        last = self._last_texts(account, [place.member for place in some])
        items = [
            Conversation(place.member, message, waits)
            for place, (message, waits) in zip(some, last, strict=True)
            if message is not None
        ]
        return ConversationPage(items, str(some[-1]) if more else "")

    def count_unanswered(self, account: str) -> int:
        """In how many conversations of an account the person's last own words wait for an answer. Raises StoreError."""
        names = [keys.unanswered(shard, account) for shard in keys.SHARDS]
        return sum(read_many(self._topology, [(name, ("ZCARD", name)) for name in names]))

    def conversation(self, account: str, address: str) -> Conversation | None:
        """The conversation of an account with an address, or None when there is none. Raises StoreError."""
        ((message, waits),) = self._last_texts(account, [address])
        return Conversation(address, message, waits) if message else None

    def _last_texts(self, account: str, addresses: Sequence[str]) -> list[tuple[Message | None, datetime | None]]:
        commands: list[tuple[str, tuple[object, ...]]] = []
        for address in addresses:
            shard = shard_of(address)
            thread, unanswered = keys.thread(shard, account, address), keys.unanswered(shard, account)
            commands.append((thread, ("XREVRANGE", thread, "+", "-", "COUNT", 1)))
            commands.append((unanswered, ("ZSCORE", unanswered, address)))
        answers = read_many(self._topology, commands) if commands else []
        identifiers = [entries[0][1][1].decode() if entries else "" for entries in answers[::2]]
        waits = [moment(round(score)) if score is not None else None for score in answers[1::2]]
        return list(zip(self.read(identifiers), waits, strict=True))


def _fits(message: Message, wanted: TextFilter) -> bool:
    return (
        message.direction in wanted.directions
        and (wanted.since is None or message.created_at >= wanted.since)
        and (wanted.until is None or message.created_at <= wanted.until)
        and wanted.wanted(message)
    )
