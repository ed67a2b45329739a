"""Events: the feed, endpoints that are told, signatures, retries, replay, and addresses that are never called."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from gateway.event_delivery import PAUSES, EventDelivery
from gateway.guarded_http import GuardedHttp, is_public
from gateway.services import Services
from store.batches import Batch, Row
from store.consent import Source, milliseconds
from store.events import Endpoint
from store.scopes import Scope
from tests.conftest import FakeClock
from tests.webhooks import PERSON

Api = Callable[..., Any]


class Receiver:
    """A customer's server: remembers what it was told, answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = outer.answers.pop(0) if outer.answers else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "STOPGATE_EVENTS_PRIVATE": "on"}


def endpoint(services: Services, receiver: Receiver, *kinds: str, account: str = "acme") -> Endpoint:
    return services.event_delivery.add(account, receiver.url, kinds)


def opt_out(services: Services, number: str = PERSON, account: str = "acme") -> None:
    owner = services.store.directory.current().accounts[account]
    services.consent.opt_out(owner, number, source=Source.ADMIN, actor="ann", note="asked in the shop")


def run(services: Services) -> None:
    """Do what is due of events now, in this process, as the sweeper and a worker would."""
    for shard in services.store.following.shards_behind():
        services.following.follow(shard)
    due = services.store.outbox.claim_due(services.clock.now(), lease=timedelta(seconds=0), limit=1000)
    for effect in list(due):
        kind, _, identifier = effect.partition(":")
        if kind in {"deliver", "announce"}:
            services.doers[kind](identifier)


def test_an_opt_out_is_told_once_with_who_and_why(services: Services, receiver: Receiver) -> None:
    endpoint(services, receiver)
    opt_out(services)
    for _ in range(3):
        run(services)
    (told,) = receiver.told()
    assert (told["type"], told["account"]) == ("opted_out", "acme")
    assert told["data"]["number"] == PERSON
    assert (told["data"]["scope"], told["data"]["source"]) == ("account", "admin")
    assert (told["data"]["actor"], told["data"]["note"]) == ("ann", "asked in the shop")


def test_what_is_sent_is_signed_as_standard_webhooks_have_it(services: Services, receiver: Receiver) -> None:
    made = endpoint(services, receiver)
    opt_out(services)
    run(services)
    ((headers, body),) = receiver.requests
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(made.secret.removeprefix("whsec_"))
    expected = b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_lifting_an_opt_out_and_holding_a_text_are_told(services: Services, receiver: Receiver) -> None:
    endpoint(services, receiver)
    opt_out(services)
    services.clock.sleep(1)
    acme = services.store.directory.current().accounts["acme"]
    services.consent.lift(acme, PERSON, source=Source.ADMIN, actor="ann", reason="mistake")
    run(services)
    assert sorted(told["type"] for told in receiver.told()) == ["opted_in", "opted_out"]


@pytest.mark.parametrize(("kinds", "told"), [((), 1), (("opted_out",), 1), (("opted_in", "held"), 0)])
def test_an_endpoint_gets_the_kinds_it_asked_for(
    services: Services, receiver: Receiver, kinds: tuple[str, ...], told: int
) -> None:
    endpoint(services, receiver, *kinds)
    opt_out(services)
    run(services)
    assert len(receiver.requests) == told


def test_g8_an_account_hears_nothing_of_anothers_people(services: Services, receiver: Receiver) -> None:
    endpoint(services, receiver, account="globex")
    opt_out(services)
    run(services)
    assert receiver.requests == []


@pytest.mark.parametrize("status", [500, 404, 429, 302])
def test_a_failed_delivery_is_tried_again_with_growing_pauses_and_then_given_up(
    services: Services, receiver: Receiver, clock: FakeClock, status: int
) -> None:
    made = endpoint(services, receiver)
    receiver.answers = [status] * 100
    opt_out(services)
    run(services)
    for pause in PAUSES:
        run(services)  # not due yet
        clock.pass_time(pause + timedelta(seconds=1))
        run(services)
    (delivery,), _ = services.store.events.deliveries("acme", made.id)
    assert (delivery.status, delivery.attempts, delivery.answer) == ("dead", len(PAUSES) + 1, str(status))
    assert len(receiver.requests) == len(PAUSES) + 1
    assert services.store.outbox.size() == 0


def test_a_dead_delivery_is_sent_again_when_asked(services: Services, receiver: Receiver, api: Api) -> None:
    made = endpoint(services, receiver)
    receiver.answers = [410]
    opt_out(services)
    run(services)
    path = f"/event-endpoints/{made.id}/deliveries"
    (dead,) = api("GET", path)[1]["items"]
    assert dead["status"] == "dead"
    status, again = api("POST", f"{path}/{dead['event']}/replay", {})
    assert (status, again["status"]) == (200, "waiting")
    run(services)
    assert api("GET", path)[1]["items"][0]["status"] == "delivered"
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert api("POST", f"{path}/{dead['event']}/replay", {}, account="globex")[0] == 404
    assert api("POST", f"{path}/nothing/replay", {})[0] == 404


