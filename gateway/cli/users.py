"""Commands about people: users add, list, role, remove, reset-password."""

from pathlib import Path

import click

from gateway.cli.opening import account_named, data_option, open_services
from gateway.roles import ROLES
from gateway.services import Services
from gateway.users import folded
from store.users import EVERY_ACCOUNT, User

_ACTOR = "operator"


@click.group()
def users() -> None:
    """People who sign in to the console."""


def _person(services: Services, email: str) -> User:
    user = services.store.users.by_email(folded(email))
    if user is None:
        raise click.UsageError(f"Nobody signs in as {email!r} (see: stopgate users list).")
    return user


def _scope(services: Services, account: str | None) -> str:
    return account if account == EVERY_ACCOUNT else account_named(services, account).id


account_option = click.option(
    "--account", "account_id", help='The account; "*" for all. Not needed when there is but one.'
)


@users.command("add")
@click.argument("email")
@click.option("--name", default="", help="What colleagues call the person.")
@account_option
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the person may do.")
@data_option
def add(email: str, name: str, account_id: str | None, role: str, data: Path | None) -> None:
    """Let EMAIL sign in, and print a password for the first time."""
    with open_services(data) as services:
        scope = _scope(services, account_id)
        user, password = services.users.add(email, name, scope, role, actor=_ACTOR)
        click.echo(f"{user.email} may sign in, as {role} of {_named(scope)}. For once, with the password {password}")


@users.command("list")
@data_option
def list_users(data: Path | None) -> None:
    """Show who may sign in."""
    with open_services(data) as services:
        for user in services.store.users.all():
            roles = ", ".join(f"{role} of {_named(account)}" for account, role in user.memberships.items()) or "no role"
            seen = f"last signed in {user.signed_in_at:%Y-%m-%d %H:%M}" if user.signed_in_at else "never signed in"
            click.echo(f"{user.email}  {roles}  {seen}")


@users.command("role")
@click.argument("email")
@account_option
@click.option("--role", type=click.Choice([*ROLES, "none"]), required=True, help="What the person may do there.")
@data_option
def give_role(email: str, account_id: str | None, role: str, data: Path | None) -> None:
    """Give EMAIL another role in an account, or none."""
    with open_services(data) as services:
        scope = _scope(services, account_id)
        services.users.give_role(_person(services, email), scope, "" if role == "none" else role, actor=_ACTOR)
        click.echo(f"{email} has the role {role} in {_named(scope)}.")


@users.command("remove")
@click.argument("email")
@data_option
def remove(email: str, data: Path | None) -> None:
    """Remove EMAIL and end the sign-ins of that person."""
    with open_services(data) as services:
        services.users.remove(_person(services, email), actor=_ACTOR)
        click.echo("Removed. What the person did stays in the journals.")


@users.command("reset-password")
@click.argument("email")
@data_option
def reset_password(email: str, data: Path | None) -> None:
    """Give EMAIL a password for one sign-in, and end the sign-ins of that person."""
    with open_services(data) as services:
        password = services.users.reset_password(_person(services, email), actor=_ACTOR)
        click.echo(f"{email} can sign in once with {password}")


def _named(account: str) -> str:
    return "all accounts" if account == EVERY_ACCOUNT else account
