"""Contacts and audiences: adding, changing, opting in and out, membership, the sending audience with its reasons."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

CONTACTS, AUDIENCES = "/accounts/acme/contacts", "/accounts/acme/audiences"
SAM = {"first_name": "Sam", "last_name": "Rivera", "phones": "(415) 555-0100\n415-555-0101", "contact_id": "17"}


def add(owner: Visitor, **changes: str) -> str:
    """Add Sam; the address of the contact's page."""
    answer = owner.post(CONTACTS, {**SAM, **changes}, status=302, follow=False)
    return str(answer.location)


def make_audience(owner: Visitor) -> None:
    owner.post(AUDIENCES, {"id": "news", "name": "Weekly news", "sender": ""})


def test_empty_lists_say_what_they_are_for(owner: Visitor) -> None:
    assert "No contacts yet" in owner.get(CONTACTS).text
    assert "No audiences yet" in owner.get(AUDIENCES).text


def test_a_contact_is_added_found_and_changed(owner: Visitor) -> None:
    page = add(owner)
    for query in ("", "?number=415555", "?number=%28415%29+555-0101", "?name=riv", "?name=sam"):
        assert "Sam Rivera" in owner.get(CONTACTS + query).text, query
    for query in ("?number=1999", "?name=zoe", "?number=junk!"):
        assert "Sam Rivera" not in owner.get(CONTACTS + query).text, query
    form = {**SAM, "last_name": "Rivers", "phones": "(415) 555-0100", "new_name": "employer", "new_value": "Harbor Co"}
    changed = owner.post(page, form).text
    assert "Sam Rivers" in changed
    assert "Harbor Co" in changed
    assert "555-0101" not in changed
    kept = owner.post(page, {**form, "property:employer": "", "new_name": "", "new_value": ""}).text
    assert "Harbor Co" not in kept


def test_a_known_number_is_appended_to_its_contact(owner: Visitor) -> None:
    first = add(owner)
    assert add(owner, contact_id="", phones="415 555 0101, 415 555 0199") == first
    assert "555-0199" in owner.get(first).text


def test_what_is_wrong_stands_beside_its_field(owner: Visitor) -> None:
    page = owner.post(CONTACTS, {**SAM, "phones": "hello"}, status=422).text
    assert "hello: A phone number has no letters" in page
    assert 'value="Rivera"' in page


def test_a_phone_is_opted_out_and_in_again_by_channel(owner: Visitor, clock: FakeClock) -> None:
    page = add(owner)
    form = {"number": PERSON, "channels": "text", "note": "said so", "to": "out"}
    assert "no texts" in owner.post(f"{page}/opt-outs", form).text
    clock.pass_time(timedelta(seconds=5))
    assert "Give a reason" in owner.post(f"{page}/opt-outs", {**form, "to": "in"}).text
    done = owner.post(f"{page}/opt-outs", {**form, "to": "in", "agreed": "yes", "note": "came to the shop"}).text
    assert "Opted in again" in done
    assert "no texts" not in done


