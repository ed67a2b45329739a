"""Commands that look: check, explain, try, doctor."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.explaining import told
from gateway.cli.opening import account_named, data_option, open_services, settings_with
from gateway.cli.proving import write_proof
from gateway.doctor import examine
from gateway.phone import InvalidNumber, masked, normalise
from keywords import decide
from store.directory import Account


def _number(text: str, account: Account) -> str:
    try:
        return normalise(text, account.default_country or None)
    except InvalidNumber as error:
        raise click.UsageError(f"{text!r}: {error}") from None


@click.command()
@click.argument("numbers", nargs=-1, required=True)
@click.option("--account", "account_id", help="Who would text.")
@click.option("--from", "sender", help="The sender the text would come from.")
@data_option
def check(numbers: tuple[str, ...], account_id: str | None, sender: str | None, data: Path | None) -> None:
    """May NUMBERS be texted now? Exit code 1 when one may not."""
    with open_services(data) as services:
        account = account_named(services, account_id)
        wanted = [_number(text, account) for text in numbers]
        results = services.consent.check(account, wanted, sender=sender)
        for result in results:
            if result.block is None:
                click.echo(f"{result.number}  yes")
                continue
            source = result.block.source.label if result.block.source else "unknown"
            scope = result.block.scope.kind.value
            click.echo(
                f"{result.number}  no: opted out ({source}, {scope}) since {result.block.since:%Y-%m-%d %H:%M} UTC"
            )
    if not all(result.allowed for result in results):
        raise SystemExit(1)


@click.command()
@click.argument("number")
@click.option("--account", "account_id", help="In which account.")
@click.option(
    "--proof", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write a proof file (docs/proof.md)."
)
@click.option("--format", "form", type=click.Choice(["json", "text"]), default="json", help="Of the proof file.")
@data_option
def explain(number: str, account_id: str | None, file: Path | None, form: str, data: Path | None) -> None:
    """Tell everything that is known of NUMBER: what is blocked, since when, by which words."""
    with open_services(data) as services:
        account = account_named(services, account_id)
        wanted = _number(number, account)
        if file is not None:
            document = services.proofs.make(account, wanted)
            write_proof(document, file, form)
            click.echo(f"{document['count']} entries about {wanted} in {file}. Head: {document['head']}")
            return
        explanation = services.consent.explain(account, wanted)
        timelines = {
            message.id: services.store.messages.timeline(message.id)
            for message in explanation.messages
            if message.direction == "out"
        }
    for line in told(explanation, timelines):
        click.echo(line)


@click.command("try")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def try_text(text: str, as_json: bool) -> None:
    """What would a person who texts TEXT be understood to ask for? Changes nothing."""
    decision = decide(text)
    if as_json:
        click.echo(json.dumps(asdict(decision), ensure_ascii=False))
        return
    click.echo(f"{decision.action.value} ({decision.certainty.value})")
    click.echo(f"  {decision.explanation}")
    click.echo(f"  rule: {decision.rule}" + (f", matched {decision.matched!r}" if decision.matched else ""))


@click.command()
@data_option
def doctor(data: Path | None) -> None:
    """Look at settings, store, queue, carriers and clock. Exit code 1 when something needs a person."""
    settings = settings_with(data)
    with open_services(data) as services:
        findings = examine(services, settings)
    for finding in findings:
        click.echo(f"{'ok  ' if finding.good else 'FIX '} {finding.about}: {finding.sentence}")
    if not all(finding.good for finding in findings):
        raise SystemExit(1)


__all__ = ["check", "doctor", "explain", "masked", "try_text"]
