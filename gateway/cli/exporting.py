"""The command that writes opt-outs to a file: the filters and formats of the API's export."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.lists import progress_bar
from gateway.cli.opening import account_named, data_option, open_services
from gateway.exports import COLUMNS, EXPORT_FORMATS, export_rows
from gateway.lists.writing import Cell, Format, WriteOptions
from gateway.opt_out_filters import OptOutFilter, Sort, in_words, read_number
from gateway.opt_out_notes import WHO
from gateway.phone import InvalidNumber
from store.directory import Account
from store.journal import Source
from store.scopes import Channel, ScopeKind

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
_TOLD_EVERY = 20_000


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


@click.command("export")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--account", "account_id", help="Whose opt-outs.")
@click.option("--format", "form", type=click.Choice(list(EXPORT_FORMATS)), help="Default: by TARGET's name, else csv.")
@click.option("--number", default="", help="A whole number in any form, or how it begins.")
@click.option("--from", "sender", help="Only those for this sender.")
@click.option("--audience", help="Only those for this audience.")
@click.option("--scope", type=click.Choice([kind.value for kind in ScopeKind]), help="Only those that reach so far.")
@click.option("--channel", type=click.Choice([channel.value for channel in Channel]), help="Only this channel.")
@click.option("--source", type=click.Choice([source.label for source in Source]), help="Only what came so.")
@click.option("--type", "who", type=click.Choice(list(dict.fromkeys(WHO.values()))), help="Only what they said.")
@click.option("--since", type=_TIME, help="Opted out from this time on (UTC unless it says otherwise).")
@click.option("--until", type=_TIME, help="Opted out before this time.")
@click.option("--added-since", type=_TIME, help="Recorded from this time on.")
@click.option("--added-until", type=_TIME, help="Recorded before this time.")
@click.option("--sort", type=click.Choice([sort.value for sort in Sort]), default="-date", show_default=True)
@click.option("--bom", is_flag=True, help="Begin csv and tab with the mark by which Excel knows UTF-8.")
@click.option("--plain", is_flag=True, help="No apostrophe before cells that a spreadsheet would run; for programs.")
@data_option
def export_list(
    target: Path,
    account_id: str | None,
    form: str | None,
    number: str,
    sender: str | None,
    audience: str | None,
    scope: str | None,
    channel: str | None,
    source: str | None,
    who: str | None,
    since: datetime | None,
    until: datetime | None,
    added_since: datetime | None,
    added_until: datetime | None,
    sort: str,
    bom: bool,
    plain: bool,
    data: Path | None,
) -> None:
    """Write an account's opt-outs to TARGET (- for the standard output) as csv, tab, ndjson or xlsx."""
    suffix = target.suffix.removeprefix(".")
    by_name = next((known for known in EXPORT_FORMATS.values() if known.extension == suffix), EXPORT_FORMATS["csv"])
    chosen_format = EXPORT_FORMATS[form] if form else by_name
    with open_services(data) as services:
        account = account_named(services, account_id)
        chosen = OptOutFilter(
            *_number(number, account),
            kind=ScopeKind(scope) if scope else None,
            sender=sender,
            audience=audience,
            channel=Channel(channel) if channel else None,
            source=Source[source.upper()] if source else None,
            who=who,
            since=_aware(since),
            until=_aware(until),
            added_since=_aware(added_since),
            added_until=_aware(added_until),
        )
        rows = export_rows(services.opt_out_lists, account, chosen, Sort(sort))
        options = WriteOptions(title="Opt-outs", bom=bom, plain=plain, note=in_words(chosen))
        count = _write(target, chosen_format, rows, options)
    click.echo(f"{in_words(chosen)}: {count:,} rows", err=True)


def _number(typed: str, account: Account) -> tuple[str, str]:
    try:
        return read_number(typed, account.default_country or None) if typed else ("", "")
    except InvalidNumber as error:
        raise click.BadParameter(str(error), param_hint="--number") from None


def _write(target: Path, form: Format, rows: Iterator[Sequence[Cell]], options: WriteOptions) -> int:
    started, count = time.monotonic(), 0

    def counted(told: Callable[[int], None]) -> Iterator[Sequence[Cell]]:
        nonlocal count
        for row in rows:
            count += 1
            if count % _TOLD_EVERY == 0:
                told(count)
            yield row

    with progress_bar("exporting") as (bar, task):

        def tell(done: int) -> None:
            bar.update(task, rows=done, rate=done / max(time.monotonic() - started, 0.001))

        pieces = form.write(COLUMNS, counted(tell), options)
        # Half a list looks like a whole one: it gets its name when it is.
        with click.open_file(str(target), "wb", atomic=str(target) != "-") as file:
            for piece in pieces:
                file.write(piece)
    return count
