"""Commands about proof files."""

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.opening import data_option, open_services
from gateway.errors import SettingsError
from gateway.proof_chain import Finding, check_chain, read_document
from gateway.proof_text import rendered
from gateway.supervision.embedded import EmbeddedStoreError
from store.errors import StoreError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def write_proof(document: dict[str, Any], file: Path, form: str) -> None:
    """Write a proof document into a file, as JSON or as text.

    Raises:
        click.UsageError: the file cannot be written.
    """
    text = rendered(document) if form == "text" else json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}.") from None


@click.group()
def proof() -> None:
    """Proof files: what is known of one number, so that a change shows."""


def _document(file: Path) -> dict[str, Any]:
    document, findings = read_document(file.read_bytes())
    if document is None:
        click.echo(f"BAD {findings[0]}")
        raise SystemExit(1)
    return document


@proof.command("verify")
@click.argument("file", type=_FILE)
@click.option("--chain-only", is_flag=True, help="Check what anybody can, without an installation.")
@data_option
def verify_proof(file: Path, chain_only: bool, data: Path | None) -> None:
    """Is the proof in FILE as it was made? Says which entry was changed, removed, moved or added; exit code 1 then.

    The chain needs nothing but the file. With an installation its signature is checked too, and each entry is compared
    with what the installation knows now.
    """
    document = _document(file)
    findings = check_chain(document)
    _tell(findings)
    if findings:
        raise SystemExit(1)
    click.echo(f"ok   chain: {document['count']} entries, none changed, missing, moved or added.")
    if chain_only:
        click.echo("     Signature and installation were not asked (--chain-only).")
        return
    try:
        with open_services(data) as services:
            findings = services.proofs.check(document, services.store.directory.current(fresh=True).accounts)
    except (SettingsError, StoreError, EmbeddedStoreError) as error:
        click.echo(f"     The signature was not checked: there is no installation to ask ({type(error).__name__}).")
        click.echo("     Whoever makes a whole new chain is found by the signature only.")
        return
    _tell(findings)
    if findings:
        raise SystemExit(1)
    click.echo("ok   signature: this installation made the file.")
    click.echo("ok   journal: every entry is in the installation now, as it is in the file.")


def _tell(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(f"BAD  {finding}")


@proof.command("show")
@click.argument("file", type=_FILE)
def show_proof(file: Path) -> None:
    """Tell the proof in FILE in words, to read or to print. Does not check it."""
    document = _document(file)
    try:
        click.echo(rendered(document), nl=False)
    except (KeyError, IndexError, TypeError, AttributeError):
        click.echo("The file cannot be told: entries were damaged. Check it with: stopgate proof verify")
        raise SystemExit(1) from None
