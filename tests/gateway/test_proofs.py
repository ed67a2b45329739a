"""Proof files (US-21): all that is known of a number, chained and signed, so that whatever was done to one shows."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli import main
from gateway.outbound import SendRequest
from gateway.proof_chain import Item, chained, check_chain, hash_of, read_document, sealed
from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock, Jobs
from tests.webhooks import PERSON, text

Document = dict[str, Any]
Api = Callable[..., Any]


@pytest.fixture
def document(services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, tmp_path: Path) -> Document:
    """The proof of a person who was imported, texted to, and said STOP; with an entry of every kind."""
    acme = services.store.directory.current().accounts["acme"]
    file = tmp_path / "old list.csv"
    file.write_text(f"phone\n{PERSON}\n", encoding="utf-8")
    order = services.imports.order(acme, file, actor="user ada", sender="55555")
    services.imports.create(acme, "i1", order)
    list(services.imports.run("i1", file))
    clock.pass_time(timedelta(seconds=1))
    services.outbound.accept(acme, SendRequest("+12025550100", PERSON, "Book fair on Saturday."))
    send_jobs()
    clock.pass_time(timedelta(seconds=1))
    text(client, "STOP please")
    send_jobs()
    clock.pass_time(timedelta(minutes=1))
    made: Document = json.loads(json.dumps(services.proofs.make(acme, PERSON)))
    clock.pass_time(timedelta(minutes=1))
    return made


def kinds(document: Document) -> set[str]:
    return {entry["kind"] for entry in document["entries"]}


def check(services: Services, document: Document) -> list[str]:
    found = check_chain(document) or services.proofs.check(document, services.store.directory.current().accounts)
    return [finding.code for finding in found]


def test_us_21_a_proof_has_the_words_the_rule_the_times_the_receipts_and_who_did_what(document: Document) -> None:
    assert kinds(document) == {"header", "import", "journal", "text", "event", "request", "state"}
    of = {kind: [e["data"] for e in document["entries"] if e["kind"] == kind] for kind in kinds(document)}
    assert [data["body"] for data in of["text"]][:2] == ["Book fair on Saturday.", "STOP please"]
    (imported, stop) = of["journal"]
    assert imported["detail"] == {"batch": "i1", "row": 2}
    assert of["import"][0] == {
        "import": "i1", "file": "old list.csv", "actor": "user ada", "note": "", "channels": ["text", "voice"],
        "fingerprint": of["import"][0]["fingerprint"],
    }  # fmt: skip
    assert stop["detail"]["text"] == "STOP please"
    assert stop["detail"]["rule"]
    (request,) = of["request"]
    assert all(request[name] for name in ("received_at", "blocked_at", "confirmed_at"))
    # That the gate was asked before each send is an event of each text that went out.
    assert {"handing_over", "accepted"} <= {event["what"] for event in of["event"]}
    assert "America/Los_Angeles" in of["text"][0]["local_times"]
    header = of["header"][0]
    assert header["settings"]["stop_scope"] == "account"
    assert header["software"].startswith("Stopgate ")


def test_an_untouched_proof_is_found_good_by_chain_signature_and_journal(
    services: Services, document: Document
) -> None:
    assert check(services, document) == []


def changed(document: Document, position: int) -> None:
    document["entries"][position]["data"]["added"] = "x"


def retimed(document: Document, position: int) -> None:
    document["entries"][position]["at"] = "2001-01-01T00:00:00+00:00"


def changed_and_hashed(document: Document, position: int) -> None:
    changed(document, position)
    document["entries"][position]["hash"] = hash_of(document["entries"][position])


def removed(document: Document, position: int) -> None:
    del document["entries"][position]


def swapped(document: Document, position: int) -> None:
    entries = document["entries"]
    other = position + 1 if position + 1 < len(entries) else position - 1
    entries[position], entries[other] = entries[other], entries[position]


def appended(document: Document, position: int) -> None:
    copy = deepcopy(document["entries"][position])
    copy |= {"position": len(document["entries"]), "previous": document["head"]}
    document["entries"].append({**copy, "hash": hash_of(copy)})


def doubled(document: Document, position: int) -> None:
    document["entries"].insert(position, deepcopy(document["entries"][position]))


TAMPERING = {
    "changed": (changed, "changed"),
    "time changed": (retimed, "changed"),
    "changed, its hash made anew": (changed_and_hashed, "changed"),
    "removed": (removed, "missing"),
    "swapped": (swapped, "moved"),
    "appended": (appended, "added"),
    "doubled": (doubled, "added"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_us_21_tampering_with_any_kind_of_entry_is_found_and_the_entry_named(document: Document, name: str) -> None:
    tamper, code = TAMPERING[name]
    for kind in kinds(document):
        spoilt = deepcopy(document)
        position = next(entry["position"] for entry in document["entries"] if entry["kind"] == kind)
        tamper(spoilt, position)
        findings = check_chain(spoilt)
        assert {finding.code for finding in findings} == {code}, kind
        if code in {"changed", "missing"}:
            assert [finding.entry.split(" (")[0] for finding in findings] == [f"entry {position}"]


def whole_new_chain(document: Document, entries: list[Document]) -> Document:
    """What a careful forger makes: a chain that fits itself."""
    items = [Item(entry["id"], entry["kind"], entry["at"], entry["data"]) for entry in entries]
    return {**sealed(items, b"no key of ours"), "signature": document["signature"]}


def test_a_whole_new_chain_is_found_by_the_signature(services: Services, document: Document) -> None:
    assert check(services, whole_new_chain(document, document["entries"][:-2])) == ["not_signed"]
    forged = sealed([Item("header", "header", "2026-01-01", {"account": "acme", "number": PERSON})], b"another key")
    assert check(services, forged) == ["not_signed"]


@pytest.mark.parametrize(("sign", "code"), [("drop", "left_out"), ("change", "differs"), ("invent", "not_here")])
def test_what_even_an_insider_with_the_key_changes_is_found_by_the_journal(
    services: Services, document: Document, sign: str, code: str
) -> None:
    entries = deepcopy(document["entries"])
    at = next(index for index, entry in enumerate(entries) if entry["kind"] == "journal")
    if sign == "drop":
        del entries[at]
    elif sign == "change":
        entries[at]["data"]["detail"] = {}
    else:
        entries.insert(at, {**entries[at], "id": "journal/a/acme/1-1"})
    items = [Item(entry["id"], entry["kind"], entry["at"], entry["data"]) for entry in entries]
    assert check(services, sealed(items, services.proofs._key)) == [code]


def test_what_happens_after_a_proof_was_made_does_not_spoil_it(
    services: Services, client: FlaskClient, clock: FakeClock, document: Document, send_jobs: Jobs
) -> None:
    clock.pass_time(timedelta(hours=1))
    text(client, "START", MessageSid="SM" + "2" * 32)
    send_jobs()
    assert check(services, document) == []


def test_g8_a_proof_tells_one_account_nothing_of_another(services: Services, document: Document) -> None:
    globex = services.store.directory.current().accounts["globex"]
    other = services.proofs.make(globex, PERSON)
    assert [entry["kind"] for entry in other["entries"]] == ["header", "state"]
    assert "STOP please" not in json.dumps(other)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "not a proof"),
        (b'{"format": "stopgate-proof", "version": 2}', "version 1"),
        (b'{"format": "stopgate-proof", "version": 1, "entries": 3}', "entries is not"),
        (b'{"format": "stopgate-proof", "version": 1, "entries": [3]}', "entries is not"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_proof_is_said_to_be_none(content: bytes, words: str) -> None:
    document, findings = read_document(content)
    assert document is None
    assert words in str(findings[0])


@pytest.mark.parametrize("entries", [[], [{}], [{"position": "x"}], [{"position": 0, "previous": 1, "hash": []}]])
@pytest.mark.parametrize("count", [None, "3", 1, -1, 10**12])
def test_damaged_entries_are_findings_and_never_a_crash(entries: list[Any], count: Any) -> None:
    assert check_chain({"entries": entries, "count": count, "head": None}) != []


def test_the_chain_can_be_checked_with_other_tools(document: Document) -> None:
    """docs/proof.md: SHA-256 of the entry without its hash, as JSON with sorted names, no spaces, UTF-8."""
    import hashlib

    previous = "0" * 64
    for entry in document["entries"]:
        bare = {name: value for name, value in entry.items() if name != "hash"}
        assert bare["previous"] == previous
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert previous == entry["hash"]
    assert previous == document["head"]
    assert chained([]) == []


def test_the_command_line_writes_checks_and_tells_a_proof(
    environment: dict[str, str], services: Services, document: Document, tmp_path: Path
) -> None:
    path = tmp_path / "proof.json"

    def run(*arguments: str, **changes: str) -> Any:
        return CliRunner().invoke(main, list(arguments), env={**environment, **changes})

    done = run("explain", PERSON, "--account", "acme", "--proof", str(path))
    assert (done.exit_code, "Head: " in done.output) == (0, True)
    good = run("proof", "verify", str(path))
    assert (good.exit_code, good.output.count("ok ")) == (0, 3)
    told = run("proof", "show", str(path)).output
    assert "'STOP please'" in told
    assert "received 2026" in told or "received 20" in told
    nowhere = run("proof", "verify", str(path), STOPGATE_STORE_URL="unix:///nowhere/socket")
    assert (nowhere.exit_code, "signature was not checked" in nowhere.output) == (0, True)
    made = json.loads(path.read_text(encoding="utf-8"))
    at = next(entry["position"] for entry in made["entries"] if entry["kind"] == "journal")
    made["entries"][at]["data"]["detail"]["text"] = "never mind"
    path.write_text(json.dumps(made), encoding="utf-8")
    bad = run("proof", "verify", "--chain-only", str(path))
    assert (bad.exit_code, f"entry {at} (journal" in bad.output, "changed" in bad.output) == (1, True, True)
    printed = tmp_path / "proof.txt"
    run("explain", PERSON, "--account", "acme", "--proof", str(printed), "--format", "text")
    assert "Head of the chain" in printed.read_text(encoding="utf-8")


def test_the_api_gives_the_same_proof_as_json_and_as_text(
    api: Api, services: Services, client: FlaskClient, document: Document
) -> None:
    status, answer = api("GET", f"/opt-outs/{PERSON}/proof")
    assert (status, check(services, answer)) == (200, [])
    key = services.store.api_keys.create("acme", "read", services.clock.now())
    shown = client.get(f"/api/v1/opt-outs/{PERSON}/proof.txt", headers={"Authorization": f"Bearer {key}"})
    assert (shown.status_code, shown.content_type) == (200, "text/plain; charset=utf-8")
    assert "STOP please" in shown.get_data(as_text=True)
    assert api("GET", "/opt-outs/hello/proof")[1]["code"] == "invalid_number"


def test_the_source_of_a_colleagues_entry_is_in_the_proof(services: Services) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, PERSON, source=Source.ADMIN, actor="user ada", note="said so on the phone")
    (entry,) = [e for e in services.proofs.make(acme, PERSON)["entries"] if e["kind"] == "journal"]
    assert (entry["data"]["source"], entry["data"]["detail"]["actor"]) == ("admin", "user ada")


def test_g6_explain_tells_a_person_in_words_what_happened(
    environment: dict[str, str], services: Services, document: Document
) -> None:
    told = CliRunner().invoke(main, ["explain", PERSON, "--account", "acme"], env=environment).output
    for words in (
        "Texts: opted out since",
        "by their own text (everything acme sends)",
        "Only they can come back, by texting START.",
        "Calls: opted out since",
        "'STOP please' to +12025550100",
        "; confirmed 20",
        "opt out: opted out, by an imported list",
        "what acme sends from 55555; texts and calls",
        "import: i1",
        "they wrote: 'STOP please'",
        "<- to +12025550100  received  'STOP please'",
        "handing over",
    ):
        assert words in told, told
