"""Lists of an account's opt-outs: pages, counts and exports of one filter, each item with who said so and how.

Whose opt-outs an account sees here (G8): its own, on both sides, of every scope. What people said to a sender that it
shares with others, or what the operator blocked everywhere, stands in the list only of somebody who names the number,
and without the person's words: a list of them would show one account the other's people.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from gateway.account_scopes import every_scope_of
from gateway.consent import without_words
from gateway.errors import NotAllowed
from gateway.opt_out_filters import OptOutFilter, Sort
from gateway.opt_out_notes import WHO, note_of
from store import Store
from store.directory import Account
from store.errors import StillIndexing
from store.journal import JournalEntry, Source, moment
from store.listed import Listed
from store.scopes import ALL_CHANNELS, Channel, Scope

_AT_ONCE = 500
_SECONDS_TO_COUNT = 0.5


@dataclass(frozen=True, slots=True)
class OptOut:
    """One opt-out as a list shows it.

    since: when the person said so. added: when it was recorded, last. who: see opt_out_notes.WHO. note: what somebody
    wrote, or how it came. text, matched, rule: the person's words, by which rule they were understood.
    """

    number: str
    channels: tuple[Channel, ...]
    scope: Scope
    source: Source
    who: str
    since: datetime
    added: datetime
    note: str = ""
    actor: str = ""
    text: str = ""
    matched: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class OptOutPage:
    """Some of a list. next: what to ask with for what follows; "" at the end. Fewer items than asked for are no end."""

    items: Sequence[OptOut]
    next: str


@dataclass(frozen=True, slots=True)
class OptOutCount:
    """How many opt-outs a filter takes, by channel (one of both counts in both). exact: False for "at least"."""

    by_channel: Mapping[Channel, int]
    exact: bool


class OptOutLists:
    """Lists of opt-outs. The clock is the one that page and count stop looking by."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic

    def page(
        self, account: Account, chosen: OptOutFilter, sort: Sort = Sort.NEWEST, *, limit: int = 50, after: str = ""
    ) -> OptOutPage:
        """One page.

        Args:
            account: whose.
            chosen, sort: which, in which order.
            limit: most items. A filter that no index knows is looked through for a third of a second; then the page has
                fewer items, or none, and a `next` that goes on there.
            after: `next` of the page before.

        Raises:
            NotAllowed: list_not_ready.
            StoreError: there is no answer.
            ValueError: `after` is no `next`.
        """
        beside = self._beside(account, chosen)
        try:
            page = self._store.listing.page(
                account.id, chosen.wanted, sort.order, limit=limit, after=after, beside=beside
            )
        except StillIndexing as error:
            raise NotAllowed("list_not_ready", str(error), retry_after=5) from None
        return OptOutPage(self._told(page.items), page.next)

    def items(self, account: Account, chosen: OptOutFilter, sort: Sort = Sort.NEWEST) -> Iterator[OptOut]:
        """All of them in order, some hundred in memory at a time. Raises StoreError."""
        listed = self._store.listing.items(account.id, chosen.wanted, sort.order, beside=self._beside(account, chosen))
        while some := list(islice(listed, _AT_ONCE)):
            yield from self._told(some)

    def count(self, account: Account, chosen: OptOutFilter) -> OptOutCount:
        """How many there are: exact where only scope and channel narrow it, else as far as half a second gets.

        Raises:
            NotAllowed: list_not_ready.
            StoreError: there is no answer.
        """
        try:
            if chosen.is_counted:
                return OptOutCount(self._store.listing.counts(account.id, chosen.wanted), exact=True)
            return self._counted(account, chosen)
        except StillIndexing as error:
            raise NotAllowed("list_not_ready", str(error), retry_after=5) from None

    def _counted(self, account: Account, chosen: OptOutFilter) -> OptOutCount:
        counts = {channel: 0 for channel in ALL_CHANNELS if chosen.channel in {None, channel}}
        until, after, beside = self._monotonic() + _SECONDS_TO_COUNT, "", self._beside(account, chosen)
        while True:
            left = until - self._monotonic()
            page = self._store.listing.page(
                account.id, chosen.wanted, Sort.NEWEST.order, limit=20_000, after=after, seconds=left, beside=beside
            )
            for item in page.items:
                for channel in item.channels:
                    if channel in counts:
                        counts[channel] += 1
            after = page.next
            if not after or self._monotonic() > until:
                return OptOutCount(counts, exact=not after)

    @staticmethod
    def _beside(account: Account, chosen: OptOutFilter) -> tuple[Scope, ...]:
        return every_scope_of(account) if chosen.number else ()

    def _told(self, items: Sequence[Listed]) -> list[OptOut]:
        origins = self._store.listing.origins(items)
        files = file_names(self._store, [origin for origin in origins if origin])
        return [_opt_out(item, origin, files) for item, origin in zip(items, origins, strict=True)]


def file_names(store: Store, entries: Sequence[JournalEntry]) -> dict[str, str]:
    """The names of the files that entries of imports are from, by the import's id. Raises StoreError."""
    names = {}
    for batch in {str(entry.detail["batch"]) for entry in entries if "batch" in entry.detail}:
        record = store.imports.get(batch)
        names[batch] = str(record.order.get("file", "")) if record else ""
    return names


def _opt_out(item: Listed, origin: JournalEntry | None, files: Mapping[str, str]) -> OptOut:
    source = Source(item.record.source)
    told = OptOut(
        number=item.number,
        channels=item.channels,
        scope=item.scope,
        source=source,
        who=WHO[source],
        since=moment(item.record.since),
        added=moment(item.recorded_at),
    )
    if origin is None:
        return told
    if not item.scope.account:
        origin = without_words(origin)
    detail: Mapping[str, Any] = origin.detail
    return replace(
        told,
        note=note_of(origin, files),
        actor=str(detail.get("actor", "")),
        text=str(detail.get("text") or ""),
        matched=str(detail.get("matched") or ""),
        rule=str(detail.get("rule") or ""),
    )


class IndexFollower:
    """Keeps the index of numbers up to date in the background, so that nobody who asks has to wait for it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def follow(self, owner: str, entries: Sequence[JournalEntry]) -> None:
        """Index what is new in the journals that these entries are from. Raises StoreError."""
        shards = sorted({entry.number[-2:] for entry in entries if entry.number[:1] == "+"})
        if shards and not owner.startswith(("@", "*")):
            self._store.listing.index.refresh(owner, shards)
