"""A text goes out: accepted, handed over through the gate with twilio's own client, and what becomes of it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.outbound import LEASE
from gateway.services import Services, build
from gateway.settings import load_settings
from store.errors import StoreError
from store.messages import Message
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, STATUS, post, status_form, text

TEXT = {"from": "+12025550100", "to": PERSON, "body": "Book fair on Saturday."}


@pytest.fixture
def queued(api: Any) -> str:
    status, answer = api("POST", "/messages", TEXT)
    assert (status, answer["status"]) == (202, "queued")
    return str(answer["id"])


def message(services: Services, identifier: str) -> Message:
    found = services.store.messages.get(identifier)
    assert found is not None
    return found


def events(services: Services, identifier: str) -> list[str]:
    return [event.what for event in services.store.messages.timeline(identifier)]


def test_an_accepted_text_goes_out_and_its_timeline_says_so(
    services: Services, queued: str, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    assert send_jobs() == ["accepted"]
    (sent,) = fake_twilio.sent
    assert sent["StatusCallback"] == f"https://texts.example.com/webhooks/twilio/status?m={queued}"
    assert message(services, queued).carrier_id == sent["Sid"]
    assert events(services, queued) == ["queued", "handing_over", "accepted"]


def test_g2_a_stop_between_enqueue_and_hand_off_suppresses_the_text_and_says_why(
    client: FlaskClient, api: Any, queued: str, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """Behaviour 35."""
    text(client, "STOP")
    assert sorted(send_jobs()) == ["accepted", "suppressed"]
    assert len(fake_twilio.sent) == 1
    _, answer = api("GET", f"/messages/{queued}")
    assert (answer["status"], answer["reason"]) == ("suppressed", "opted_out")
    assert answer["blocked_by"]["scope"] == "account"
    assert answer["blocked_by"]["source"] == "keyword"
    assert answer["explanation"]
    assert [event["event"] for event in answer["timeline"]] == ["queued", "suppressed"]


def test_g2_with_the_store_unreachable_nothing_is_sent_and_the_text_goes_out_later(
    environment: dict[str, str], services: Services, queued: str, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """Behaviour 36: the gate fails closed."""
    cut_off = build(load_settings({**environment, "STOPGATE_STORE_URL": "unix:///nowhere/socket"}))
    with pytest.raises(StoreError):
        cut_off.outbound.hand_over(queued)
    cut_off.close()
    assert fake_twilio.requests == 0
    assert send_jobs() == ["accepted"]


def test_g4_g9_twenty_workers_with_the_same_message_make_one_call(
    environment: dict[str, str], queued: str, fake_twilio: FakeTwilio
) -> None:
    workers = [build(load_settings(environment)) for _ in range(4)]
    results: list[str] = []
    barrier = threading.Barrier(20)

    def work(services: Services) -> None:
        barrier.wait()
        results.append(services.outbound.hand_over(queued))

    threads = [threading.Thread(target=work, args=(workers[number % 4],)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for services in workers:
        services.close()
    assert results.count("accepted") == 1
    assert set(results) <= {"accepted", "in_progress", "done"}
    assert len(fake_twilio.sent) == 1


def test_g4_g9_a_worker_that_dies_after_the_gate_said_yes_leaves_an_unknown_text_that_is_never_resent(
    services: Services, queued: str, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    handed = services.store.messages.hand_over(message(services, queued), now=clock.now(), lease=LEASE)
    assert handed.send  # and here the worker dies
    assert services.outbound.hand_over(queued) == "in_progress"
    clock.pass_time(LEASE + timedelta(seconds=1))
    assert send_jobs() == ["unknown"]
    assert send_jobs() == []
    assert fake_twilio.requests == 0
    assert message(services, queued).reason == "lost_after_hand_over"


@pytest.mark.parametrize("fault", ["20429"])
def test_a_text_the_carrier_certainly_did_not_take_is_tried_again_after_a_pause(
    services: Services, queued: str, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio, fault: str
) -> None:
    fake_twilio.faults = [fault, fault]
    assert send_jobs() == ["queued"]
    due = services.store.outbox.oldest_due()
    assert due is not None
    assert due > clock.now()
    clock.pass_time(timedelta(minutes=1))
    assert send_jobs() == ["queued"]
    clock.pass_time(timedelta(minutes=1))
    assert send_jobs() == ["accepted"]
    assert len(fake_twilio.sent) == 1


def test_a_refused_connection_is_certainly_not_sent(environment: dict[str, str], queued: str) -> None:
    services = build(load_settings({**environment, "TWILIO_API_BASE_URL": "http://127.0.0.1:9"}))
    assert services.outbound.hand_over(queued) == "queued"
    assert message(services, queued).reason == "unreachable"
    services.close()


def test_tries_end_and_the_text_is_failed_with_its_reason(
    services: Services, queued: str, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    fake_twilio.faults = ["20429"] * 20
    results: list[str] = []
    for _ in range(12):
        results += send_jobs()
        clock.pass_time(timedelta(hours=2))
    assert results == ["queued"] * 7 + ["failed"]
    assert message(services, queued).reason == "throttled"


@pytest.mark.parametrize("fault", ["20500", "20503", "proxy page", "hang", "break"])
def test_g9_an_ambiguous_outcome_is_unknown_never_resent_and_resolved_by_the_delivery_report(
    services: Services,
    client: FlaskClient,
    queued: str,
    clock: FakeClock,
    send_jobs: Jobs,
    fake_twilio: FakeTwilio,
    fault: str,
) -> None:
    fake_twilio.faults = [fault]
    assert send_jobs() == ["unknown"]
    clock.pass_time(timedelta(hours=1))
    assert send_jobs() == []
    assert fake_twilio.requests == 1
    assert post(client, f"{STATUS}?m={queued}", status_form("delivered", "SM" + "9" * 32)).status_code == 204
    assert message(services, queued).status == "delivered"


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        ("+15005550001", "not_textable", "21211"),
        ("+15005550002", "configuration", "21612"),
        ("+15005550003", "configuration", "21408"),
        ("+15005550009", "not_textable", "21614"),
        ("+15005550004", "opted_out", "21610"),
    ],
)
def test_g9_a_refusal_is_failed_with_a_reason_and_a_sentence(
    api: Any, send_jobs: Jobs, number: str, reason: str, code: str
) -> None:
    _, taken = api("POST", "/messages", {**TEXT, "to": number})
    assert send_jobs() == ["failed"]
    _, answer = api("GET", f"/messages/{taken['id']}")
    assert (answer["status"], answer["reason"], answer["code"]) == ("failed", reason, code)
    assert answer["explanation"].endswith(".")


def test_21610_at_send_opts_the_person_out_of_that_sender_only(api: Any, send_jobs: Jobs) -> None:
    """Behaviour 40."""
    api("POST", "/messages", {**TEXT, "to": "+15005550004"})
    send_jobs()
    status, answer = api("POST", "/messages", {**TEXT, "to": "+15005550004"})
    assert (status, answer["code"], answer["source"], answer["scope"]) == (
        409,
        "opted_out",
        "carrier",
        "account+sender",
    )
    status, _ = api("POST", "/messages", {**TEXT, "from": "55555", "to": "+15005550004"})
    assert status == 202


def report(client: FlaskClient, identifier: str, status: str, code: str = "", sid: str = "SM" + f"{1:032x}") -> int:
    return post(client, f"{STATUS}?m={identifier}", status_form(status, sid, code=code)).status_code


@pytest.mark.parametrize(
    ("reports", "final"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["sent", "delivered", "delivered"], "delivered"),
        (["queued", "sending", "sent"], "sent"),
        (["undelivered", "sent"], "undelivered"),
        (["sent", "undelivered", "delivered"], "delivered"),
        (["a status of next year", "sent"], "sent"),
    ],
)
def test_delivery_reports_move_the_status_only_up_whatever_their_order(
    services: Services, client: FlaskClient, queued: str, send_jobs: Jobs, reports: list[str], final: str
) -> None:
    send_jobs()
    assert {report(client, queued, status) for status in reports} == {204}
    assert message(services, queued).status == final


def test_g3_the_same_report_ten_times_is_one_event(
    services: Services, client: FlaskClient, queued: str, send_jobs: Jobs
) -> None:
    """Behaviour 3: status callbacks are told apart by id and status."""
    send_jobs()
    for _ in range(10):
        report(client, queued, "delivered")
    assert events(services, queued) == ["queued", "handing_over", "accepted", "report"]


def test_a_report_that_comes_before_the_carriers_answer_is_kept_and_applied(
    services: Services, client: FlaskClient, queued: str, send_jobs: Jobs
) -> None:
    form = status_form("delivered", f"SM{1:032x}")
    assert post(client, STATUS, form).status_code == 204  # without our id: the message is not known yet
    assert message(services, queued).status == "queued"
    send_jobs()
    assert message(services, queued).status == "delivered"


def test_a_report_for_a_message_nobody_knows_is_answered_and_kept(client: FlaskClient) -> None:
    assert post(client, STATUS, status_form("sent", "SM" + "7" * 32)).status_code == 204
    assert post(client, f"{STATUS}?m=nonsense", status_form("sent", "SM" + "7" * 32)).status_code == 204


@pytest.mark.parametrize(
    ("sender", "code", "blocked"),
    [
        ("+12025550100", "21610", True),
        ("+18005550199", "30004", True),
        ("+12025550100", "30004", False),
        ("+12025550100", "30006", False),
        ("+12025550100", "99999", False),
    ],
)
def test_a_report_that_says_opted_out_blocks_that_sender_and_no_other(
    api: Any, client: FlaskClient, send_jobs: Jobs, sender: str, code: str, blocked: bool
) -> None:
    """Behaviour 40; a toll-free number that is blocked means STOP (TF-1)."""
    _, taken = api("POST", "/messages", {**TEXT, "from": sender})
    send_jobs()
    form = status_form("failed", f"SM{1:032x}", sender=sender, code=code)
    assert post(client, f"{STATUS}?m={taken['id']}", form).status_code == 204
    assert (api("POST", "/messages", {**TEXT, "from": sender})[0] == 409) == blocked
    assert api("POST", "/messages", {**TEXT, "from": "55555"})[0] == 202


def test_lost_jobs_are_queued_again_by_the_sweeper(
    services: Services, queued: str, clock: FakeClock, fake_twilio: FakeTwilio
) -> None:
    services.queue.flush()
    for key in services.queue_connection.scan_iter("rq:*"):
        services.queue_connection.delete(key)
    assert services.queue.lengths()["default"] == 0
    assert services.sweeper.sweep() == 0  # not yet: the one who wrote it gets a moment to queue it
    clock.pass_time(timedelta(seconds=6))
    assert services.sweeper.sweep() == 1
    services.queue.flush()
    assert services.queue.lengths()["default"] == 1
    assert services.sweeper.sweep() == 0  # claimed for a while


def test_g8_a_message_of_another_account_is_not_found(api: Any, queued: str) -> None:
    assert api("GET", f"/messages/{queued}", account="globex")[0] == 404


def test_after_the_carrier_saw_a_loop_nothing_answers_that_number_for_an_hour(
    client: FlaskClient, api: Any, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """Behaviour 32."""
    _, taken = api("POST", "/messages", TEXT)
    send_jobs()
    report(client, taken["id"], "failed", code="30039")
    text(client, "HELP")
    assert send_jobs() == []
