"""The consent journal of an account as a file: every change of anybody's consent, as it was recorded."""

from collections.abc import Iterator

from gateway.lists.writing import Cell, Column, ColumnKind, Format, WriteOptions
from store import Store
from store.journal import JournalEntry
from store.journal_listing import JournalFilter
from store.scopes import Scope

TITLE = "Consent journal"
COLUMNS = (
    Column("recorded_at", ColumnKind.MOMENT, 19),
    Column("occurred_at", ColumnKind.MOMENT, 19),
    Column("number", ColumnKind.PHONE, 16),
    Column("kind", width=10),
    Column("outcome", width=14),
    Column("channels", width=12),
    Column("scope", width=14),
    Column("sender", ColumnKind.PHONE, 16),
    Column("audience", width=16),
    Column("source", width=10),
    Column("actor", width=24),
    Column("text", width=40),
    Column("rule", width=22),
    Column("reason", width=30),
    Column("id", width=24),
)
_PAGE = 500


def walk(store: Store, account: str, wanted: JournalFilter) -> Iterator[tuple[str, JournalEntry]]:
    """Every entry that is wanted with its id, newest first, read as they are taken. Raises StoreError."""
    after = ""
    while True:
        page = store.journal_listing.newest(account, wanted, limit=_PAGE, after=after)
        yield from ((str(place), entry) for place, entry in page.items)
        if not page.next:
            return
        after = page.next


def write(store: Store, account: str, wanted: JournalFilter, form: Format, *, bom: bool = False) -> Iterator[bytes]:
    """The journal as a file, piece by piece. bom: see WriteOptions. Raises StoreError at once when nothing answers."""
    rows = (_row(place, entry) for place, entry in walk(store, account, wanted))
    return form.begin(COLUMNS, rows, WriteOptions(title=TITLE, bom=bom))


def _row(place: str, entry: JournalEntry) -> tuple[Cell, ...]:
    scope, detail = Scope.parse(entry.scope), entry.detail
    return (
        entry.recorded_at,
        entry.occurred_at,
        entry.number,
        entry.kind,
        entry.outcome,
        list(entry.channels),
        scope.kind.value,
        scope.sender or None,
        scope.audience or None,
        entry.source or None,
        _said(detail.get("actor")),
        _said(detail.get("text")),
        _said(detail.get("rule")),
        _said(detail.get("reason") or detail.get("note")),
        place,
    )


def _said(value: object) -> str | None:
    return str(value) if value else None
