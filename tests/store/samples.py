"""Numbers and shorthands that several tests of the store use."""

from collections.abc import Sequence
from datetime import UTC, datetime

from store import Store
from store.batches import Batch, Row
from store.consent import Change, Outcome, Source
from store.journal import ROW_OUTCOMES
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.verify import Drift

ACME = Scope.of_account("acme")
SECOND = 1000


def at(seconds: int) -> datetime:
    """A time, `seconds` into the story of a test."""
    return datetime.fromtimestamp(1_700_000_000 + seconds, UTC)


def milliseconds_at(seconds: int) -> int:
    return (1_700_000_000 + seconds) * SECOND


def person(index: int) -> str:
    """A number of a made-up person. Their last digits spread over the shards; every tenth ends like another."""
    return f"+1{415 + index % 7}{5_550_000 + index * 37 % 10_000:07d}"


def opt_out(
    store: Store,
    number: str,
    source: Source = Source.KEYWORD,
    seconds: int = 0,
    *,
    scope: Scope = ACME,
    channels: Sequence[Channel] = ALL_CHANNELS,
) -> Outcome:
    change = Change("opt_out", scope, scope.account or "*", source, tuple(channels))
    return store.consent.apply(number, [change], occurred_at=at(seconds), detail={"text": "STOP"})[0]


def lift(
    store: Store, number: str, source: Source = Source.KEYWORD, seconds: int = 0, *, scope: Scope = ACME
) -> Outcome:
    change = Change("lift", scope, scope.account or "*", source)
    return store.consent.apply(number, [change], occurred_at=at(seconds), detail={"text": "START"})[0]


def import_rows(
    store: Store, batch: Batch | str, rows: Sequence[tuple[str, int]], block: str = "1", first_row: int = 2
) -> list[str]:
    """Import (number, seconds) rows and say what came of each."""
    if isinstance(batch, str):
        batch = Batch(batch, ACME)
    made = [Row(number, milliseconds_at(seconds), first_row + index) for index, (number, seconds) in enumerate(rows)]
    return [ROW_OUTCOMES[code] for code in store.batches.apply(batch, block, made)]


def undo(store: Store, batch: str, seconds: int = 10_000, scope: Scope = ACME) -> tuple[int, int]:
    """Undo an import: (lifted, kept)."""
    for step in store.batches.undo(
        batch, scope, source=Source.ADMIN, at=milliseconds_at(seconds), detail={"actor": "ann"}
    ):
        last = step
    return last.lifted, last.kept


def is_blocked(store: Store, number: str, channel: Channel = Channel.TEXT, scope: Scope = ACME) -> bool:
    return bool(store.consent.blocks(number, [scope], channel))


def drifts(store: Store) -> list[Drift]:
    """What does not fit the journal, in the whole store."""
    return [drift for report in store.verification().run() for drift in report.drifts]
