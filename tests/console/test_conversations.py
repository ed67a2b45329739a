"""Conversations and the incoming report: reading, answering through the gate, opting out with one confirmation."""

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from tests.conftest import FakeClock, Jobs
from tests.console.conftest import Visitor
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, text

LIST, PAGE = "/accounts/acme/conversations", f"/accounts/acme/conversations/{PERSON}"
QUESTION = "what time do you open on Sunday?"


def test_empty_lists_say_what_they_are_for(owner: Visitor) -> None:
    assert "No texts yet" in owner.get(LIST).text
    assert "Nobody waits for an answer" in owner.get(f"{LIST}?show=unanswered").text
    assert "No texts yet" in owner.get("/accounts/acme/incoming").text
    owner.get(PAGE, status=404)


def test_a_colleague_reads_and_answers(
    colleague: Visitor, client: FlaskClient, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    text(client, QUESTION)
    assert "waits for an answer" in colleague.get(LIST).text
    assert QUESTION in colleague.get(f"{LIST}?show=unanswered").text
    assert QUESTION in colleague.get(PAGE).text
    page = colleague.post(PAGE, {"body": "From 10 to 4.", "once": "1"}).text
    assert "From 10 to 4." in page
    colleague.post(PAGE, {"body": "From 10 to 4.", "once": "1"})  # sent twice by an impatient finger
    send_jobs()
    assert [sent["Body"] for sent in fake_twilio.sent] == ["From 10 to 4."]
    assert "carl@acme.example" in colleague.get(PAGE).text
    assert "Nobody waits" in colleague.get(f"{LIST}?show=unanswered").text


def test_an_empty_answer_is_asked_for_again(owner: Visitor, client: FlaskClient) -> None:
    text(client, QUESTION)
    assert "Type an answer first" in owner.post(PAGE, {"body": " "}, status=422).text


def test_g2_who_opted_out_gets_no_answer_and_the_reason_stands_in_its_place(
    owner: Visitor, client: FlaskClient
) -> None:
    text(client, "STOP")
    page = owner.get(PAGE).text
    assert "No answer can be sent" in page
    assert 'name="body"' not in page
    assert "was not sent" in owner.post(PAGE, {"body": "wait!", "once": "2"}).text


def test_g4_opting_out_in_a_conversation_sends_exactly_one_confirmation(
    services: Services, colleague: Visitor, client: FlaskClient, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    text(client, QUESTION)
    asked = colleague.get(f"{PAGE}/opt-out").text
    assert "one last text" in asked
    assert "You are unsubscribed" in asked
    assert "They are told by one text" in colleague.post(f"{PAGE}/opt-out", {"confirmed": "yes"}).text
    colleague.post(f"{PAGE}/opt-out", {"confirmed": "yes"})
    send_jobs()
    assert len(fake_twilio.sent) == 1
    assert "opted out" in colleague.get(LIST).text


def test_new_texts_appear_by_themselves_and_nothing_is_sent_while_nothing_changed(
    owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    text(client, QUESTION)
    first = owner.client.get(f"{PAGE}/live")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert owner.client.get(f"{PAGE}/live", headers=tag).status_code == 304
    clock.sleep(1)
    text(client, "hello?", MessageSid="SM" + "5" * 32)
    second = owner.client.get(f"{PAGE}/live", headers=tag)
    assert second.status_code == 200
    assert "hello?" in second.text


def test_a_stranger_reads_nothing(stranger: Visitor, client: FlaskClient) -> None:
    text(client, QUESTION)
    for path in (LIST, PAGE, f"{PAGE}/live", f"{PAGE}/opt-out", "/accounts/acme/incoming"):
        stranger.get(path, status=404)
    stranger.get(f"/accounts/globex/conversations/{PERSON}", status=404)
    assert QUESTION not in stranger.get("/accounts/globex/incoming").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True), ("?decision=opt_out", True), ("?decision=help", False), ("?outcome=opted_out", True),
        ("?number=(415)+555-0100", True), ("?number=%2B14155550199", False), ("?words=list", True),
        ("?words=nothing", False), ("?contains=list", True), ("?contains=nothing", False), ("?since=2000-01-01", True), ("?until=2000-01-01", False),
        ("?sender=%2B12025550100", True), ("?sender=55555", False), ("?since=nonsense&cursor=junk", True),
    ],
)  # fmt: skip
def test_the_incoming_report_is_filtered_and_exported_as_shown(
    owner: Visitor, client: FlaskClient, query: str, found: bool
) -> None:
    text(client, "please take me off your list")
    page = owner.get(f"/accounts/acme/incoming{query}").text
    assert ("please take me off your list" in page) is found
    separator = "&" if query else "?"
    exported = owner.get(f"/accounts/acme/incoming/export{query}{separator}format=csv").get_data(as_text=True)
    assert ("please take me off your list" in exported) is found


def test_an_unknown_format_is_not_found(owner: Visitor, colleague: Visitor) -> None:
    owner.get("/accounts/acme/incoming/export?format=doc", status=404)
    colleague.get("/accounts/acme/incoming/export", status=403)