def test_g5_a_persons_own_stop_says_what_they_have_to_text(
    owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    page = add(owner)
    text(client, "STOP")
    clock.pass_time(timedelta(seconds=5))
    form = {"number": PERSON, "channels": "both", "note": "asked", "agreed": "yes", "to": "in"}
    assert "ask them to text START to" in owner.post(f"{page}/opt-outs", form).text


def test_who_is_opted_out_does_not_join_and_the_reason_is_said(owner: Visitor, client: FlaskClient) -> None:
    make_audience(owner)
    page = add(owner)
    joined = owner.post(f"{page}/audiences", {"number": "+14155550101", "audience": "news", "to": "join"}).text
    assert "is in news" in joined
    text(client, "STOP")
    refused = owner.post(f"{page}/audiences", {"number": PERSON, "audience": "news", "to": "join"}).text
    assert "is opted out and was not added to news. STOP texted" in refused
    assert "Only the person can come back, by texting START." in refused
    left = owner.post(f"{page}/audiences", {"number": "+14155550101", "audience": "news", "to": "leave"}).text
    assert "left news" in left


def test_the_sending_audience_counts_who_would_get_a_text_and_why_others_would_not(
    services: Services, owner: Visitor, client: FlaskClient
) -> None:
    services.store.directory.change("acme", _keeps_members)
    make_audience(owner)
    pasted = "415 555 0100, 415 555 0101; 415 555 0102\nhello"
    page = owner.post(f"{AUDIENCES}/news/members", {"numbers": pasted}).text
    assert "3 joined" in page
    assert "1 is no phone number. hello" in page
    text(client, "STOP")
    text(client, "wrong number", From="+14155550101", MessageSid="SM" + "9" * 32)
    page = owner.get(f"{AUDIENCES}/news").text
    found = re.findall(r'figure">([0-9,]+)</span><span class="caption">([^<]+)<', page)
    figures = {caption.strip(): int(figure) for figure, caption in found}
    assert figures == {
        "would get a text now": 1, "opted out by their own text": 1, "held until somebody has read their text in Review": 1,
    }  # fmt: skip
    assert "Invalid" not in page
    again = owner.post(f"{AUDIENCES}/news/members", {"numbers": "415 555 0100"}).text
    assert "1 number is opted out and did not join." in again


def test_numbers_that_are_opted_out_are_told_with_what_can_be_done(
    owner: Visitor, client: FlaskClient, api: Any
) -> None:
    make_audience(owner)
    text(client, "STOP")
    api("PUT", "/opt-outs/+14155550101", {"note": "on the phone"})
    page = owner.post(f"{AUDIENCES}/news/members", {"numbers": f"{PERSON}, 415 555 0101"}).text
    assert "2 numbers are opted out and did not join." in page
    assert "by texting START." in page
    assert "Opted out by a program (on the phone)" in page
    assert "An admin can lift it, with a reason." in page
    assert "0 joined" not in page


def _keeps_members(account: object) -> object:
    from dataclasses import replace

    return replace(account, settings={**account.settings, "remove_from_all_audiences": False})  # type: ignore[type-var, attr-defined]


def test_an_audience_is_changed_and_removed_after_asking(owner: Visitor) -> None:
    make_audience(owner)
    owner.post(f"{AUDIENCES}/news/members", {"numbers": "415 555 0101"})
    assert "News of the week" in owner.post(f"{AUDIENCES}/news", {"name": "News of the week", "sender": "55555"}).text
    left = owner.post(f"{AUDIENCES}/news/members", {"leave": "+14155550101"}).text
    assert "To block texts as well" in left
    assert "Remove the audience and 0 places" in owner.get(f"{AUDIENCES}/news/remove").text
    assert "was removed" in owner.post(f"{AUDIENCES}/news/remove", {"confirmed": "yes"}).text
    owner.get(f"{AUDIENCES}/news", status=404)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"id": "news", "sender": "12345"}, "is not a sender"),
        ({"id": "a/b"}, "without / and {}"),
        ({"id": ""}, "Up to 80 letters"),
    ],
)
def test_an_audience_that_cannot_be_made_says_why(owner: Visitor, form: dict[str, str], said: str) -> None:
    assert said in owner.post(AUDIENCES, {"name": "", "sender": "", **form}, status=422).text


def test_a_contact_is_removed_after_asking(owner: Visitor) -> None:
    page = add(owner)
    assert "Opt-outs of the numbers stay" in owner.get(f"{page}/remove").text
    assert "was removed" in owner.post(f"{page}/remove", {"confirmed": "yes"}).text
    owner.get(page, status=404)


def test_a_colleague_looks_and_opts_out_and_a_stranger_finds_nothing(
    owner: Visitor, colleague: Visitor, stranger: Visitor
) -> None:
    make_audience(owner)
    page = add(owner)
    for path in (CONTACTS, page, AUDIENCES, f"{AUDIENCES}/news"):
        colleague.get(path)
        stranger.get(path, status=404)
    colleague.post(f"{page}/opt-outs", {"number": PERSON, "channels": "both", "to": "out"})
    for path in (CONTACTS, page, f"{page}/remove", AUDIENCES, f"{AUDIENCES}/news", f"{AUDIENCES}/news/members"):
        colleague.post(path, {}, status=403)
    own = page.replace("/acme/", "/globex/")
    stranger.get(own, status=404)
    stranger.post(f"{own}/remove", {"confirmed": "yes"}, status=404)
