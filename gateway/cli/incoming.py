"""The command for the report of what came in."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.opening import account_named, data_option, open_services
from gateway.incoming_report import write
from gateway.lists.writing import FORMATS
from gateway.message_words import OUTCOMES
from gateway.texts import DECISIONS, TextQuery

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


@click.group()
def incoming() -> None:
    """Texts that came in, with what was made of them."""


@incoming.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--account", "account_id", help="Whose texts.")
@click.option(
    "--shared", metavar="SENDER", help="Texts to a shared sender that belong to no one account; the operator's to see."
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="Default: by the file's name, else csv.")
@click.option("--number", default="", help="From this number only, in E.164 form.")
@click.option("--sender", default="", help="To this sender only.")
@click.option("--decision", type=click.Choice(DECISIONS), help="What was read in them.")
@click.option("--outcome", type=click.Choice(list(OUTCOMES)), help="What they did; held: a person had to read them.")
@click.option("--rule", default="", help="How the rule's id begins.")
@click.option("--contains", default="", help="Words in the text.")
@click.option("--since", type=_TIME, help="From this time on (UTC unless it says otherwise).")
@click.option("--until", type=_TIME, help="Up to this time (UTC unless it says otherwise).")
@data_option
def export(
    file: Path | None,
    account_id: str | None,
    shared: str | None,
    form: str | None,
    number: str,
    sender: str,
    decision: str | None,
    outcome: str | None,
    rule: str,
    contains: str,
    since: datetime | None,
    until: datetime | None,
    data: Path | None,
) -> None:
    """Write the incoming report to FILE, or to the standard output: newest first, with decision, rule and reason."""
    query = TextQuery(
        direction="in",
        number=number,
        sender=sender,
        decision=decision or "",
        outcome=outcome or "",
        rule=rule,
        since=_aware(since),
        until=_aware(until),
        contains=contains,
    )
    suffix = file.suffix.removeprefix(".") if file else ""
    by_name = next((known for known in FORMATS.values() if known.extension == suffix), FORMATS["csv"])
    chosen = FORMATS[form] if form else by_name
    with open_services(data) as services:
        owner = f"@{shared}" if shared else account_named(services, account_id).id
        with file.open("wb") if file else click.open_file("-", "wb") as target:
            for piece in write(services.texts, owner, query, chosen):
                target.write(piece)
    if file and sys.stderr.isatty():
        click.echo(f"Wrote {file}", err=True)
