"""The command that erases a person."""

from pathlib import Path

import click

from gateway.cli.opening import account_named, data_option, open_services
from gateway.phone import InvalidNumber, normalise
from store.consent import Source


@click.command()
@click.argument("number")
@click.option("--account", "account_id", help="Only in this account; else everywhere.")
@click.option("--reason", required=True, help="For the journal, where it stays. Without the person's name.")
@click.option("--block", is_flag=True, help="Opt the number out first, so that it is never texted again.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@data_option
def erase(number: str, account_id: str | None, reason: str, block: bool, yes: bool, data: Path | None) -> None:
    """Erase what is known of NUMBER. Its opt-outs stay, as a keyed hash, and are honoured (docs/erasure.md)."""
    with open_services(data) as services:
        account = account_named(services, account_id) if account_id else None
        try:
            wanted = normalise(number, account.default_country or None if account else None)
        except InvalidNumber as error:
            raise click.UsageError(f"{number!r}: {error}") from None
        where = f"in account {account.id}" if account else "in every account"
        if not yes:
            click.confirm(f"Erase {wanted} {where}? It cannot be undone.", abort=True)
        if account:
            done = services.erasure.erase(
                account, wanted, source=Source.ADMIN, actor="operator", reason=reason, block=block
            )
        else:
            done = services.erasure.erase_everywhere(wanted, actor="operator", reason=reason, block=block)
    for what, count in sorted(done.counts.items()):
        click.echo(f"{count:>6}  {what.replace('_', ' ')} erased")
    click.echo(f"{done.blocks:>6}  opt-outs stay, as a keyed hash")
    click.echo("Backups made before still have the number: see docs/erasure.md.")
