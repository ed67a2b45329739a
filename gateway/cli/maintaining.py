"""Commands for the people who keep it running: verify, backup, restore, upgrade."""

from pathlib import Path

import click

from gateway.backups import back_up, restore
from gateway.cli.lists import progress_bar
from gateway.cli.opening import data_option, open_services, open_store_only
from store import keys
from store.upgrades import CURRENT

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


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
def backup(file: Path, data: Path | None) -> None:
    """Write everything the store holds into FILE, while it is in use."""
    with open_services(data) as services:
        try:
            for done, primaries in back_up(services.store, services.clock, file):
                click.echo(f"{done} of {primaries} primaries", err=True)
        except OSError as error:
            raise click.UsageError(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(f"{file.stat().st_size} bytes in {file}")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def restore_backup(file: Path, data: Path | None) -> None:
    """Read FILE into an empty store, of the same or another topology. Then run: stopgate verify."""
    with open_store_only(data) as services, progress_bar("restoring") as (bar, task):
        done = 0
        for done in restore(services.store, file):
            bar.update(task, rows=done)
        services.store.keyspace.demand()
    click.echo(f"{done} keys restored. Now compare them with the journal: stopgate verify")


@click.command()
@data_option
def upgrade(data: Path | None) -> None:
    """Bring the store to the keyspace version of this Stopgate. All other processes have to be stopped."""
    with open_store_only(data) as services:
        before = services.store.keyspace.version()
        for version in services.store.keyspace.upgrade():
            click.echo(f"keyspace version {version}")
        services.store.keyspace.demand()
    click.echo(f"The store has keyspace version {CURRENT}" + (" already." if before == CURRENT else "."))
