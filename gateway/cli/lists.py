"""Commands for lists: import, export, scrub."""

import io
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway.cli.opening import account_named, data_option, open_services
from gateway.import_orders import order_of
from gateway.import_reports import RowReport, header_line, report_lines
from gateway.imports import summary_of
from gateway.lists.dates import DATE_ORDERS
from gateway.lists.reading import ROWS_IN_BLOCK
from gateway.lists.targets import CONTACTS, KINDS, OPT_OUTS
from gateway.scrubbing import ScrubOrder, encoding_of_result, scrub
from gateway.services import Services
from store.consent import Source
from store.scopes import ALL_CHANNELS, Channel

_CHANNELS = {"both": ALL_CHANNELS, "text": (Channel.TEXT,), "voice": (Channel.VOICE,)}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROWS_IN_BLOCK = {OPT_OUTS: ROWS_IN_BLOCK, CONTACTS: 2_000}
_TABS: Mapping[str | None, str] = {"tab": "\t", "\\t": "\t"}


class ReportFile:
    """The rows that are worth a line, as a CSV file that a resumed import goes on with."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._file = path.open("r+" if path.exists() else "w+", newline="", encoding="utf-8")
        self._header = header

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def go_back_to(self, length: int) -> None:
        """Cut off what a process wrote before it died with a block half done."""
        self._file.seek(length)
        self._file.truncate()
        if length == 0:
            self._file.write(header_line(self._header))

    def write(self, reports: Iterable[RowReport]) -> int:
        """Add reports, on disk; returns the file's length."""
        self._file.write(report_lines(reports))
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.seek(0, os.SEEK_END)


