"""The review queue: held texts, decisions, taking back what was misread, deadlines."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.deadlines import deadline_of, is_business_day
from gateway.doctor import examine
from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock, Jobs
from tests.webhooks import PERSON, text

CLEAR, UNSURE = "please take me off your list", "wrong number"


def sid(number: int) -> str:
    return f"SM{number:032x}"


def state(services: Services) -> tuple[bool, bool]:
    """(may be texted, is held)"""
    acme = services.store.directory.current().accounts["acme"]
    allowed = services.consent.check(acme, [PERSON])[0].allowed
    return allowed, services.store.consent.is_held(PERSON, "acme")


def test_us_24_an_unsure_text_is_held_and_waits_with_the_last_text_that_was_sent(
    services: Services, client: FlaskClient, api: Any, send_jobs: Jobs, clock: FakeClock
) -> None:
    api("POST", "/messages", {"from": "+12025550100", "to": PERSON, "body": "Your table is ready, Sam."})
    send_jobs()
    clock.pass_time(timedelta(minutes=1))
    text(client, UNSURE)
    assert send_jobs() == []
    assert state(services) == (True, True)
    (item,) = api("GET", "/reviews")[1]["items"]
    assert (item["state"], item["text"], item["last_sent"]) == ("held", UNSURE, "Your table is ready, Sam.")
    assert item["explanation"]
    assert not item["overdue"]


def test_while_held_broadcasts_leave_the_number_out_and_answers_still_reach_it(
    client: FlaskClient, api: Any, send_jobs: Jobs
) -> None:
    text(client, UNSURE)
    for kind, outcome in (("broadcast", "suppressed"), ("transactional", "accepted")):
        _, taken = api("POST", "/messages", {"from": "55555", "to": PERSON, "body": "Hello", "kind": kind})
        assert send_jobs() == [outcome]
        if outcome == "suppressed":
            assert api("GET", f"/messages/{taken['id']}")[1]["reason"] == "held"


@pytest.mark.parametrize(
    ("decision", "after", "sources"),
    [
        ("opt_out", (False, False), {"keyword"}),
        ("not_opt_out", (True, False), set()),
        ("wrong_number", (False, False), {"admin"}),
    ],
)
def test_a_person_decides_and_the_hold_ends(
    services: Services,
    client: FlaskClient,
    api: Any,
    clock: FakeClock,
    decision: str,
    after: tuple[bool, bool],
    sources: set[str],
) -> None:
    text(client, UNSURE)
    came = clock.now()
    clock.pass_time(timedelta(hours=3))
    (item,) = api("GET", "/reviews")[1]["items"]
    assert api("POST", f"/reviews/{item['id']}", {"decision": decision})[0] == 200
    assert state(services) == after
    blocks = api("GET", f"/opt-outs/{PERSON}")[1]["opt_outs"]
    assert {block["source"] for block in blocks} == sources
    if decision == "opt_out":  # it counts from when the person said so
        assert {block["since"] for block in blocks} == {came.isoformat().replace("+00:00", "Z")}
    assert api("GET", "/reviews")[1]["items"] == []
    assert api("POST", f"/reviews/{item['id']}", {"decision": decision})[0] == 404


def test_a_number_stays_held_until_the_last_of_its_texts_is_decided(
    services: Services, client: FlaskClient, api: Any
) -> None:
    text(client, UNSURE, MessageSid=sid(1))
    text(client, "not interested", MessageSid=sid(2))
    first, second = api("GET", "/reviews")[1]["items"]
    api("POST", f"/reviews/{first['id']}", {"decision": "not_opt_out"})
    assert state(services) == (True, True)
    api("POST", f"/reviews/{second['id']}", {"decision": "not_opt_out"})
    assert state(services) == (True, False)


def test_an_opt_out_by_free_words_is_taken_back_within_the_window_with_a_reason(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, CLEAR)
    assert state(services) == (False, False)
    (item,) = api("GET", "/reviews")[1]["items"]
    assert item["state"] == "acted"
    clock.pass_time(timedelta(days=2))
    path = f"/reviews/{item['id']}"
    assert api("POST", path, {"decision": "not_opt_out"})[1]["code"] == "reason_needed"
    assert api("POST", path, {"decision": "not_opt_out", "reason": "it was about a list of guests"})[0] == 200
    assert state(services) == (True, False)


def test_after_the_window_only_the_person_can_come_back(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, CLEAR)
    (item,) = api("GET", "/reviews")[1]["items"]
    clock.pass_time(timedelta(days=8))
    answer = api("POST", f"/reviews/{item['id']}", {"decision": "not_opt_out", "reason": "late"})
    assert (answer[0], answer[1]["code"]) == (409, "review_window_over")
    assert api("GET", "/reviews")[1]["items"] == []
    assert state(services) == (False, False)


def test_g5_a_later_stop_is_not_taken_back_with_the_misread_one(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, CLEAR, MessageSid=sid(1))
    (item,) = api("GET", "/reviews")[1]["items"]
    clock.pass_time(timedelta(minutes=5))
    text(client, "STOP", MessageSid=sid(2))
    answer = api("POST", f"/reviews/{item['id']}", {"decision": "not_opt_out", "reason": "misread"})
    assert (answer[0], answer[1]["code"]) == (409, "changed_since")
    assert state(services) == (False, False)


def test_g5_a_keyword_is_never_in_the_queue_to_be_taken_back(client: FlaskClient, api: Any) -> None:
    text(client, "STOP")
    assert api("GET", "/reviews")[1]["items"] == []


def test_with_free_text_on_hold_clear_words_wait_for_a_person(
    services: Services, client: FlaskClient, api: Any
) -> None:
    services.configuration.apply(
        services.configuration.plan(
            services.configuration.read(
                '[[accounts]]\nid = "acme"\nname = "Acme"\n[accounts.settings]\nfree_text = "hold"\n'
                '[[accounts.senders]]\naddress = "+12025550100"\ncarrier = "twilio"\nkind = "long_code"\n'
            )
        )
    )
    text(client, CLEAR, MessageSid=sid(1))
    assert state(services) == (True, True)
    text(client, "STOP", MessageSid=sid(2))
    assert state(services)[0] is False


def test_g8_another_accounts_queue_is_neither_seen_nor_decided(client: FlaskClient, api: Any) -> None:
    text(client, UNSURE)
    (item,) = api("GET", "/reviews")[1]["items"]
    assert api("GET", "/reviews", account="globex")[1]["items"] == []
    assert api("POST", f"/reviews/{item['id']}", {"decision": "opt_out"}, account="globex")[0] == 404


def test_us_7_a_held_text_past_ten_business_days_alarms_in_metrics_and_doctor(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, UNSURE)
    metrics = client.get("/metrics").get_data(as_text=True)
    assert 'stopgate_reviews_held{account="acme"} 1.0' in metrics
    assert 'stopgate_reviews_overdue{account="acme"} 0.0' in metrics
    clock.pass_time(timedelta(days=20))
    assert 'stopgate_reviews_overdue{account="acme"} 1.0' in client.get("/metrics").get_data(as_text=True)
    findings = {finding.about: finding for finding in examine(services, services.settings)}
    assert not findings["reviews"].good
    assert api("GET", "/reviews")[1]["items"][0]["overdue"]


def test_us_10_confirmations_that_came_too_late_alarm(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs
) -> None:
    text(client, "STOP")
    clock.pass_time(timedelta(minutes=6))
    assert send_jobs() == ["expired"]
    findings = {finding.about: finding for finding in examine(services, services.settings)}
    assert not findings["confirmations"].good
    assert 'stopgate_events_total{event="confirmation_expired"} 1.0' in client.get("/metrics").get_data(as_text=True)


@pytest.mark.parametrize(
    ("day", "business"),
    [
        (date(2026, 11, 26), False),  # Thanksgiving
        (date(2026, 11, 27), True),
        (date(2026, 7, 3), False),  # Independence Day falls on a Saturday
        (date(2027, 12, 31), False),  # New Year's Day 2028 falls on a Saturday
        (date(2026, 6, 19), False),
        (date(2026, 5, 25), False),  # Memorial Day
        (date(2026, 11, 21), False),  # Saturday
        (date(2026, 11, 23), True),
    ],
)
def test_weekends_and_federal_holidays_are_no_business_days(day: date, business: bool) -> None:
    assert is_business_day(day) is business


def test_us_7_ten_business_days_skip_weekends_and_holidays() -> None:
    came = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # a Friday before Thanksgiving
    assert deadline_of(came).date() == date(2026, 12, 7)


def test_the_person_who_lifts_what_a_colleague_entered_is_named(services: Services, api: Any, clock: FakeClock) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, PERSON, source=Source.AGENT, actor="sam")
    clock.pass_time(timedelta(seconds=1))
    api("DELETE", f"/opt-outs/{PERSON}?reason=asked+to+come+back")
    last = services.consent.explain(acme, PERSON).journal[-1]
    assert (last.outcome, last.detail["reason"]) == ("lifted", "asked to come back")
    assert last.detail["actor"].startswith("api key ")


def test_us_21_every_request_tells_when_it_came_when_it_was_blocked_and_when_it_was_confirmed(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs
) -> None:
    text(client, "STOP")
    came = clock.now()
    clock.pass_time(timedelta(seconds=3))
    send_jobs()
    acme = services.store.directory.current().accounts["acme"]
    (request,) = services.consent.explain(acme, PERSON).requests
    assert (request.received_at, request.confirmed_at) == (came, clock.now())
    assert request.blocked_at is not None


def test_an_account_that_does_not_act_by_itself_is_warned_of_loudly(services: Services) -> None:
    document = '[[accounts]]\nid = "acme"\nname = "Acme"\n[accounts.settings]\nautomated_opt_outs = false\n'
    plan = services.configuration.plan(services.configuration.read(document))
    assert any("automated_opt_outs is off" in line for line in plan.lines)
    services.configuration.apply(plan)
    assert any(finding.about == "opt-outs" and not finding.good for finding in examine(services, services.settings))


@pytest.mark.parametrize("texted_by", ["acme", "globex"])
def test_g8_a_text_to_a_shared_sender_is_read_by_the_account_that_texted_last_and_blocks_for_all(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock, texted_by: str
) -> None:
    other = {"acme": "globex", "globex": "acme"}[texted_by]
    api("POST", "/messages", {"from": "72975", "to": PERSON, "body": "Hello"}, account=texted_by)
    clock.pass_time(timedelta(seconds=5))
    text(client, UNSURE, To="72975")
    assert api("GET", "/reviews", account=other)[1]["items"] == []
    (item,) = api("GET", "/reviews", account=texted_by)[1]["items"]
    assert api("POST", f"/reviews/{item['id']}", {"decision": "opt_out"}, account=texted_by)[0] == 200
    for name in ("acme", "globex"):
        account = services.store.directory.current().accounts[name]
        assert not services.consent.check(account, [PERSON], sender="72975")[0].allowed


def test_free_words_to_a_shared_sender_are_taken_back_for_all_accounts_on_it(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, CLEAR, To="72975")
    clock.pass_time(timedelta(hours=1))
    (item,) = api("GET", "/reviews")[1]["items"]
    assert api("POST", f"/reviews/{item['id']}", {"decision": "not_opt_out", "reason": "a list of guests"})[0] == 200
    acme = services.store.directory.current().accounts["acme"]
    assert services.consent.check(acme, [PERSON], sender="72975")[0].allowed