def test_an_endpoint_that_cannot_be_reached_says_why(services: Services, receiver: Receiver) -> None:
    made = endpoint(services, receiver)
    receiver.server.shutdown()
    receiver.server.server_close()
    opt_out(services)
    run(services)
    (delivery,), _ = services.store.events.deliveries("acme", made.id)
    assert delivery.status == "waiting"
    assert "no connection" in delivery.answer


def test_nothing_goes_to_an_endpoint_that_was_switched_off_or_removed(
    services: Services, receiver: Receiver, api: Api
) -> None:
    made = endpoint(services, receiver)
    assert api("PATCH", f"/event-endpoints/{made.id}", {"active": False})[1]["active"] is False
    opt_out(services)
    run(services)
    assert api("PATCH", f"/event-endpoints/{made.id}", {"active": True})[0] == 200
    assert api("DELETE", f"/event-endpoints/{made.id}")[0] == 204
    opt_out(services, "+14155550177")
    run(services)
    assert receiver.requests == []
    assert services.store.outbox.size() == 0


def test_the_rows_of_an_import_are_no_events_of_their_own(services: Services, receiver: Receiver) -> None:
    endpoint(services, receiver)
    rows = [Row(f"+1415555{index:02d}07", milliseconds(services.clock.now()), index) for index in range(2, 40)]
    services.store.batches.apply(Batch("b1", Scope.of_account("acme")), "1", rows)
    run(services)
    run(services)
    assert receiver.requests == []
    assert services.store.events.feed("acme")[0] == []


def test_the_feed_goes_on_where_it_was_left(services: Services, api: Api) -> None:
    numbers = [f"+141555501{index:02d}" for index in range(7)]
    for number in numbers[:5]:
        opt_out(services, number)
        run(services)
    first = api("GET", "/events?limit=3", role="read")[1]
    second = api("GET", f"/events?limit=3&cursor={first['next']}", role="read")[1]
    assert [item["data"]["number"] for item in (*first["items"], *second["items"])] == numbers[:5]
    for number in numbers[5:]:
        opt_out(services, number)
        run(services)
    third = api("GET", f"/events?limit=3&cursor={second['next']}", role="read")[1]
    assert [item["data"]["number"] for item in third["items"]] == numbers[5:]
    assert api("GET", "/events?kind=opted_in", role="read")[1]["items"] == []
    assert api("GET", "/events", account="globex", role="read")[1]["items"] == []


def test_statuses_of_texts_are_events_when_the_account_wants_them(
    services: Services, receiver: Receiver, api: Api, send_jobs: Callable[[], list[str]]
) -> None:
    endpoint(services, receiver)
    api("POST", "/messages", {"from": "+12025550100", "to": PERSON, "body": "Hello"})
    send_jobs()
    run(services)
    assert receiver.requests == []
    services.store.directory.change("acme", lambda account: _with_status_events(account))
    api("POST", "/messages", {"from": "+12025550100", "to": PERSON, "body": "Hello again"})
    send_jobs()
    run(services)
    run(services)
    (told,) = receiver.told()
    assert (told["type"], told["data"]["status"], told["data"]["number"]) == ("message_status", "accepted", PERSON)


def _with_status_events(account: Any) -> Any:
    from dataclasses import replace

    return replace(account, settings={**account.settings, "message_status_events": True})


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False),
        ("172.16.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("::ffff:127.0.0.1", False), ("2002:7f00:1::", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("192.0.2.1", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("resolved", [["127.0.0.1"], ["10.0.0.7", "::1"], ["169.254.169.254"]])
def test_a_name_in_a_private_network_is_never_connected_to(receiver: Receiver, resolved: list[str]) -> None:
    """Also when the name looked public before: what is checked is what is connected to."""
    http = GuardedHttp(private_allowed=False, resolve=lambda host, port: resolved)
    port = receiver.server.server_port
    answer = http.post(f"http://customer.example:{port}/hook", b"{}", {})
    assert (answer.status, answer.text) == (0, "The host is in a private network; events are not sent there.")
    assert receiver.requests == []
    http.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com/x", "has to be an address"),
        ("http://example.com/x", "has to begin with https://"),
        ("https://user:pass@example.com/", "without user and password"),
        ("https://example.com/#part", "without a # part"),
        ("https://[::1", "is not an address"),
        ("nonsense", "has to be an address"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_with_the_reason(services: Services, url: str, said: str) -> None:
    from gateway.errors import NotAllowed

    strict = EventDelivery(
        services.store, services.queue, services.clock, GuardedHttp(private_allowed=False), services.new_id,
        private_allowed=False,
    )  # fmt: skip
    with pytest.raises(NotAllowed, match=said):
        strict.add("acme", url, ())


def test_bad_endpoints_are_problems_with_a_code(api: Api) -> None:
    assert api("POST", "/event-endpoints", {"url": "ftp://x"})[1]["code"] == "bad_endpoint"
    bad = api("POST", "/event-endpoints", {"url": "https://example.com/", "kinds": ["nothing"]})
    assert (bad[0], bad[1]["code"]) == (422, "unknown_event_kind")
    status, made = api("POST", "/event-endpoints", {"url": "https://example.com/", "kinds": ["held"]})
    assert status == 201
    assert made["secret"].startswith("whsec_")
    assert "secret" not in api("GET", f"/event-endpoints/{made['id']}")[1]
    assert api("GET", f"/event-endpoints/{made['id']}", account="globex")[0] == 404
