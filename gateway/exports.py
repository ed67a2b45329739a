"""Exports of opt-outs: all of an account, streamed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from store import Store
from store.bulk import Exported
from store.directory import Account
from store.journal import Source, moment
from store.scopes import Channel, Scope

HEADER = ("number", "channel", "scope", "sender", "audience", "since", "source")


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which opt-outs: of one sender or audience, one channel; None takes all."""

    sender: str | None = None
    audience: str | None = None
    channel: Channel | None = None

    def takes(self, scope: Scope, account: Account) -> bool:
        """True for a scope that is the account's own and wanted."""
        return (
            scope.account == account.id
            and (self.sender is None or scope.sender == self.sender)
            and (self.audience is None or scope.audience == self.audience)
        )


def export_rows(store: Store, account: Account, wanted: ExportFilter | None = None) -> Iterator[Sequence[str]]:
    """The rows of an export, in no particular order, a shard at a time. Raises StoreError.

    An opt-out that is made or lifted meanwhile may or may not be among them; all others are, once.
    """
    chosen = wanted or ExportFilter()
    for exported in store.bulk.all_blocked(lambda scope: chosen.takes(scope, account)):
        if chosen.channel in {None, exported.channel}:
            yield _row(exported)


def _row(exported: Exported) -> tuple[str, ...]:
    scope, record = exported.scope, exported.record
    since = moment(record.since).isoformat().replace("+00:00", "Z") if record else ""
    source = Source(record.source).label if record else "unknown"
    return (exported.number, exported.channel.value, scope.kind.value, scope.sender, scope.audience, since, source)
