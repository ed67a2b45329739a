"""The page of a number: may we reach it, why, what happened, and what people of each role may do there."""

import json

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock, Jobs
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

PAGE = f"/accounts/acme/numbers/{PERSON}"
ACME = "acme"


def sources(services: Services) -> set[tuple[str, str]]:
    acme = services.store.directory.current().accounts[ACME]
    return {
        (block.source.label if block.source else "", block.channel.value)
        for block in services.consent.blocks(acme, PERSON)
    }


@pytest.mark.parametrize("typed", ["(415) 555-0100", "+14155550100", "1-415-555-0100", " 415.555.0100 "])
def test_a_number_is_found_however_it_is_pasted(owner: Visitor, typed: str) -> None:
    answer = owner.client.get("/accounts/acme/numbers", query_string={"number": typed})
    assert answer.location == PAGE


def test_what_is_no_number_is_said_to_be_none(owner: Visitor) -> None:
    assert "is no phone number" in owner.get("/accounts/acme/numbers?number=hello").text
    owner.get("/accounts/acme/numbers/hello", status=404)


def test_a_number_that_nobody_knows_may_be_reached(owner: Visitor) -> None:
    page = owner.get(PAGE).text
    assert "Nothing is known that speaks against it" in page
    assert "Nothing yet" in page


def test_a_stop_is_explained_with_its_words_and_the_way_back(owner: Visitor, client: FlaskClient) -> None:
    text(client, "pls STOP texting me")
    page = owner.get(PAGE).text
    for part in (
        "pls STOP texting me", "because this person texted that they want no more", "ask them to text START to",
        "Nobody here can take that back", "Opted out: texts and calls",
    ):  # fmt: skip
        assert part in page, part


def test_texts_and_reports_stand_in_the_timeline(
    services: Services, owner: Visitor, client: FlaskClient, send_jobs: Jobs, clock: FakeClock
) -> None:
    text(client, "HELP")
    send_jobs()
    page = owner.get(PAGE).text
    assert "They texted +1 202-555-0100" in page
    assert "Answer to HELP from +1 202-555-0100" in page
    assert "Understood as: help" in page


@pytest.mark.parametrize(
    ("channels", "after"),
    [
        ("both", {("admin", "text"), ("admin", "voice")}),
        ("text", {("admin", "text")}),
        ("voice", {("admin", "voice")}),
    ],
)
def test_a_number_is_opted_out_for_what_was_chosen_and_the_mistake_undone(
    services: Services, owner: Visitor, clock: FakeClock, channels: str, after: set[tuple[str, str]]
) -> None:
    done = owner.post(f"{PAGE}/opt-out", {"channels": channels, "note": "said so on the phone", "sender": ""})
    assert "Undo" in done.text
    assert "said so on the phone" in done.text
    assert sources(services) == after
    clock.sleep(2)
    fields = {"confirmed": "yes", "agreed": "yes", "channels": channels, "reason": "by mistake"}
    assert "may be reached again" in owner.post(f"{PAGE}/opt-in", fields).text
    assert sources(services) == set()


def test_opting_in_asks_for_a_reason_and_the_persons_consent(
    services: Services, owner: Visitor, clock: FakeClock
) -> None:
    owner.post(f"{PAGE}/opt-out", {"channels": "both"})
    clock.sleep(2)
    assert "This person agreed to hear from Acme again" in owner.get(f"{PAGE}/opt-in?channels=text").text
    refused = owner.post(f"{PAGE}/opt-in", {"confirmed": "yes", "reason": "asked", "channels": "text"})
    assert "say that the person agreed" in refused.text
    assert sources(services) == {("admin", "text"), ("admin", "voice")}
    owner.post(f"{PAGE}/opt-in", {"confirmed": "yes", "reason": "asked", "agreed": "yes", "channels": "text"})
    assert sources(services) == {("admin", "voice")}


def test_g5_a_persons_own_stop_is_not_lifted_and_the_page_says_what_they_have_to_text(
    services: Services, owner: Visitor, client: FlaskClient
) -> None:
    text(client, "STOP")
    fields = {"confirmed": "yes", "agreed": "yes", "channels": "both", "reason": "asked"}
    assert "ask them to text START to" in owner.post(f"{PAGE}/opt-in", fields).text
    assert ("keyword", "text") in sources(services)


def test_a_proof_file_is_saved(owner: Visitor, client: FlaskClient) -> None:
    text(client, "STOP")
    answer = owner.get(f"{PAGE}/proof")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.data)["entries"]


def test_gd_1_a_person_is_erased_after_asking_and_stays_blocked(
    services: Services, owner: Visitor, client: FlaskClient
) -> None:
    text(client, "please take me off your list")
    assert "This cannot be undone" in owner.get(f"{PAGE}/erase").text
    assert "Erased:" in owner.post(f"{PAGE}/erase", {"confirmed": "yes", "reason": "asked by letter"}).text
    page = owner.get(PAGE).text
    assert "take me off your list" not in page
    acme = services.store.directory.current().accounts[ACME]
    assert not services.consent.check(acme, [PERSON])[0].allowed


def test_a_colleague_opts_out_and_does_not_lift_and_a_stranger_finds_nothing(
    services: Services, colleague: Visitor, stranger: Visitor
) -> None:
    colleague.post(f"{PAGE}/opt-out", {"channels": "text"})
    assert sources(services) == {("agent", "text")}
    for path in ("opt-in", "erase", "proof"):
        colleague.get(f"{PAGE}/{path}", status=403)
    for path in (PAGE, f"{PAGE}/opt-in", f"{PAGE}/proof", f"{PAGE}/erase"):
        stranger.get(path, status=404)
    stranger.post(f"{PAGE}/opt-out", {"channels": "both"}, status=404)
    assert "Nothing is known" in stranger.get(f"/accounts/globex/numbers/{PERSON}").text
    assert Source.AGENT.label == "agent"
