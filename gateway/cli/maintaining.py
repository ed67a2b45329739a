"""Commands for the people who keep it running: verify, backup, restore, upgrade."""

from pathlib import Path

import click

from gateway.cli.lists import progress_bar
from gateway.cli.opening import data_option, open_services
from store import keys

_MOST_SHOWN = 50


@click.command()
@click.option("--from", "first", type=click.Choice(keys.SHARDS), default="00", help="Shard to begin with (00 to 99).")
@data_option
def verify(first: str, data: Path | None) -> None:
    """Replay the journal and compare it with the state. Exit code 1 when they differ. The store stays in use."""
    shards = keys.SHARDS[keys.SHARDS.index(first) :]
    entries = records = shown = wrong = 0
    with open_services(data) as services, progress_bar("verifying") as (bar, task):
        shard = first
        try:
            for done, report in enumerate(services.store.verification().run(shards), start=1):
                shard = report.shard
                entries, records = entries + report.entries, records + report.records
                wrong += len(report.drifts)
                for drift in report.drifts[: max(0, _MOST_SHOWN - shown)]:
                    click.echo(f"DRIFT {drift}")
                    shown += 1
                bar.update(task, total=len(shards), completed=done, rows=records)
        except BaseException:
            click.echo(f"Stopped in shard {shard}; go on with: stopgate verify --from {shard}", err=True)
            raise
    click.echo(f"{entries} journal entries replay to {records} records; {wrong} differ from the state.")
    if wrong:
        raise SystemExit(1)