@contextmanager
def progress_bar(what: str) -> Iterator[tuple[Progress, TaskID]]:
    """A progress bar on the terminal (nothing elsewhere), and its task with the fields rows and rate."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[rows]:,} rows  {task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield progress, progress.add_task(what, rows=0, rate=0.0, total=None)


def _summary(title: str, counts: Mapping[str, int], seconds: float) -> None:
    rows = sum(counts.values())
    click.echo(f"{title}: {rows:,} rows in {seconds:.1f} s ({rows / max(seconds, 0.001):,.0f} rows/s)", err=True)
    table = Table()
    table.add_column("outcome")
    table.add_column("rows", justify="right")
    for outcome, count in counts.items():
        table.add_row(outcome, f"{count:,}")
    Console(stderr=True).print(table)


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--account", "account_id", help="Whose list it is.")
@click.option("--kind", type=click.Choice(KINDS), default=OPT_OUTS, show_default=True, help="What FILE is a list of.")
@click.option("--from", "sender", default="", help="Opt-outs only for what is sent from this sender.")
@click.option("--audience", default="", help="Opt-outs only for what is sent to it; contacts join it.")
@click.option("--channel", type=click.Choice(list(_CHANNELS)), default="both", show_default=True, help="What to block.")
@click.option("--map", "mapped", multiple=True, metavar="HEADER=TARGET", help="What a column is (default: guessed).")
@click.option("--phone-column", help="Header of the column with the numbers (default: guessed).")
@click.option("--date-column", help="Header of the column with the opt-out dates (default: guessed).")
@click.option("--country", help="Two letters: for numbers without a country code (default: the account's).")
@click.option("--delimiter", help="Between the cells of a CSV file (default: guessed).")
@click.option("--date-order", type=click.Choice(DATE_ORDERS), help="How 5/6/2024 is meant (default: guessed).")
@click.option("--timezone", default="UTC", show_default=True, help="For dates that name no zone.")
@click.option("--reset", is_flag=True, help="Contacts that opted out come back, as far as an admin may do that.")
@click.option("--note", default="", help="Why, for whoever reads it later.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write rows that did nothing new here.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it and change nothing; with --undo too.")
@click.option("--resume", "resumed", metavar="ID", help="Go on with an import that was stopped or died.")
@click.option("--undo", "undone", metavar="ID", help="Take this import back instead (FILE is not read).")
@data_option
def import_list(
    file: Path,
    account_id: str | None,
    phone_column: str | None,
    date_column: str | None,
    country: str | None,
    channel: str,
    mapped: tuple[str, ...],
    delimiter: str | None,
    date_order: str | None,
    report: Path | None,
    resumed: str | None,
    undone: str | None,
    data: Path | None,
    **wishes: Any,
) -> None:
    """Take every row of FILE (CSV, a spreadsheet, a carrier's JSON): one batch, that can be resumed and undone.

    Exit code 0 when FILE was taken to its end, also when some of its rows are invalid (the table says how many,
    --report which); 1 when it cannot be used or was not finished; 2 when the command is wrong.
    """
    with open_services(data) as services, ExitStack() as stack:
        if undone:
            _undo(services, undone, dry_run=wishes["dry_run"])
            return
        import_id = resumed
        stack.enter_context(services.imports.converted_once(file))
        if import_id is None:
            account = account_named(services, account_id)
            order = services.imports.order(
                account, file, actor="command line", phone=phone_column, date=date_column, default_country=country,
                mapping=_mapping(mapped), delimiter=_TABS.get(delimiter, delimiter) or "", date_order=date_order or "",
                channels=_CHANNELS[channel], rows_in_block=_ROWS_IN_BLOCK[wishes["kind"]], **wishes,
            )  # fmt: skip
            import_id = services.imports.create(account, services.new_id(), order).id
        click.echo(f"Import {import_id} of {file.name}", err=True)
        _run(services, import_id, file, report)


def _mapping(mapped: Sequence[str]) -> dict[str, str]:
    """HEADER=TARGET arguments; a header may hold "=" itself."""
    pairs = [text.rpartition("=") for text in mapped]
    if any(not header or not target for header, _, target in pairs):
        raise click.UsageError("--map takes HEADER=TARGET, such as --map 'Cell phone=phone'.")
    return {header: target for header, _, target in pairs}


def _run(services: Services, import_id: str, file: Path, report: Path | None) -> None:
    started = time.monotonic()
    with ExitStack() as stack:
        header = order_of(services.imports.record(import_id)).header
        sink = stack.enter_context(closing(ReportFile(report, header))) if report else None
        bar, task = stack.enter_context(progress_bar("importing"))
        for progress in services.imports.run(import_id, file, sink=sink):
            rows = progress.record.rows
            rate = rows / max(time.monotonic() - started, 0.001)
            bar.update(task, total=progress.size, completed=progress.done, rows=rows, rate=rate)
    record, taken = progress.record, time.monotonic() - started
    counts = summary_of(record.counts, record.order["kind"])
    _summary("Dry run" if record.order["dry_run"] else "Imported", counts, taken)
    if record.also:
        _summary("Opt-outs in the same rows", record.also, taken)
    click.echo(f"{record.status} {import_id}")


def _undo(services: Services, import_id: str, *, dry_run: bool) -> None:
    started = time.monotonic()
    if dry_run:
        told, exact = services.imports.foretold(services.imports.record(import_id))
        title = "An undo would" if exact else "An undo would (about)"
        _summary(title, {"lift": told.lifted, "keep (changed since)": told.kept}, time.monotonic() - started)
        return
    for undone in services.imports.undo(import_id, source=Source.ADMIN, actor="command line"):
        last = undone
    _summary("Undone", {"lifted": last.lifted, "kept (changed since)": last.kept}, time.monotonic() - started)


@click.command("scrub")
@click.argument("source", type=_FILE)
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--account", "account_id", help="Who would text.")
@click.option("--from", "sender", help="The sender the texts would come from.")
@click.option("--audience", help="The audience they would go to.")
@click.option("--voice", is_flag=True, help="Check for calls instead of texts.")
@click.option("--phone-column", help="Header of the column with the numbers (default: guessed).")
@click.option("--country", help="Two letters: for numbers without a country code (default: the account's).")
@data_option
def scrub_list(
    source: Path,
    target: Path,
    account_id: str | None,
    sender: str | None,
    audience: str | None,
    voice: bool,
    phone_column: str | None,
    country: str | None,
    data: Path | None,
) -> None:
    """Write SOURCE to TARGET ("-": standard output) with two more columns: allowed (yes or no) and the reason.

    A number that is invalid is not allowed, and no reason for another exit code than 0.
    """
    started = time.monotonic()
    with open_services(data) as services, progress_bar("scrubbing") as (bar, task):
        account = account_named(services, account_id)
        order = ScrubOrder(
            account, sender, audience, Channel.VOICE if voice else Channel.TEXT, phone_column, country or None
        )
        with _target(source, target) as file:
            for scrubbed in scrub(services.store, order, source, file):
                rows = scrubbed.counts.total()
                rate = rows / max(time.monotonic() - started, 0.001)
                bar.update(task, total=scrubbed.size, completed=scrubbed.done, rows=rows, rate=rate)
    _summary("Scrubbed", scrubbed.counts, time.monotonic() - started)


@contextmanager
def _target(source: Path, target: Path) -> Iterator[IO[str]]:
    """The file to write a scrubbed list to; "-" is standard output."""
    encoding = encoding_of_result(source)
    if str(target) == "-":
        output = io.TextIOWrapper(sys.stdout.buffer, encoding=encoding, newline="")
        try:
            yield output
            output.flush()
        finally:
            output.detach()
        return
    # Half a list looks like a whole one: it gets its name when it is.
    unfinished = target.with_name(target.name + ".unfinished")
    with unfinished.open("w", newline="", encoding=encoding) as file:
        yield file
    unfinished.replace(target)
