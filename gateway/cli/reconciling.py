"""Commands that compare with a carrier: reconcile, drift."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from gateway.cli.opening import account_named, data_option, open_services
from gateway.clock import written
from gateway.drift import CARRIER_BLOCKS, Drift
from gateway.errors import CarrierError
from gateway.reconciling import Report, Request, Tally, Watch
from gateway.services import Services

_DURATION = re.compile(r"([1-9][0-9]{0,4})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SAYS = {CARRIER_BLOCKS: "the carrier blocks, we say open"}


def moment_of(text: str, now: datetime) -> datetime:
    """The time that a person means: "2026-11-20", "2026-11-20T08:00", "2026-11-20T08:00+01:00", or "6h" ago.

    Args:
        text: as it was typed; without a zone it is UTC, without a time the day's beginning.
        now: the time.

    Raises:
        click.UsageError: it is none of these, or in the future.
    """
    duration = _DURATION.fullmatch(text)
    if duration:
        return now - timedelta(**{_UNITS[duration[2]]: int(duration[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no time. Write 2026-11-20, 2026-11-20T08:00 (UTC), or how long ago: 90m, 6h, 3d."
        ) from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now:
        raise click.UsageError(f"{text} is in the future.")
    return found


@click.command()
@click.argument("carrier")
@click.option("--since", required=True, help="From when on: 2026-11-20, 2026-11-20T08:00 (UTC), or 90m, 6h, 3d ago.")
@click.option("--until", help="Up to when; now, when left out.")
@click.option("--account", "account_id", help="Only the senders of this account.")
@click.option("--dry-run", is_flag=True, help="Count what would be taken in and change nothing.")
@data_option
def reconcile(
    carrier: str, since: str, until: str | None, account_id: str | None, dry_run: bool, data: Path | None
) -> None:
    """Take in texts that CARRIER (twilio) got for us and whose webhook never came, as after an outage.

    They are handled as their webhooks would have been, at the time they were sent. What was handled before is left
    alone, so this may be run as often as you like; a run that was interrupted goes on when it is asked for again.
    """
    with open_services(data) as services:
        now = services.clock.now()
        begin, end = moment_of(since, now), moment_of(until, now) if until else None
        if end is not None and end <= begin:
            raise click.UsageError("--until has to be after --since.")
        asked = f"{since} {until or ''} {account_id or ''}"
        request = Request(carrier, begin, end, account_id, asked=asked, dry_run=dry_run)
        try:
            report = services.reconciliation.reconciler.reconcile(request, Watch(services.clock.sleep, _show_page))
        except CarrierError as error:
            click.echo(f"{error}\nNothing that was done is lost: the same command goes on from there.", err=True)
            raise SystemExit(1) from None
    _show(report, dry_run=dry_run)
    if report.problems:
        raise SystemExit(1)


def _show_page(tally: Tally, where: str) -> None:
    click.echo(f"  {where}  {tally.seen} seen before, {tally.ingested} taken in", err=True)


def _show(report: Report, *, dry_run: bool) -> None:
    tally = report.tally
    if not report.senders:
        click.echo("No account has a sender at this carrier that can be texted.")
        return
    begin = "Went on where an interrupted run stopped" if report.resumed else "Looked at texts"
    click.echo(f"{begin}, from {report.since:%Y-%m-%d %H:%M} UTC on, to {report.senders} senders.")
    click.echo(f"  seen before:  {tally.seen}")
    click.echo(
        f"  {'would be taken in' if dry_run else 'taken in'}:  {tally.ingested}, of which opt-outs: {tally.opt_outs}"
    )
    if tally.held:
        click.echo(f"  held for a person to read:  {tally.held}")
    if tally.stale:
        click.echo(f"  changed nothing, because something newer was known:  {tally.stale}")
    for line in report.stale:
        click.echo(f"    an opt-out by {line}")
    if tally.too_new:
        click.echo(f"  left to their webhooks, less than a minute old:  {tally.too_new}")
    for problem in report.problems:
        click.echo(f"  not looked at: {problem}", err=True)
    if dry_run:
        click.echo("Nothing was changed (--dry-run).")


@click.command()
@click.option("--account", "account_id", help="Only this account.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--push", is_flag=True, help="Tell the carrier of opt-outs that it did not see. Off unless asked for.")
@data_option
def drift(account_id: str | None, as_json: bool, push: bool, data: Path | None) -> None:
    """List the numbers where we and the carrier differ about who may be texted, and what can be done.

    Carriers do not say whom they block when asked; this follows from what they told us. --push tells them of opt-outs
    (Twilio's Consent API); a carrier's own block is lifted by the person alone.
    """
    with open_services(data) as services:
        if push:
            _push(services, account_id)
            return
        sides = Counter[str]()
        for row in _drifts(services, account_id):
            sides[row.side] += 1
            click.echo(_json(row) if as_json else _line(row))
    if not as_json:
        blocks = sides.pop(CARRIER_BLOCKS, 0)
        click.echo(f"{blocks} that the carrier blocks and we do not; {sides.total()} the other way round.")


def _drifts(services: Services, account_id: str | None) -> Iterator[Drift]:
    accounts = services.store.directory.current(fresh=True).accounts
    chosen = [account_named(services, account_id)] if account_id else list(accounts.values())
    return (row for account in chosen for row in services.reconciliation.drift.of_account(account))


def _json(row: Drift) -> str:
    return json.dumps({**asdict(row), "since": written(row.since)}, ensure_ascii=False)


def _line(row: Drift) -> str:
    says = _SAYS.get(row.side, "we block, the carrier is open")
    return (
        f"{row.number}  {row.account}  {row.sender}  {says} since {row.since:%Y-%m-%d %H:%M} UTC"
        f"\n    {row.because}. {row.repair}."
    )


def _push(services: Services, account_id: str | None) -> None:
    refused = 0
    for carrier in services.reconciliation.repair.names():
        repair = services.reconciliation.repair.push(carrier, _drifts(services, account_id))
        click.echo(f"{carrier} took {repair.taken} opt-outs.")
        for refusal in repair.refused:
            click.echo(f"  not taken: {refusal.drift.number} at {refusal.drift.sender}: {refusal.problem}", err=True)
        refused += len(repair.refused)
    if refused:
        raise SystemExit(1)


__all__ = ["drift", "moment_of", "reconcile"]
