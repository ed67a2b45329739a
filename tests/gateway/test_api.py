"""The REST API: what it answers, what it refuses, who may do what."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.api.access import PERMISSIONS, ROLES
from gateway.app import create_app
from gateway.services import Services, build
from gateway.settings import load_settings
from tests.conftest import FakeClock, Jobs
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
TEXT = {"from": "+12025550100", "to": PERSON, "body": "Book fair on Saturday."}


def test_a_number_is_opted_out_and_let_back_in_by_a_program(api: Api, clock: FakeClock) -> None:
    status, answer = api("PUT", f"/opt-outs/{PERSON}", {"note": "said so on the phone"})
    assert (status, answer["opted_out"]) == (200, True)
    assert answer["changes"] == [{"scope": "account", "outcome": "opted_out"}]
    assert api("POST", "/messages", TEXT)[0] == 409
    clock.pass_time(timedelta(seconds=1))
    status, answer = api("DELETE", f"/opt-outs/{PERSON}?reason=entered+by+mistake")
    assert (status, answer["opted_out"]) == (200, False)
    assert api("POST", "/messages", TEXT)[0] == 202


@pytest.mark.parametrize(
    ("body", "scopes"),
    [
        ({}, ["account", "account"]),
        ({"channels": ["voice"]}, ["account"]),
        ({"sender": "55555"}, ["account+sender", "account+sender"]),
        ({"audience": "newsletter", "channels": ["text", "text"]}, ["account+audience"]),
    ],
)
def test_put_writes_the_scope_and_channels_that_were_named(api: Api, body: dict[str, Any], scopes: list[str]) -> None:
    status, answer = api("PUT", f"/opt-outs/{PERSON}", body)
    assert status == 200
    assert [item["scope"] for item in answer["opt_outs"]] == scopes
    if "audience" in body:
        assert api("POST", "/messages", {**TEXT, "audience": "newsletter"})[0] == 409


def test_putting_twice_changes_nothing_the_second_time(api: Api) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {"occurred_at": "2026-01-02T03:04:05Z"})
    _, again = api("PUT", f"/opt-outs/{PERSON}", {"occurred_at": "2026-01-02T03:04:05Z"})
    assert again["changes"] == [{"scope": "account", "outcome": "already"}]
    assert again["opt_outs"][0]["since"].startswith("2026-01-02T03:04:05")


def test_g5_a_program_cannot_replace_or_lift_a_persons_own_stop_and_is_told_what_the_person_has_to_text(
    api: Api, client: FlaskClient, clock: FakeClock
) -> None:
    """Behaviour 25."""
    text(client, "STOP")
    clock.pass_time(timedelta(minutes=1))
    _, answer = api("PUT", f"/opt-outs/{PERSON}", {})
    assert answer["changes"] == [{"scope": "account", "outcome": "opted_out"}]  # beside it, not instead of it
    assert [item["source"] for item in answer["opt_outs"]] == ["keyword", "api", "keyword", "api"]
    status, answer = api("DELETE", f"/opt-outs/{PERSON}")
    assert (status, answer["code"], answer["word"]) == (409, "opted_out_by_person", "START")
    assert answer["text_to"] == "+12025550100"  # the sender they texted STOP to
    assert "ask them to text START to +1 202-555-0100" in answer["detail"]
    assert api("GET", f"/opt-outs/{PERSON}")[1]["opted_out"]


def test_g7_an_opt_out_older_than_what_is_known_changes_nothing(
    api: Api, client: FlaskClient, clock: FakeClock
) -> None:
    text(client, "START")
    before = (clock.now() - timedelta(days=1)).isoformat()
    _, answer = api("PUT", f"/opt-outs/{PERSON}", {"occurred_at": before})
    assert answer["changes"] == [{"scope": "account", "outcome": "stale"}]
    assert not answer["opted_out"]


def test_check_answers_in_the_order_asked_with_the_reason_of_each(api: Api, client: FlaskClient) -> None:
    text(client, "STOP")
    asked = ["(415) 555-0199", "not a number", PERSON, "+1 415 555 0100", "", " ", "4" * 70]
    status, answer = api("POST", "/opt-outs/check", {"numbers": asked, "from": "+12025550100"})
    assert status == 200
    found = [(item["number"], item["allowed"], item["reason"]) for item in answer["results"]]
    assert found == [
        ("+14155550199", True, None),
        ("not a number", False, "invalid_number"),
        (PERSON, False, "opted_out"),
        (PERSON, False, "opted_out"),
        *((nothing, False, "invalid_number") for nothing in ("", " ", "4" * 70)),
    ]
    assert answer["results"][2]["scope"] == "account"
    assert answer["results"][2]["source"] == "keyword"


def test_check_of_the_voice_channel_is_a_question_of_its_own(api: Api) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {"channels": ["voice"]})
    for channel, allowed in (("voice", False), ("text", True)):
        _, answer = api("POST", "/opt-outs/check", {"numbers": [PERSON], "channel": channel})
        assert answer["results"][0]["allowed"] is allowed


def test_a_check_of_many_says_the_same_as_a_check_of_few(api: Api, client: FlaskClient) -> None:
    text(client, "STOP")
    api("PUT", f"/opt-outs/{PERSON}", {})
    api("PUT", "/opt-outs/+14155550177", {"channels": ["voice"]})
    many = [*(f"+1415555{number:04d}" for number in range(90, 190)), "nobody"]
    for channel in ("text", "voice"):
        _, at_once = api("POST", "/opt-outs/check", {"numbers": many, "channel": channel})
        apart = [
            api("POST", "/opt-outs/check", {"numbers": [one], "channel": channel})[1]["results"][0] for one in many
        ]
        assert at_once["results"] == apart
        assert sum(not one["allowed"] for one in apart) == {"text": 2, "voice": 3}[channel]


def test_check_takes_ten_thousand_numbers_and_no_more(api: Api) -> None:
    numbers = [f"+1415555{number:04d}" for number in range(10_000)]
    status, answer = api("POST", "/opt-outs/check", {"numbers": numbers})
    assert (status, len(answer["results"])) == (200, 10_000)
    assert api("POST", "/opt-outs/check", {"numbers": [*numbers, PERSON]})[0] == 422


def test_an_idempotency_key_makes_one_text_of_many_requests(api: Api, send_jobs: Jobs) -> None:
    first = api("POST", "/messages", {**TEXT, "idempotency_key": "order-17"})[1]["id"]
    again = api("POST", "/messages", {**TEXT, "idempotency_key": "order-17"})
    assert (again[0], again[1]["id"]) == (202, first)
    assert send_jobs() == ["accepted"]
    assert api("POST", "/messages", {**TEXT, "idempotency_key": "order-17"})[1] == {"id": first, "status": "accepted"}


@pytest.mark.parametrize("change", [{"body": "Another text."}, {"to": "+14155550199"}, {"from": "55555"}])
def test_an_idempotency_key_of_another_request_is_refused(api: Api, change: dict[str, str]) -> None:
    api("POST", "/messages", {**TEXT, "idempotency_key": "order-17"})
    status, answer = api("POST", "/messages", {**TEXT, **change, "idempotency_key": "order-17"})
    assert (status, answer["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**TEXT, "to": "12"}, 422, "invalid_number"),
        ({**TEXT, "to": "call me"}, 422, "invalid_number"),
        ({**TEXT, "from": "+12025550111"}, 422, "unknown_sender"),
        ({**TEXT, "body": ""}, 422, "invalid_request"),
        ({**TEXT, "body": "x" * 1601}, 422, "invalid_request"),
        ({**TEXT, "surprise": 1}, 422, "invalid_request"),
        ({"from": "+12025550100"}, 422, "invalid_request"),
        ({**TEXT, "to": 5}, 422, "invalid_request"),
        ([TEXT], 400, "bad_json"),
        ("text", 400, "bad_json"),
    ],
)
def test_a_request_that_is_wrong_gets_a_problem_document_that_says_where(
    api: Api, body: Any, status: int, code: str
) -> None:
    answer_status, answer = api("POST", "/messages", body)
    assert (answer_status, answer["code"], answer["status"]) == (status, code, status)
    assert answer["detail"]
    if code == "invalid_request":
        assert answer["errors"][0]["field"]


@pytest.mark.parametrize(
    ("method", "path", "body", "place", "fields"),
    [
        ("DELETE", "/subscriptions", {"number": PERSON}, "query", ["number", "audience"]),
        ("POST", "/subscriptions", {"number": PERSON}, "body", ["audience", "from"]),
        ("GET", "/opt-outs?source=nobody", None, "query", ["source"]),
        ("POST", "/opt-outs/check", {"numbers": [PERSON, 5]}, "body", ["numbers.1"]),
        ("GET", "/messages/" + "m" * 65, None, "path", ["id"]),
    ],
)
def test_what_is_wrong_in_a_request_is_named_with_its_place(
    api: Api, method: str, path: str, body: Any, place: str, fields: list[str]
) -> None:
    status, answer = api(method, path, body)
    assert (status, answer["code"]) == (422, "invalid_request")
    assert [(error["in"], error["field"]) for error in answer["errors"]] == [(place, field) for field in fields]
    assert answer["detail"].startswith(f"{fields[0]} (in the {place}): ")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_audience_that_nobody_made_is_refused_and_the_others_are_named(api: Api, method: str) -> None:
    api("POST", "/audiences", {"id": "news"})
    body = {"number": PERSON, "audience": "nwes", "from": "55555"} if method == "POST" else None
    status, answer = api(method, "/subscriptions" + ("" if body else "?number=%2B14155550100&audience=nwes"), body)
    assert (status, answer["code"]) == (422, "unknown_audience")
    assert "it has: news." in answer["detail"]
    assert [item["id"] for item in api("GET", "/audiences")[1]["items"]] == ["news"]


def test_times_are_written_in_one_way_whoever_writes_them(api: Api, client: FlaskClient, send_jobs: Jobs) -> None:
    """RFC 3339 with Z: in answers, in refusals, and in what became of a text."""
    api("POST", "/audiences", {"id": "news"})
    taken = api("POST", "/messages", TEXT)[1]["id"]
    text(client, "STOP")
    send_jobs()
    told = [
        api("GET", f"/opt-outs/{PERSON}")[1]["opt_outs"][0],
        api("POST", "/messages", TEXT)[1],
        api("DELETE", f"/opt-outs/{PERSON}")[1],
        api("GET", f"/messages/{taken}")[1]["blocked_by"],
        api("POST", "/contacts", {"phones": [{"number": PERSON}], "audience": "news"})[1],
    ]
    assert {one.get("since", told[0]["since"]) for one in told} == {told[0]["since"]}
    assert told[0]["since"].endswith("Z")


def test_bodies_that_are_not_json_get_a_problem_document(client: FlaskClient, services: Services) -> None:
    key = services.store.api_keys.create("acme", "admin", services.clock.now())
    headers = {"Authorization": f"Bearer {key}"}
    for data, content_type, status, code in (
        (b"{", "application/json", 400, "bad_json"),
        (b"", "application/json", 400, "bad_json"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_type"),
        (b"[" * 100_000, "application/json", 400, "bad_json"),
        (b'{"body": "' + b"x" * 17_000_000 + b'"}', "application/json", 413, "too_large"),
    ):
        response = client.post("/api/v1/messages", data=data, content_type=content_type, headers=headers)
        answer = response.get_json(force=True)
        assert (response.status_code, answer["code"]) == (status, code)
        assert response.content_type == "application/problem+json"
    assert (answer["most_bytes"], answer["detail"]) == (16_777_216, "The body may hold 16,777,216 bytes at most here.")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_key"),
        ({"Authorization": "Basic abc"}, "missing_key"),
        ({"Authorization": "Bearer "}, "missing_key"),
        ({"Authorization": "Bearer nonsense"}, "wrong_key"),
        ({"Authorization": "Bearer sg_000000000000_" + "0" * 64}, "wrong_key"),
    ],
)
def test_without_a_good_key_nothing_is_answered(client: FlaskClient, headers: dict[str, str], code: str) -> None:
    response = client.get(f"/api/v1/opt-outs/{PERSON}", headers=headers)
    assert (response.status_code, response.get_json()["code"]) == (401, code)


@pytest.mark.parametrize(("data", "content_type"), [(b"{", "application/json"), (b"a=b", "text/plain"), (b"", None)])
def test_without_a_key_the_body_is_not_even_read(client: FlaskClient, data: bytes, content_type: str | None) -> None:
    response = client.post("/api/v1/messages", data=data, content_type=content_type)
    assert (response.status_code, response.get_json()["code"]) == (401, "missing_key")


def test_a_revoked_key_opens_nothing_any_more(client: FlaskClient, services: Services) -> None:
    key = services.store.api_keys.create("acme", "admin", services.clock.now())
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get(f"/api/v1/opt-outs/{PERSON}", headers=headers).status_code == 200
    services.store.api_keys.revoke(key.split("_")[1])
    assert client.get(f"/api/v1/opt-outs/{PERSON}", headers=headers).status_code == 401


def test_the_secret_of_a_key_is_not_stored(services: Services) -> None:
    key = services.store.api_keys.create("acme", "admin", services.clock.now())
    secret = key.split("_")[2]
    stored = b"".join(services.store.client.hgetall("{config}:api_keys").values())
    assert secret.encode() not in stored


ROUTES = {
    "api.send_message": ("POST", "/messages", TEXT),
    "api.get_message": ("GET", "/messages/m00" + "0" * 32, None),
    "api.check_opt_outs": ("POST", "/opt-outs/check", {"numbers": [PERSON]}),
    "api.get_opt_out": ("GET", f"/opt-outs/{PERSON}", None),
    "api.put_opt_out": ("PUT", f"/opt-outs/{PERSON}", {}),
    "api.delete_opt_out": ("DELETE", f"/opt-outs/{PERSON}", None),
    "api_erasure.erase_number": ("POST", f"/opt-outs/{PERSON}/erase", {"confirm": PERSON}),
    "api_proof.get_proof": ("GET", f"/opt-outs/{PERSON}/proof", None),
    "api_proof.get_proof_text": ("GET", f"/opt-outs/{PERSON}/proof.txt", None),
    "api_opt_outs.list_opt_outs": ("GET", "/opt-outs", None),
    "api_opt_outs.count_opt_outs": ("GET", "/opt-outs/count", None),
    "api_opt_outs.export_opt_outs": ("GET", "/opt-outs/export", None),
    "api_opt_outs.add_to_opt_outs": ("POST", "/opt-outs", {"numbers": PERSON}),
    "api_opt_outs.scrub_list": ("POST", "/opt-outs/scrub", None),
    "api_links.make_opt_out_link": ("POST", "/opt-out-links", {"number": PERSON, "from": "+12025550100"}),
    "api_events.list_events": ("GET", "/events", None),
    "api_events.list_endpoints": ("GET", "/event-endpoints", None),
    "api_events.add_endpoint": ("POST", "/event-endpoints", {"url": "https://events.example.com/stopgate"}),
    "api_events.get_endpoint": ("GET", "/event-endpoints/e1", None),
    "api_events.change_endpoint": ("PATCH", "/event-endpoints/e1", {}),
    "api_events.remove_endpoint": ("DELETE", "/event-endpoints/e1", None),
    "api_events.list_deliveries": ("GET", "/event-endpoints/e1/deliveries", None),
    "api_events.replay_delivery": ("POST", "/event-endpoints/e1/deliveries/e2/replay", {}),
    "api_texts.list_messages": ("GET", "/messages", None),
    "api_texts.list_incoming": ("GET", "/incoming", None),
    "api_texts.export_incoming": ("GET", "/incoming/export", None),
    "api_conversations.list_conversations": ("GET", "/conversations", None),
    "api_conversations.get_conversation": ("GET", f"/conversations/{PERSON}", None),
    "api_conversations.reply_in_conversation": ("POST", f"/conversations/{PERSON}/replies", {"body": "Yes."}),
    "api_conversations.opt_out_in_conversation": ("POST", f"/conversations/{PERSON}/opt-out", {}),
    "api_conversations.get_statistics": ("GET", "/statistics", None),
    "api_consent.list_reviews": ("GET", "/reviews", None),
    "api_consent.decide_review": ("POST", "/reviews/m00" + "0" * 32, {"decision": "opt_out"}),
    "api_consent.subscribe": ("POST", "/subscriptions", {"number": PERSON, "audience": "news", "from": "55555"}),
    "api_consent.unsubscribe": ("DELETE", "/subscriptions?number=%2B14155550100&audience=news", None),
    "api_consent.preview_reply": ("POST", "/replies/preview", {"name": "help_message"}),
    "api_consent.list_keywords": ("GET", "/keywords", None),
    "api_consent.switch_keyword": ("PUT", "/keywords/en.opt_out.cancel", {"on": True}),
    "api_account.list_api_keys": ("GET", "/api-keys", None),
    "api_account.create_api_key": ("POST", "/api-keys", {"role": "read"}),
    "api_account.revoke_api_key": ("DELETE", "/api-keys/000000000000", None),
    "api_account.list_settings": ("GET", "/settings", None),
    "api_account.change_settings": ("PATCH", "/settings", {"stop_scope": "sender"}),
    "api_account.list_journal": ("GET", "/journal", None),
    "api_account.create_keyword": ("POST", "/keywords", {"word": "BOOKS", "action": "help"}),
    "api_account.change_keyword": ("PATCH", "/keywords/HOURS", {"reply": "Acme: closed."}),
    "api_account.delete_keyword": ("DELETE", "/keywords/HOURS", None),
}


def request_to(app: Flask, endpoint: str) -> tuple[str, str, Any]:
    """A request that fits a route, or at least arrives at it: who may use it is asked before what it says."""
    if endpoint in ROUTES:
        return ROUTES[endpoint]
    (rule,) = app.url_map.iter_rules(endpoint)
    (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
    path = re.sub(r"<[^>]+>", "x1", rule.rule.replace("<number>", PERSON)).removeprefix("/api/v1")
    return method, path, None if method in {"GET", "DELETE"} else {}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("endpoint", PERMISSIONS)
def test_every_route_is_open_to_its_roles_and_to_no_other(
    api: Api, client: FlaskClient, endpoint: str, role: str
) -> None:
    method, path, body = request_to(client.application, endpoint)
    status, answer = api(method, path, body, role=role)
    assert status < 500
    assert (status == 403) == (role not in PERMISSIONS[endpoint])
    if status == 403:
        assert answer["code"] == "not_permitted"


def test_g8_a_stranger_sees_nothing_of_another_accounts_opt_outs(api: Api) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {})
    assert api("GET", f"/opt-outs/{PERSON}", account="globex")[1]["opted_out"] is False


def test_addresses_that_do_not_exist_get_problem_documents_too(client: FlaskClient) -> None:
    for method, path, status in (("GET", "/api/v1/nothing", 404), ("PATCH", "/api/v1/messages", 405)):
        response = client.open(path, method=method)
        assert (response.status_code, response.content_type) == (status, "application/problem+json")


def test_without_a_store_the_api_says_so_and_allows_nothing(environment: dict[str, str]) -> None:
    services = build(load_settings({**environment, "STOPGATE_STORE_URL": "unix:///nowhere/socket"}))
    response = (
        create_app(services)
        .test_client()
        .post("/api/v1/opt-outs/check", json={"numbers": [PERSON]}, headers={"Authorization": "Bearer sg_a_b"})
    )
    assert (response.status_code, response.get_json()["code"]) == (503, "store_unavailable")
    services.close()


def test_the_api_describes_itself_and_the_description_names_every_route(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert ("POST", "/api/v1/messages") in described
    assert len(described) == len(PERMISSIONS)


def test_g8_nothing_an_account_does_lifts_a_stop_to_a_shared_sender(api: Api, client: FlaskClient) -> None:
    text(client, "STOP", To="72975")
    status, answer = api("DELETE", f"/opt-outs/{PERSON}")
    assert (status, answer["code"], answer["scope"]) == (409, "opted_out_by_person", "sender")
    assert (answer["word"], answer["text_to"]) == ("START", "72975")
    assert api("DELETE", f"/opt-outs/{PERSON}?sender=55555")[0] == 200
