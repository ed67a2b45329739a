"""Erasure (GD-1 to GD-4): a person's data goes, the block stays as a keyed hash and is honoured everywhere."""

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli import main
from gateway.outbound import SendRequest
from gateway.services import Services
from store import keys
from store.consent import Source
from store.directory import Account
from store.listed import Order, Wanted
from store.scopes import Channel, Scope
from tests.conftest import FakeClock, Jobs
from tests.gateway.erased_people import NEIGHBOUR, Api, drifts, erase, everything_kept, import_list, traces
from tests.webhooks import PERSON, text


def test_gd_2_nothing_in_the_store_names_the_person_any_more_and_nobody_else_lost_anything(
    services: Services, acme: Account, storied: None
) -> None:
    others = services.consent.explain(acme, NEIGHBOUR)
    assert len(traces(services, PERSON)) > 5
    done = erase(services, acme)
    assert (done.counts["texts"], done.blocks) == (3, 2)
    assert done.counts["journal_entries"] == 5
    assert traces(services, PERSON) == []
    assert not [key for key, content in everything_kept(services) if b"Ann" in content or b"Book fair" in content]
    assert services.consent.explain(acme, NEIGHBOUR) == others


def test_gd_4_the_journal_still_proves_the_state_and_tells_what_happened_without_number_and_words(
    services: Services, acme: Account, storied: None
) -> None:
    before = services.consent.explain(acme, PERSON)
    erase(services, acme)
    assert drifts(services) == []
    after = services.consent.explain(acme, PERSON)
    facts = [(e.id, e.kind, e.scope, e.channels, e.source, e.outcome, e.occurred_at) for e in before.journal]
    assert [(e.id, e.kind, e.scope, e.channels, e.source, e.outcome, e.occurred_at) for e in after.journal] == facts
    assert {entry.number for entry in after.journal} == {after.journal[0].number}
    assert after.journal[0].number.startswith("#00")
    stop = next(entry for entry in after.journal if entry.detail.get("rule"))
    assert set(stop.detail) == {"rule", "certainty", "sender", "carrier", "erased"}
    assert [(b.scope, b.channel, b.source, b.since) for b in after.blocks] == [
        (b.scope, b.channel, b.source, b.since) for b in before.blocks
    ]
    assert (after.messages, after.requests) == ((), ())


def test_erasing_twice_changes_nothing_more(services: Services, acme: Account, storied: None) -> None:
    erase(services, acme)
    before = sorted(everything_kept(services))
    done = erase(services, acme)
    assert (set(done.counts.values()), done.blocks) == ({0}, 0)
    assert sorted(everything_kept(services)) == before


def test_gd_1_the_gate_the_checks_and_the_scrub_still_refuse_an_erased_number(
    services: Services, acme: Account, storied: None, api: Api, tmp_path: Path, send_jobs: Jobs
) -> None:
    erase(services, acme)
    status, answer = api("POST", "/messages", {"from": "+12025550100", "to": PERSON, "body": "Hello?"})
    assert (status, answer["code"], answer["source"]) == (409, "opted_out", "keyword")
    results = api("POST", "/opt-outs/check", {"numbers": ["+14155550199", PERSON, NEIGHBOUR]})[1]["results"]
    assert [result["allowed"] for result in results] == [True, False, False]
    assert (results[1]["source"], results[1]["scope"]) == ("keyword", "account")
    voice = api("POST", "/opt-outs/check", {"numbers": [PERSON], "channel": "voice"})[1]["results"]
    assert voice[0]["allowed"] is False
    numbers = [f"+1415555{number:04d}" for number in range(300)]
    found = services.store.bulk.check(
        [*numbers, PERSON], [Scope.of_account("acme").entered_side, Scope.of_account("acme")]
    )
    assert [number for number, scope in zip([*numbers, PERSON], found, strict=True) if scope] == [PERSON, PERSON]
    assert set(found) == {0, 2}
    lines = tmp_path / "audience.csv"
    lines.write_text(f"phone\n{PERSON}\n+14155550199\n", encoding="utf-8")
    assert [row["allowed"] for row in scrubbed(services, acme, lines)] == ["no", "yes"]


def scrubbed(services: Services, account: Account, file: Path) -> list[dict[str, str]]:
    target = file.with_name("out.csv")
    done = CliRunner().invoke(main, ["scrub", str(file), str(target), "--account", account.id], env=ENVIRONMENT[0])
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))


ENVIRONMENT: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def _remember(environment: dict[str, str]) -> None:
    ENVIRONMENT[:] = [environment]


def test_gd_1_a_text_that_waited_when_its_number_was_erased_never_goes_out(
    services: Services, acme: Account, storied: None, send_jobs: Jobs
) -> None:
    services.outbound.accept(acme, SendRequest("+12025550100", "+14155550199", "Hi"))
    message = services.outbound.accept(acme, SendRequest("+12025550100", "+14155550101", "Hello?"))
    services.erasure.erase(acme, "+14155550101", source=Source.ADMIN, actor="user ada", block=True)
    assert send_jobs() == ["accepted"]
    assert services.store.messages.get(message.id) is None
    assert services.consent.check(acme, ["+14155550101"])[0].allowed is False


def test_gd_1_an_erased_number_is_refused_at_the_moment_of_hand_off(
    services: Services, acme: Account, storied: None, send_jobs: Jobs
) -> None:
    """A text that was written for it although it was erased meanwhile: the gate alone decides."""
    message = services.outbound.accept(acme, SendRequest("+12025550100", "+14155550101", "Hello?"))
    services.consent.opt_out(acme, "+14155550101", source=Source.ADMIN, actor="user ada")
    services.store.erasure.erase_journal("+14155550101", "acme", now=services.clock.now(), detail={})
    assert send_jobs() == ["suppressed"]
    assert services.store.messages.get(message.id).status == "suppressed"  # type: ignore[union-attr]


