"""Broadcasts through the API: written, started, stopped, gone on with, read; by which keys, and by no stranger."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.directory import Account
from tests.audiences import with_audience
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.waiting_work import do_what_waits
from tests.webhooks import text

SENDER, AUDIENCE = "+12025550100", "news"
PEOPLE = [f"+1415555{number:04d}" for number in range(100, 130)]
BODY = "{brand}: book fair on Saturday. Reply STOP to opt out."


@pytest.fixture
def account(services: Services) -> Account:
    return with_audience(services, AUDIENCE, "News", SENDER, PEOPLE)


@pytest.fixture
def draft(api: Any, account: Account) -> str:
    return str(api("POST", "/broadcasts", {"audience": AUDIENCE, "body": BODY})[1]["id"])


def test_the_api_writes_starts_stops_and_reads_a_broadcast(
    api: Any, services: Services, clock: FakeClock, account: Account, fake_twilio: FakeTwilio
) -> None:
    body = {"audience": AUDIENCE, "body": "Hello"}
    status, made = api("POST", "/broadcasts", body, role="manage")
    assert (status, made["status"], made["name"], made["from"], made["members"]) == (201, "draft", AUDIENCE, None, None)
    path = f"/broadcasts/{made['id']}"
    assert api("PATCH", path, {"body": BODY, "name": "Fair"}, role="manage")[1]["body"] == BODY
    assert api("POST", f"{path}/stop", {}, role="manage")[1]["code"] == "not_sending"
    status, started = api("POST", f"{path}/start", {}, role="manage")
    assert (status, started["status"], started["from"], started["members"]) == (202, "sending", SENDER, 30)
    assert api("POST", f"{path}/start", {}, role="manage")[0] == 202
    assert api("PATCH", path, {"body": "Other"}, role="manage")[1]["code"] == "not_a_draft"
    assert api("DELETE", path, role="manage")[1]["code"] == "not_a_draft"
    assert api("POST", f"{path}/stop", {}, role="manage")[1]["status"] == "stopped"
    assert api("POST", f"{path}/resume", {}, role="manage")[1]["status"] == "sending"
    do_what_waits(services, clock)
    _, ended = api("GET", path, role="read")
    assert (ended["status"], ended["progress"], ended["counts"]["sent"], ended["opt_out_rate"]) == (
        "finished",
        1,
        30,
        0,
    )
    assert api("POST", f"{path}/resume", {}, role="manage")[1]["code"] == "not_sending"
    assert len(fake_twilio.sent) == 30


def test_the_list_goes_on_where_a_page_ended_and_a_draft_can_be_thrown_away(api: Any, account: Account) -> None:
    ids = [api("POST", "/broadcasts", {"audience": AUDIENCE, "name": f"b{n}"})[1]["id"] for n in range(5)]
    _, first = api("GET", "/broadcasts?limit=3")
    _, rest = api("GET", f"/broadcasts?limit=3&cursor={first['next']}")
    assert {one["id"] for one in [*first["items"], *rest["items"]]} == set(ids)
    assert (len(first["items"]), rest["next"]) == (3, None)
    assert api("DELETE", f"/broadcasts/{ids[0]}")[0] == 204
    assert api("GET", f"/broadcasts/{ids[0]}")[0] == 404
    assert len(api("GET", "/broadcasts")[1]["items"]) == 4


def test_the_api_lists_who_opted_out_after_a_broadcast_page_by_page(
    api: Any, services: Services, client: FlaskClient, clock: FakeClock, account: Account
) -> None:
    made = api("POST", "/broadcasts", {"audience": AUDIENCE, "body": BODY})[1]
    path = f"/broadcasts/{made['id']}"
    assert api("GET", f"{path}/opt-outs")[1] == {"items": [], "next": None}
    api("POST", f"{path}/start", {})
    do_what_waits(services, clock)
    for number, person in enumerate(PEOPLE[:3]):
        clock.pass_time(timedelta(minutes=1))
        text(client, "STOP", From=person, MessageSid=f"SM{number:032x}")
    _, first = api("GET", f"{path}/opt-outs?limit=2")
    _, rest = api("GET", f"{path}/opt-outs?limit=2&cursor={first['next']}")
    assert [one["number"] for one in [*first["items"], *rest["items"]]] == PEOPLE[2::-1]
    assert rest["next"] is None


WRITES = [("POST", "/broadcasts", {"audience": AUDIENCE}), ("PATCH", "{}", {}), ("DELETE", "{}", None)]
WRITES += [("POST", "{}/" + what, {}) for what in ("start", "stop", "resume")]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("role", ["send", "read"])
def test_keys_that_only_send_or_read_text_no_audience(
    api: Any, account: Account, draft: str, method: str, path: str, body: Any, role: str
) -> None:
    assert api(method, path.format(f"/broadcasts/{draft}"), body, role=role)[1]["code"] == "not_permitted"


@pytest.mark.parametrize(("method", "path", "body"), [("GET", "{}", None), ("GET", "{}/opt-outs", None), *WRITES[1:]])
def test_g8_a_stranger_finds_no_broadcast_of_others(
    api: Any, account: Account, draft: str, method: str, path: str, body: Any
) -> None:
    assert api(method, path.format(f"/broadcasts/{draft}"), body, account="globex")[0] == 404
    assert api("GET", "/broadcasts", account="globex")[1]["items"] == []
