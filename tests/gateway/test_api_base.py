"""What every route of the API gets without asking for it: limits, repetitions, pages, ETags."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.api.paging import PageQuery, next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rates import StoreCounters
from gateway.api.repeating import earlier_answer, keep_answer
from gateway.app import create_app
from gateway.services import Services, build
from gateway.settings import load_settings
from store.idempotency import Answer
from tests.conftest import DIRECTORY, FakeClock, Jobs
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
Call = Callable[..., TestResponse]
TEXT = {"from": "+12025550100", "to": PERSON, "body": "Book fair on Saturday."}


@pytest.fixture
def call(services: Services, client: FlaskClient) -> Call:
    """Call the API and get the whole answer."""
    return caller(services, client)


def caller(services: Services, client: FlaskClient) -> Call:
    keys: dict[tuple[str, str], str] = {}

    def call(
        method: str, path: str, *, role: str = "admin", account: str = "acme", again: str = "", **more: Any
    ) -> TestResponse:
        if (account, role) not in keys:
            keys[account, role] = services.store.api_keys.create(account, role, services.clock.now())
        headers = {"Authorization": f"Bearer {keys[account, role]}"} | more.pop("headers", {})
        if again:
            headers["Idempotency-Key"] = again
        return client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    return call


# Limits


@pytest.fixture
def limited(environment: dict[str, str], clock: FakeClock) -> Iterator[Services]:
    """An installation where a key may make three requests an hour."""
    built = build(load_settings({**environment, "STOPGATE_API_RATE": "3/hour"}), clock=clock)
    built.configuration.apply(built.configuration.plan(built.configuration.read(DIRECTORY)))
    yield built
    built.close()


def test_a_key_that_asked_too_often_is_told_when_to_come_back_and_another_key_is_not_concerned(
    limited: Services,
) -> None:
    call = caller(limited, create_app(limited).test_client())
    left = [call("GET", "/reviews").headers["X-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = call("GET", f"/opt-outs/{PERSON}")
    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert refused.get_json()["code"] == "rate_limited"
    assert 3500 < int(refused.headers["Retry-After"]) <= 3601
    assert refused.get_json()["retry_after"] == int(refused.headers["Retry-After"])
    assert refused.headers["X-RateLimit-Limit"] == "3"
    assert int(refused.headers["X-RateLimit-Reset"]) > limited.clock.now().timestamp()
    assert call("GET", "/reviews", role="read").status_code == 200


def test_webhooks_are_never_limited_and_never_counted(limited: Services) -> None:
    client = create_app(limited).test_client()
    for number in range(10):
        assert text(client, "hello", From=f"+1415555010{number}").status_code == 200
    assert list(limited.store.client.scan_iter("{rate:*")) == []


def test_a_key_that_does_not_exist_uses_nothing_up(limited: Services) -> None:
    client = create_app(limited).test_client()
    key = limited.store.api_keys.create("acme", "admin", limited.clock.now())
    forged = "_".join([*key.split("_")[:2], "0" * 64])
    for _ in range(5):
        assert client.get("/api/v1/reviews", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    good = client.get("/api/v1/reviews", headers={"Authorization": f"Bearer {key}"})
    assert (good.status_code, good.headers["X-RateLimit-Remaining"]) == (200, "2")


class CountedRates:
    """The real counters, with how often they were asked."""

    def __init__(self, services: Services) -> None:
        self.asked = 0
        self._rates = services.store.rates

    def take(self, name: str, amount: int, window: timedelta) -> tuple[int, timedelta]:
        self.asked += 1
        return self._rates.take(name, amount, window)


@pytest.mark.parametrize(("most", "processes"), [(1, 1), (3, 2), (100, 3), (250, 1), (1000, 4)])
def test_all_processes_together_allow_the_limit_and_not_one_more(services: Services, most: int, processes: int) -> None:
    """And a request asks the store once in a hundredth of the limit."""
    rates: Any = CountedRates(services)
    counters = [StoreCounters("", rates=rates, clock=services.clock, most=most) for _ in range(processes)]
    allowed = [counters[turn % processes].incr("k", 3600) <= most for turn in range(2 * most + 10)]
    assert sum(allowed) == most
    assert rates.asked <= 100 + 2 * processes
    assert counters[0].get("k") == most


def test_when_a_window_has_ended_a_key_may_go_on(services: Services, clock: FakeClock) -> None:
    counters = StoreCounters("", rates=services.store.rates, clock=clock, most=2)
    assert [counters.incr("k", 3600) for _ in range(3)] == [1, 2, 3]
    services.store.client.delete("{rate:k}")
    clock.pass_time(timedelta(hours=1, seconds=1))
    assert counters.incr("k", 3600) == 1


def test_a_count_that_cannot_be_written_stops_nobody(limited: Services) -> None:
    app = create_app(limited)
    call = caller(limited, app.test_client())
    call("GET", "/reviews")
    # What a full store answers: reads go on, writes do not.
    limited.store.client.config_set("maxmemory", "1mb")
    try:
        assert call("GET", "/reviews").status_code == 200
    finally:
        limited.store.client.config_set("maxmemory", "0")


# Repetitions


def test_a_repeated_post_gets_the_same_answer_and_nothing_happens_twice(call: Call, send_jobs: Jobs) -> None:
    first = call("POST", "/messages", json=TEXT, again="order-17")
    assert "Idempotency-Replayed" not in first.headers
    again = call("POST", "/messages", data=b'{"body":"Book fair on Saturday.","to":"%s","from":"+12025550100"}' % PERSON.encode(),
                 content_type="application/json", again="order-17")  # fmt: skip
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.data, again.content_type) == (202, first.data, first.content_type)
    assert send_jobs() == ["accepted"]


def test_a_refusal_is_repeated_word_for_word_too(call: Call, clock: FakeClock) -> None:
    call("PUT", f"/opt-outs/{PERSON}", json={})
    first = call("POST", "/messages", json=TEXT, again="a")
    clock.pass_time(timedelta(seconds=1))
    call("DELETE", f"/opt-outs/{PERSON}")
    again = call("POST", "/messages", json=TEXT, again="a")
    assert (again.status_code, again.data, again.content_type) == (409, first.data, "application/problem+json")
    assert call("POST", "/messages", json=TEXT, again="b").status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [("/messages", {**TEXT, "body": "Another."}), ("/messages?x=1", TEXT), ("/opt-outs/check", {"numbers": [PERSON]})],
)
def test_a_key_of_another_request_is_refused(call: Call, path: str, body: dict[str, Any]) -> None:
    call("POST", "/messages", json=TEXT, again="a")
    answer = call("POST", path, json=body, again="a")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_key_reused")


def test_g8_the_same_key_of_another_account_is_another_key(call: Call) -> None:
    call("POST", "/opt-outs/check", json={"numbers": [PERSON]}, again="a")
    stranger = call("POST", "/opt-outs/check", json={"numbers": ["+14155550199"]}, again="a", account="globex")
    assert (stranger.status_code, "Idempotency-Replayed" in stranger.headers) == (200, False)


def test_a_key_is_forgotten_after_two_days_and_no_sooner(call: Call, services: Services) -> None:
    call("POST", "/messages", json=TEXT, again="a")
    left = services.store.client.pttl("{account:acme}:answer:a")
    assert timedelta(days=1, hours=23) < timedelta(milliseconds=left) <= timedelta(days=2)


def test_while_a_request_runs_its_repetition_is_told_to_wait(call: Call, services: Services, send_jobs: Jobs) -> None:
    call("POST", "/messages", json=TEXT, again="a")
    set_running(services, "a")
    answer = call("POST", "/messages", json=TEXT, again="a")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "in_progress")
    assert answer.headers["Retry-After"] == "2"
    assert send_jobs() == ["accepted"]


def set_running(services: Services, key: str) -> bytes:
    """Put back what the store holds while the request that has a key runs. Returns what it held after that."""
    name = f"{{account:acme}}:answer:{key}"
    kept: Any = services.store.client.get(name)
    fingerprint = json.loads(kept.partition(b"\n")[0])[0]
    services.store.idempotency.keep("acme", key, Answer(fingerprint))
    return bytes(kept)


class Impatience(FakeClock):
    """A clock that does something while somebody waits."""

    meanwhile: Callable[[], object] = print

    def sleep(self, seconds: float) -> None:
        self.meanwhile()


def test_a_repetition_waits_a_moment_for_the_first_one_to_finish(environment: dict[str, str]) -> None:
    clock = Impatience()
    services = build(load_settings(environment), clock=clock)
    services.configuration.apply(services.configuration.plan(services.configuration.read(DIRECTORY)))
    call = caller(services, create_app(services).test_client())
    first = call("POST", "/messages", json=TEXT, again="a")
    kept = set_running(services, "a")
    clock.meanwhile = lambda: services.store.client.set("{account:acme}:answer:a", kept)
    again = call("POST", "/messages", json=TEXT, again="a")
    assert (again.status_code, again.data) == (202, first.data)
    services.close()


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é"])
def test_a_key_that_cannot_be_one_is_refused(call: Call, key: str) -> None:
    answer = call("POST", "/messages", json=TEXT, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")


@pytest.fixture
def small(services: Services) -> tuple[FlaskClient, list[bytes]]:
    """An application of one route under the same mechanism, and what reached the route."""
    app = Flask("small")
    app.register_error_handler(Problem, lambda problem: problem.response())
    app.before_request(lambda: earlier_answer(services, "acme"))
    app.after_request(lambda response: keep_answer(services, response))
    runs: list[bytes] = []

    @app.post("/upload")
    def upload() -> tuple[str, int]:
        runs.append(request.files["file"].read() if request.files else request.stream.read())
        return ("broken", 503) if runs == [b"broken"] else ("taken", 202)

    return app.test_client(), runs


def test_an_error_of_ours_is_not_kept(small: tuple[FlaskClient, list[bytes]]) -> None:
    client, runs = small
    for status in (503, 202, 202):
        answer = client.post("/upload", data=b"broken", content_type="text/csv", headers={"Idempotency-Key": "a"})
        assert answer.status_code == status
    assert runs == [b"broken", b"broken"]


def test_uploads_and_long_bodies_are_compared_by_what_they_hold(small: tuple[FlaskClient, list[bytes]]) -> None:
    """A multipart boundary is another one each time; a body that is streamed can still be read afterwards."""
    client, runs = small

    def upload(content: bytes, boundary: str) -> tuple[int, bool]:
        parts = {"file": (io.BytesIO(content), "list.csv", "text/csv"), "kind": "opt_outs"}
        kind = f"multipart/form-data; boundary={boundary}"
        answer = client.post("/upload", data=parts, content_type=kind, headers={"Idempotency-Key": "a"})
        return answer.status_code, "Idempotency-Replayed" in answer.headers

    def stream(content: bytes) -> tuple[int, bool]:
        answer = client.post("/upload", data=content, content_type="text/csv", headers={"Idempotency-Key": "b"})
        return answer.status_code, "Idempotency-Replayed" in answer.headers

    assert upload(b"phone\n+1", "one") == (202, False)
    assert upload(b"phone\n+1", "two") == (202, True)
    assert upload(b"phone\n+2", "one") == (409, False)
    long = b"x" * 3_000_000
    assert [stream(long), stream(long), stream(long + b"y")] == [(202, False), (202, True), (409, False)]
    assert runs == [b"phone\n+1", long]


# Pages


class Filtered(PageQuery):
    word: str = ""


def test_a_cursor_leads_to_its_place_in_its_list_with_its_filters_and_nowhere_else(services: Services) -> None:
    app = create_app(services)
    with app.test_request_context("/api/v1/things"):
        cursor = next_of(Filtered(word="a"), "17-0-03-1")
        assert next_of(Filtered(), "") is None
        assert place_of(Filtered()) == ""
        assert place_of(Filtered(word="a", cursor=cursor, limit=7)) == "17-0-03-1"
        assert cursor
        for query in (
            Filtered(word="b", cursor=cursor),
            Filtered(word="a", cursor=cursor + "x"),
            Filtered(cursor="junk"),
        ):
            with pytest.raises(Problem) as refused:
                place_of(query)
            assert refused.value.kind.code == "bad_cursor"
    with app.test_request_context("/api/v1/others"), pytest.raises(Problem):
        place_of(Filtered(word="a", cursor=cursor))


# Polling


def test_what_is_polled_and_did_not_change_costs_no_body(call: Call, client: FlaskClient) -> None:
    first = call("GET", f"/opt-outs/{PERSON}")
    assert first.headers["ETag"].startswith('"')
    same = call("GET", f"/opt-outs/{PERSON}", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    text(client, "STOP")
    changed = call("GET", f"/opt-outs/{PERSON}", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.get_json()["opted_out"]) == (200, True)
    assert "ETag" not in call("POST", "/opt-outs/check", json={"numbers": [PERSON]}).headers