def test_gd_1_an_import_does_not_bring_an_erased_number_back(
    services: Services, acme: Account, storied: None, tmp_path: Path
) -> None:
    erase(services, acme)
    assert import_list(services, acme, tmp_path, "again", PERSON, NEIGHBOUR, "+14155550199") == {
        "already": 1,
        "opted_out": 2,
    }
    assert traces(services, PERSON) == []
    assert drifts(services) == []


def test_a_row_that_blocks_more_than_the_erased_block_is_written(
    services: Services, acme: Account, tmp_path: Path
) -> None:
    services.consent.opt_out(acme, PERSON, source=Source.ADMIN, actor="a", channels=[Channel.TEXT])
    erase(services, acme)
    assert import_list(services, acme, tmp_path, "both", PERSON) == {"opted_out": 1}


def test_the_person_comes_back_by_start_and_only_they_do(
    services: Services, acme: Account, storied: None, client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs
) -> None:
    """G5 after GD-1: what was erased is still the person's own STOP."""
    erase(services, acme)
    assert api("DELETE", f"/opt-outs/{PERSON}")[1]["code"] == "opted_out_by_person"
    clock.pass_time(timedelta(minutes=1))
    text(client, "START", MessageSid="SM" + "4" * 32)
    assert "accepted" in send_jobs()
    check = services.consent.check(acme, [PERSON], channel=Channel.TEXT)[0]
    assert check.allowed is True
    # What a colleague entered stays until a colleague lifts it, erased or not.
    assert services.consent.check(acme, [PERSON], channel=Channel.VOICE)[0].allowed is False
    clock.pass_time(timedelta(minutes=1))
    assert api("DELETE", f"/opt-outs/{PERSON}")[0] == 200
    assert services.consent.check(acme, [PERSON], channel=Channel.VOICE)[0].allowed is True
    assert drifts(services) == []
    words = [
        entry.detail.get("text") for entry in services.consent.explain(acme, PERSON).journal if entry.number[0] == "#"
    ]
    assert set(words) == {None}


def test_a_start_from_somebody_who_was_never_erased_leaves_no_pseudonym(
    services: Services, acme: Account, storied: None, client: FlaskClient, clock: FakeClock
) -> None:
    erase(services, acme)
    text(client, "START", From="+14155550199", MessageSid="SM" + "5" * 32)
    kept = [key for key, _ in everything_kept(services) if ":erased" in key]
    assert sorted(key.split(":")[0] for key in kept) == ["{00}"] * len(kept)
    assert drifts(services) == []


def test_a_person_who_stops_again_and_is_erased_again_has_one_history(
    services: Services, acme: Account, storied: None, client: FlaskClient, clock: FakeClock
) -> None:
    erase(services, acme)
    for minute, word in enumerate(("START", "STOP")):
        clock.pass_time(timedelta(minutes=1))
        text(client, word, MessageSid="SM" + str(minute) * 32)
    clock.pass_time(timedelta(minutes=1))
    erase(services, acme)
    assert traces(services, PERSON) == []
    assert services.consent.check(acme, [PERSON])[0].allowed is False
    assert drifts(services) == []


def test_a_text_that_nobody_had_read_yet_counts_as_an_opt_out_when_its_number_is_erased(
    services: Services, acme: Account, client: FlaskClient
) -> None:
    text(client, "not interested")
    held = services.consent.explain(acme, PERSON).held
    erase(services, acme)
    assert (held, services.consent.check(acme, [PERSON])[0].allowed) == (True, False)
    assert services.reviews.queue(acme) == []


def test_events_about_an_erased_number_go_none_comes_of_its_tombstones_and_coming_back_is_one(
    services: Services, acme: Account, storied: None, client: FlaskClient, api: Api, clock: FakeClock
) -> None:
    """The number is known again when the person texts START, or a colleague lifts what a colleague entered."""

    def follow() -> list[Mapping[str, Any]]:
        for shard in keys.SHARDS:
            services.following.follow(shard)
        told = [event.data | {"kind": event.kind} for event in services.store.events.feed("acme", limit=100)[0]]
        assert [one for one in told if not str(one["number"]).startswith("+")] == []
        return [one for one in told if one["number"] == PERSON]

    assert follow() != []
    assert erase(services, acme).counts["events"] == 2
    assert follow() == []
    clock.pass_time(timedelta(minutes=1))
    text(client, "START", MessageSid="SM" + "4" * 32)
    text(client, "START", MessageSid="SM" + "4" * 32)
    (back,) = follow()
    assert (back["kind"], back["outcome"], back["scope"], back["source"]) == (
        "opted_in",
        "lifted",
        "account",
        "keyword",
    )
    clock.pass_time(timedelta(minutes=1))
    text(client, "START", MessageSid="SM" + "5" * 32)
    assert follow() == [back]
    clock.pass_time(timedelta(minutes=1))
    api("DELETE", f"/opt-outs/{PERSON}")
    assert [(one["kind"], one["source"]) for one in follow()] == [("opted_in", "keyword"), ("opted_in", "api")]
    assert drifts(services) == []


def test_lists_and_exports_leave_erased_numbers_out(services: Services, acme: Account, storied: None) -> None:
    erase(services, acme)
    for order in (Order(by_number=True), Order()):
        page = services.store.listing.page("acme", Wanted(), order, limit=9)
        assert {item.number for item in page.items} == {NEIGHBOUR}
    exported = services.store.bulk.all_blocked(lambda scope: scope.account == "acme")
    assert {row.number for row in exported} == {NEIGHBOUR}
