"""Broadcasts: one text to an audience, once to each, to nobody who may not be texted."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from flask.testing import FlaskClient

from gateway.broadcast_sending import BROADCAST, BroadcastSending
from gateway.queueing import SEND, parts_of, queue_for
from gateway.services import QUEUE_OF_EFFECT, Services
from store import keys
from store.consent import Source
from store.directory import Account
from store.scopes import Scope
from tests.audiences import with_audience
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.waiting_work import do_what_waits
from tests.webhooks import STATUS, post, status_form, text

SENDER, AUDIENCE = "+12025550100", "news"
PEOPLE = [f"+1415555{number:04d}" for number in range(100, 130)]
BODY = "{brand}: book fair on Saturday. Reply STOP to opt out."

Run = Callable[..., list[str]]


@pytest.fixture
def account(services: Services) -> Account:
    return with_audience(services, AUDIENCE, "News", SENDER, PEOPLE)


@pytest.fixture
def draft(services: Services, account: Account) -> str:
    made = services.broadcasts.create(
        account, name="Fair", audience=AUDIENCE, sender="", body=BODY, actor="user ada@example.com"
    )
    return made.record.id


@pytest.fixture
def run(services: Services, clock: FakeClock) -> Run:
    """Do what waits: `run(rounds=3, only="")`."""
    return partial(do_what_waits, services, clock)


def texted(fake_twilio: FakeTwilio) -> Counter[str]:
    return Counter(message["To"] for message in fake_twilio.sent)


def hold(client: FlaskClient, person: str) -> None:
    """A text of theirs that the engine is not sure of."""
    text(client, "maybe stop", From=person, MessageSid=f"SM{person[-4:]:0>32}")


def test_everybody_gets_one_text_from_the_audiences_sender_with_the_brand_in_it(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    started = services.broadcasts.start(account, draft, actor="user ada@example.com")
    assert (started.record.status, started.record.sender, started.size) == ("sending", SENDER, 30)
    run()
    assert texted(fake_twilio) == Counter(PEOPLE)
    assert {(message["From"], message["Body"]) for message in fake_twilio.sent} == {
        (SENDER, "Acme: book fair on Saturday. Reply STOP to opt out.")
    }
    ended = services.broadcasts.get(account, draft)
    assert (ended.record.status, ended.texts, ended.done, ended.size) == ("finished", 30, 30, 30)
    assert ended.record.started_by == "user ada@example.com"
    assert ended.record.ended_at is not None
    run()
    assert len(fake_twilio.sent) == 30


def test_g2_who_may_not_be_texted_gets_no_text_and_is_counted_by_reason(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    """The audience keeps them: remove_from_all_audiences works on what follows the opt-out, later."""
    text(client, "STOP", From=PEOPLE[0], MessageSid="SM" + "a" * 32)
    services.consent.opt_out(account, PEOPLE[1], source=Source.ADMIN, actor="user ada@example.com")
    hold(client, PEOPLE[2])
    assert services.store.consent.is_held(PEOPLE[2], "acme")
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    found = services.broadcasts.get(account, draft)
    assert {(one.reason, one.source): one.count for one in found.skipped} == {
        ("opted_out", "keyword"): 1,
        ("opted_out", "admin"): 1,
        ("held", ""): 1,
    }
    run()
    fairs = {message["To"] for message in fake_twilio.sent if "fair" in message["Body"]}
    assert fairs == set(PEOPLE[3:])
    ended = services.broadcasts.get(account, draft)
    assert (ended.texts, ended.left_out, ended.size, ended.record.status) == (27, 3, 30, "finished")


@pytest.mark.parametrize("how", ["stop", "hold"])
def test_g2_who_opts_out_or_is_held_while_their_text_waits_is_suppressed_at_hand_off(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio, how: str
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    assert services.broadcasts.get(account, draft).counts["waiting"] == 30
    if how == "stop":
        text(client, "STOP", From=PEOPLE[5], MessageSid="SM" + "b" * 32)
    else:
        hold(client, PEOPLE[5])
    run()
    assert [m["Body"] for m in fake_twilio.sent if m["To"] == PEOPLE[5] and "fair" in m["Body"]] == []
    ended = services.broadcasts.get(account, draft)
    assert (ended.counts["suppressed"], ended.counts["sent"], ended.record.status) == (1, 29, "finished")
    reason = {"stop": "opted_out", "hold": "held"}[how]
    assert [(one.status, one.reason, one.count) for one in ended.reasons] == [("suppressed", reason, 1)]


def test_g9_a_block_that_is_repeated_after_a_crash_texts_nobody_twice_and_counts_the_same(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    """A worker died after the texts were made and before that was noted: the place is still the old one."""
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    run(rounds=1)
    now = services.clock.now()
    assert services.store.broadcasts.change(
        draft, now, {"place": "", "walked": "", "skipped": {}, "status": "sending"}, expect={}
    )
    services.broadcast_sending.go_on(draft)
    run()
    assert texted(fake_twilio) == Counter(PEOPLE)
    ended = services.broadcasts.get(account, draft)
    assert (ended.texts, ended.counts["sent"], ended.size, ended.record.status) == (30, 30, 30, "finished")


def test_two_workers_at_once_do_not_go_through_an_audience_twice(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    assert services.store.broadcasts.hold(draft, "somebody", services.clock.now(), timedelta(seconds=50))
    services.broadcast_sending.go_on(draft)
    assert services.broadcasts.get(account, draft).texts == 0
    run()
    assert texted(fake_twilio) == Counter(PEOPLE)


def test_a_stop_calls_back_what_waits_and_going_on_forgets_nobody(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    stopped = services.broadcasts.stop(account, draft, actor="user ada@example.com")
    assert (stopped.record.status, stopped.record.stopped_by) == ("stopped", "user ada@example.com")
    assert "put_off" in run()
    assert fake_twilio.sent == []
    assert services.broadcasts.stop(account, draft, actor="a").record.status == "stopped"  # repeating is safe
    resumed = services.broadcasts.resume(account, draft, actor="user bob@example.com").record
    assert (resumed.status, resumed.started_by, resumed.resumed_by) == ("sending", "a", "user bob@example.com")
    run()
    assert texted(fake_twilio) == Counter(PEOPLE)
    assert services.broadcasts.get(account, draft).record.status == "finished"


def test_g2_who_opts_out_while_it_is_stopped_gets_nothing_when_it_goes_on(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    services.broadcasts.stop(account, draft, actor="a")
    run()
    text(client, "STOP", From=PEOPLE[7], MessageSid="SM" + "d" * 32)
    services.broadcasts.resume(account, draft, actor="a")
    run()
    assert {m["To"] for m in fake_twilio.sent if "fair" in m["Body"]} == set(PEOPLE) - {PEOPLE[7]}
    assert services.broadcasts.get(account, draft).counts["suppressed"] == 1


def test_a_broadcast_that_goes_on_days_later_can_still_be_stopped_while_its_texts_wait(
    services: Services, clock: FakeClock, account: Account, draft: str, run: Run
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    services.broadcasts.stop(account, draft, actor="a")
    clock.pass_time(timedelta(days=2))
    services.broadcasts.resume(account, draft, actor="a")
    services.broadcast_sending.go_on(draft)
    assert services.broadcasts.get(account, draft).record.status == "sending"
    assert services.broadcasts.stop(account, draft, actor="a").record.status == "stopped"


def test_a_text_whose_retention_ended_while_its_broadcast_was_stopped_is_asked_for_no_more(
    services: Services, account: Account, draft: str, run: Run
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    services.broadcasts.stop(account, draft, actor="a")
    run()
    for message in services.store.broadcasts.those_put_off(draft):
        services.store.client.delete(keys.message(message[1:3], message))
    later = services.clock.now() + timedelta(days=1)
    due = [one for one in services.store.outbox.claim_due(later, lease=timedelta(0), limit=5000) if "send:" in one]
    assert {services.outbound.hand_over(parts_of(one)[1]) for one in due} == {"missing"}
    assert len(due) == len(PEOPLE)
    again = services.store.outbox.claim_due(later + timedelta(days=1), lease=timedelta(0), limit=5000)
    assert [one for one in again if "send:" in one] == []


def test_a_large_audience_is_taken_in_parts_so_that_no_queue_fills(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    sending = BroadcastSending(
        services.store, services.queue, services.clock, services.new_id, services.outbound.accept_many, ahead=10
    )
    services.broadcasts.start(account, draft, actor="a")
    for _ in range(3):
        sending.go_on(draft)
        found = services.broadcasts.get(account, draft)
        assert (found.counts["waiting"], found.size, found.record.status) == (10, 30, "sending")
    for done in (10, 20, 30):
        run(rounds=1, only=SEND)
        assert len(fake_twilio.sent) == done
        sending.go_on(draft)
    sending.go_on(draft)
    assert texted(fake_twilio) == Counter(PEOPLE)
    assert services.broadcasts.get(account, draft).record.status == "finished"


def test_delivery_reports_are_counted_with_the_status_of_each_text(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run()
    for message, status in zip(fake_twilio.sent, ["delivered"] * 4 + ["undelivered"] * 2, strict=False):
        form = status_form(status, message["Sid"], address=message["To"], code="30003" if status[0] == "u" else "")
        assert post(client, f"{STATUS}?{message['StatusCallback'].partition('?')[2]}", form).status_code == 204
    counts = services.broadcasts.get(account, draft).counts
    assert {name: count for name, count in counts.items() if count} == {"delivered": 4, "failed": 2, "sent": 24}


@pytest.mark.parametrize(("days", "counted"), [(1, 1), (8, 0)], ids=["within a week", "later it has another reason"])
def test_an_opt_out_within_a_week_is_put_down_to_the_broadcast(
    services: Services,
    client: FlaskClient,
    clock: FakeClock,
    account: Account,
    draft: str,
    run: Run,
    days: int,
    counted: int,
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run()
    clock.pass_time(timedelta(days=days))
    text(client, "STOP", From=PEOPLE[3], MessageSid="SM" + "c" * 32)
    found = services.broadcasts.get(account, draft)
    assert [one.number for one in services.broadcasts.who_left(account, draft, 10)] == [PEOPLE[3]] * counted
    assert found.opted_out == counted
    assert found.alarming == bool(counted)  # 1 of 30 is more than one per hundred


def test_an_opt_out_by_link_is_put_down_to_the_broadcast_too(
    services: Services, account: Account, run: Run, fake_twilio: FakeTwilio
) -> None:
    made = services.broadcasts.create(
        account, name="", audience=AUDIENCE, sender=SENDER, body="Acme: fair. Out: {opt_out_link}", actor="a"
    )
    services.broadcasts.start(account, made.record.id, actor="a")
    run()
    message = fake_twilio.sent[0]
    target = services.opt_out_links.read(message["Body"].rpartition("/o/")[2])
    assert target is not None
    assert target.number == message["To"]
    services.opt_out_links.opt_out(target)
    services.opt_out_links.opt_out(target)
    assert services.broadcasts.get(account, made.record.id).opted_out == 1
    assert [one.number for one in services.broadcasts.who_left(account, made.record.id, 10)] == [message["To"]]


def test_who_opts_out_comes_back_and_opts_out_again_is_one_person(
    services: Services, client: FlaskClient, clock: FakeClock, account: Account, draft: str, run: Run
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run()
    for number, word in enumerate(("STOP", "START", "STOP")):
        clock.pass_time(timedelta(hours=1))
        text(client, word, From=PEOPLE[3], MessageSid=f"SM{number:032x}")
    assert services.store.consent.blocks(PEOPLE[3], [Scope.of_account("acme")])
    assert services.broadcasts.get(account, draft).opted_out == 1


def test_a_text_that_failed_and_arrives_after_all_is_counted_once_with_its_reason(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run()
    message = fake_twilio.sent[0]
    where = f"{STATUS}?{message['StatusCallback'].partition('?')[2]}"
    for status, code, reasons in (
        ("undelivered", "30006", [("undelivered", "not_textable", 1)]),
        ("delivered", "", []),
    ):
        form = status_form(status, message["Sid"], address=message["To"], code=code)
        assert post(client, where, form).status_code == 204
        found = services.broadcasts.get(account, draft)
        assert [(one.status, one.reason, one.count) for one in found.reasons] == reasons
        assert found.texts == 30
    assert found.counts["delivered"] == 1


def test_when_too_many_opt_out_it_stops_until_somebody_goes_on(
    services: Services, client: FlaskClient, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    """Setting opt_out_rate_alarm: twice as many as it says, five at least."""
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1, only=BROADCAST)
    due = services.store.outbox.claim_due(services.clock.now(), lease=timedelta(0), limit=5000)
    for effect in [one for one in due if one.startswith("send:")][:20]:
        services.outbound.hand_over(effect.removeprefix("send:"))
    for number, message in enumerate(list(fake_twilio.sent)[:5]):
        text(client, "STOP", From=message["To"], MessageSid=f"SM{number:032x}")
        services.broadcast_sending.go_on(draft)
        expected = "sending" if number < 4 else "stopped"
        assert services.broadcasts.get(account, draft).record.status == expected
    stopped = services.broadcasts.get(account, draft)
    assert stopped.record.problem == "5 of 20 people who were texted opted out (25.0 %)."
    fairs = [message for message in fake_twilio.sent if "fair" in message["Body"]]
    run()
    assert [message for message in fake_twilio.sent if "fair" in message["Body"]] == fairs
    services.broadcasts.resume(account, draft, actor="a")
    run()
    assert services.broadcasts.get(account, draft).record.status == "finished"
    assert Counter(m["To"] for m in fake_twilio.sent if "fair" in m["Body"]) == Counter(PEOPLE)


def test_opt_outs_are_looked_at_while_many_texts_wait(
    services: Services, client: FlaskClient, account: Account, draft: str, fake_twilio: FakeTwilio
) -> None:
    """The jobs of a broadcast do not queue behind its texts, and look before they see that enough of those wait."""
    assert QUEUE_OF_EFFECT[BROADCAST] != queue_for("broadcast")
    sending = BroadcastSending(
        services.store, services.queue, services.clock, services.new_id, services.outbound.accept_many, ahead=10
    )
    services.broadcasts.start(account, draft, actor="a")
    sending.go_on(draft)
    due = services.store.outbox.claim_due(services.clock.now() + timedelta(hours=1), lease=timedelta(0), limit=5000)
    for effect in [one for one in due if one.startswith("send:")][:6]:
        services.outbound.hand_over(effect.removeprefix("send:"))
    sending.go_on(draft)
    assert services.broadcasts.get(account, draft).counts["waiting"] >= 10
    for number, message in enumerate(list(fake_twilio.sent)[:5]):
        text(client, "STOP", From=message["To"], MessageSid=f"SM{number:032x}")
    sending.go_on(draft)
    assert services.broadcasts.get(account, draft).record.status == "stopped"


def test_a_sender_that_is_taken_away_stops_a_broadcast_with_a_reason(
    services: Services, account: Account, draft: str, run: Run, fake_twilio: FakeTwilio
) -> None:
    services.broadcasts.start(account, draft, actor="a")

    def without(current: Account) -> Account:
        kept = tuple(sender for sender in current.senders if sender.address != SENDER)
        return Account(**{**{f: getattr(current, f) for f in current.__dataclass_fields__}, "senders": kept})

    services.store.directory.change("acme", without)
    run()
    stopped = services.broadcasts.get(account, draft)
    assert (stopped.record.status, fake_twilio.sent) == ("stopped", [])
    assert "is not a sender" in stopped.record.problem


def test_gd_1_nothing_of_a_broadcast_but_its_texts_names_a_number(
    services: Services, account: Account, draft: str, run: Run
) -> None:
    services.broadcasts.start(account, draft, actor="a")
    run(rounds=1)
    client = services.store.client
    names = [key.decode() for key in client.scan_iter("*broadcast*")]
    assert len(names) > 3
    for name in names:
        kind = client.type(name).decode()
        value = (
            client.hgetall(name)
            if kind == "hash"
            else client.zrange(name, 0, -1)
            if kind == "zset"
            else client.smembers(name)
        )
        assert not any(person[2:] in f"{name} {value!r}" for person in PEOPLE), name
