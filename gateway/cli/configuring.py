"""Commands that set up: apply, block, keys, unrouted."""

from pathlib import Path

import click

from gateway.api.access import ROLES
from gateway.cli.opening import account_named, data_option, open_services
from gateway.configuration_export import toml_of
from gateway.phone import InvalidNumber, normalise


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@data_option
def apply(file: Path, dry_run: bool, data: Path | None) -> None:
    """Set up accounts from FILE (TOML), and show what changes: senders, keywords, settings, audiences, people, events.

    Senders, keywords and settings of an account become those of FILE. Whatever else FILE does not name stays: other
    accounts, audiences, people, addresses of events.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8 text.") from None
    with open_services(data) as services:
        wanted = services.configuration.read_file(text)
        plan = services.configuration.plan(wanted.accounts)
        more = services.belongings.plan(wanted.belongings)
        for line in (*plan.lines, *more.lines):
            click.echo(line)
        if not plan.accounts and not more.steps:
            click.echo("Nothing to change.")
        elif dry_run:
            click.echo("Nothing was changed (--dry-run).")
        else:
            services.configuration.apply(plan)
            told = services.belongings.apply(more)
            click.echo("Applied.")
            for sentence in told:
                click.echo(sentence)


@click.command("export-config")
@click.option("--account", "account_id", help="Only this account; else all.")
@data_option
def export_config(account_id: str | None, data: Path | None) -> None:
    """Write the accounts as a file for `stopgate apply`, without secrets. Applying it here changes nothing."""
    with open_services(data) as services:
        accounts = services.store.directory.current(fresh=True).accounts.values()
        wanted = [account_named(services, account_id)] if account_id else accounts
        text = toml_of([(account, services.belongings.of(account.id)) for account in wanted])
    click.echo(text, nl=False)


@click.command("block")
@click.argument("number")
@click.option("--note", required=True, help="Why, for the journal.")
@click.option("--lift", is_flag=True, help="Lift it again; --note says why.")
@data_option
def block(number: str, note: str, lift: bool, data: Path | None) -> None:
    """Block NUMBER for every account of this installation, texts and calls (a litigator, a threat, a mistake)."""
    try:
        wanted = normalise(number)
    except InvalidNumber as error:
        raise click.UsageError(f"{number!r}: {error}") from None
    with open_services(data) as services:
        if lift:
            outcomes = services.consent.unblock_everywhere(wanted, actor="operator", reason=note)
        else:
            outcomes = services.consent.block_everywhere(wanted, actor="operator", note=note)
        for outcome in outcomes:
            click.echo(f"{wanted}: {outcome.outcome}")


@click.group()
def unrouted() -> None:
    """Texts to senders that no account had when they came."""


@unrouted.command("list")
@data_option
def list_unrouted(data: Path | None) -> None:
    """Show the texts that found nobody, oldest first."""
    with open_services(data) as services:
        waiting = list(services.routing.waiting())
        for found in waiting:
            text = found.text
            click.echo(f"{text.received_at:%Y-%m-%d %H:%M:%S}  {text.address} -> {text.sender}  {text.body!r}")
        click.echo(f"{len(waiting)} texts.")


@unrouted.command("replay")
@data_option
def replay(data: Path | None) -> None:
    """Handle those whose sender has an account now, as of the time they came."""
    with open_services(data) as services:
        handled, left = services.routing.replay()
        click.echo(f"{handled} handled, {left} still to senders that no account has.")


@click.group()
def keys() -> None:
    """API keys."""


@keys.command("create")
@click.option("--account", "account_id", help="The account the key belongs to.")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the key may do.")
@data_option
def create(account_id: str | None, role: str, data: Path | None) -> None:
    """Make an API key and print it, once."""
    with open_services(data) as services:
        account = account_named(services, account_id)
        key = services.store.api_keys.create(account.id, role, services.clock.now())
        click.echo(f"The key of account {account.id} with the role {role}. It is shown this once: {key}")


@keys.command("list")
@click.option("--account", "account_id", help="Only the keys of this account.")
@data_option
def list_keys(account_id: str | None, data: Path | None) -> None:
    """Show the API keys there are, without their secrets."""
    with open_services(data) as services:
        for key in services.store.api_keys.all(account_id):
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
            click.echo(f"{key.id}  {key.account}  {key.role}  made {key.created_at:%Y-%m-%d}  {used}")


@keys.command("revoke")
@click.argument("identifier")
@data_option
def revoke(identifier: str, data: Path | None) -> None:
    """Revoke the API key with this id (see: stopgate keys list)."""
    with open_services(data) as services:
        if not services.store.api_keys.revoke(identifier):
            raise click.UsageError(f"There is no key {identifier!r}.")
        click.echo("Revoked.")
