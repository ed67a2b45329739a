"""Conversations: the list, one of them, answering, and opting out by a colleague's click."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
OTHER = "+14155550177"
TEXT = {"from": "+12025550100", "to": PERSON, "body": "Book fair on Saturday."}
_numbers = iter(range(1, 10_000))


def texts(client: FlaskClient, body: str, **changes: str) -> None:
    assert text(client, body, MessageSid=f"SM{next(_numbers):032x}", **changes).status_code == 200


def sent(fake_twilio: FakeTwilio) -> list[tuple[str, str, str]]:
    """What Twilio was asked to send: from, to, body."""
    return [(form["From"], form["To"], form["Body"]) for form in fake_twilio.sent]


def test_conversations_are_listed_with_the_last_text_and_whether_they_wait(
    client: FlaskClient, api: Api, clock: FakeClock
) -> None:
    texts(client, "What time do you open?")
    clock.pass_time(timedelta(minutes=1))
    texts(client, "STOP", From=OTHER)
    items = api("GET", "/conversations")[1]["items"]
    assert [(item["number"], bool(item["unanswered_since"]), item["opted_out"]) for item in items] == [
        (OTHER, False, True), (PERSON, True, False),
    ]  # fmt: skip
    assert items[1]["last"]["body"] == "What time do you open?"
    assert [item["number"] for item in api("GET", "/conversations?unanswered=true")[1]["items"]] == [PERSON]
    first = api("GET", "/conversations?limit=1")[1]
    second = api("GET", f"/conversations?limit=1&cursor={first['next']}")[1]
    assert ([item["number"] for item in second["items"]], second["next"]) == ([PERSON], None)


def test_an_answer_goes_out_from_the_sender_that_was_texted_and_says_who_wrote_it(
    client: FlaskClient, api: Api, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    texts(client, "What time do you open?", To="55555")
    status, taken = api("POST", f"/conversations/{PERSON}/replies", {"body": "At nine."}, role="send")
    assert status == 202
    assert send_jobs() == ["accepted"]
    assert sent(fake_twilio) == [("55555", PERSON, "At nine.")]
    thread = api("GET", f"/conversations/{PERSON}")[1]
    assert [message["body"] for message in thread["messages"]] == ["What time do you open?", "At nine."]
    assert (thread["sender"], thread["may_reply"], thread["unanswered_since"]) == ("55555", True, None)
    assert (thread["messages"][1]["id"], thread["messages"][1]["status"]) == (taken["id"], "accepted")
    assert thread["messages"][1]["sent_by"].startswith("api key ")
    assert api("GET", "/conversations?unanswered=true")[1]["items"] == []


def test_an_answer_to_who_opted_out_is_refused_with_the_reason(client: FlaskClient, api: Api) -> None:
    texts(client, "STOP")
    thread = api("GET", f"/conversations/{PERSON}")[1]
    assert (thread["may_reply"], thread["block"]["source"]) == (False, "keyword")
    status, answer = api("POST", f"/conversations/{PERSON}/replies", {"body": "Are you sure?"})
    assert (status, answer["code"], answer["source"]) == (409, "opted_out", "keyword")


def test_design_4_g4_a_click_opts_out_and_sends_one_confirmation(
    client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """Seed 001: a message sender opts somebody out of a conversation, and the Opt Out Message is sent."""
    texts(client, "I am not so happy with these")
    path = f"/conversations/{PERSON}/opt-out"
    status, done = api("POST", path, {"note": "asked on the phone too"}, role="manage")
    assert (status, done["confirmation"]) == (200, "queued")
    assert done["changes"] == [{"scope": "account", "outcome": "opted_out"}]
    clock.pass_time(timedelta(seconds=1))
    again = api("POST", path, {})[1]
    assert (again["confirmation"], again["confirmation_id"]) == ("opted_out_already", None)
    assert send_jobs() == ["accepted"]
    ((sender, number, body),) = sent(fake_twilio)
    assert (sender, number) == ("+12025550100", PERSON)
    assert body.startswith("Acme")
    opt_outs = api("GET", f"/opt-outs/{PERSON}")[1]["opt_outs"]
    assert {(item["source"], item["channel"]) for item in opt_outs} == {("agent", "text"), ("agent", "voice")}
    assert api("POST", "/messages", TEXT)[0] == 409
    assert api("GET", "/conversations?unanswered=true")[1]["items"] == []


def test_us_10_a_confirmation_that_is_late_is_not_sent(
    client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    texts(client, "Hello")
    api("POST", f"/conversations/{PERSON}/opt-out", {})
    clock.pass_time(timedelta(minutes=6))
    assert send_jobs() == ["expired"]
    assert sent(fake_twilio) == []


@pytest.mark.parametrize(
    ("before", "number", "body", "confirmation"),
    [
        ("STOP", PERSON, {}, "opted_out_already"),
        ("Hello", PERSON, {"channels": ["voice"]}, "calls_only"),
        ("Hello", PERSON, {"confirm": False}, "not_wanted"),
        ("Hello", "12345", {}, "machine"),
        ("Hello", PERSON, {"language": "es"}, "queued"),
    ],
)
def test_who_gets_a_confirmation_and_who_does_not(
    client: FlaskClient, api: Api, send_jobs: Jobs, before: str, number: str, body: dict[str, Any], confirmation: str
) -> None:
    texts(client, before, From=number)
    send_jobs()
    status, done = api("POST", f"/conversations/{number}/opt-out", body)
    assert (status, done["confirmation"]) == (200, confirmation)
    assert send_jobs() == (["accepted"] if confirmation == "queued" else [])
    assert (done["explanation"] is None) == (confirmation == "queued")
    if confirmation == "queued":
        assert "baja" in api("GET", f"/messages/{done['confirmation_id']}")[1]["body"].casefold()


def test_g6_the_journal_says_who_and_after_which_words(client: FlaskClient, api: Api, services: Services) -> None:
    texts(client, "I am not so happy with these")
    api("POST", f"/conversations/{PERSON}/opt-out", {"note": "sounded annoyed"})
    account = services.store.directory.current().accounts["acme"]
    entry = services.consent.explain(account, PERSON).journal[-1]
    assert (entry.source, entry.kind) == ("agent", "opt_out")
    assert entry.detail["actor"].startswith("api key ")
    assert (entry.detail["text"], entry.detail["note"]) == ("I am not so happy with these", "sounded annoyed")
    assert services.consent.lift(account, PERSON, source=Source.ADMIN, actor="ann", reason="by mistake") != ()


@pytest.mark.parametrize("path", ["", "/replies", "/opt-out"])
def test_g8_a_stranger_has_no_such_conversation(client: FlaskClient, api: Api, path: str) -> None:
    texts(client, "Hello")
    method, body = ("POST", {"body": "Hi"} if path == "/replies" else {}) if path else ("GET", None)
    status, answer = api(method, f"/conversations/{PERSON}{path}", body, account="globex")
    assert (status, answer["code"]) == (404, "no_conversation")
    assert api("GET", f"/opt-outs/{PERSON}")[1]["opted_out"] is False


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("replies", {"body": "Hi", "from": "+12025550111"}, "unknown_sender"),
        ("replies", {"body": ""}, "invalid_request"),
        ("opt-out", {"from": "nobody"}, "unknown_sender"),
        ("opt-out", {"language": "xx"}, "invalid_request"),
        ("opt-out", {"channels": []}, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    client: FlaskClient, api: Api, path: str, body: dict[str, Any], code: str
) -> None:
    texts(client, "Hello")
    status, answer = api("POST", f"/conversations/{PERSON}/{path}", body)
    assert (status, answer["code"]) == (422, code)
    assert api("GET", f"/opt-outs/{PERSON}")[1]["opted_out"] is False


def test_a_number_of_a_messaging_service_is_answered_from_the_service(
    client: FlaskClient, api: Api, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    service = "MG00000000000000000000000000000001"
    texts(client, "Hello", To="+12025559999", MessagingServiceSid=service)
    assert api("GET", f"/conversations/{PERSON}")[1]["sender"] == service
    assert api("POST", f"/conversations/{PERSON}/replies", {"body": "Hi"})[0] == 202
    assert send_jobs() == ["accepted"]
