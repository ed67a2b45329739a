"""Where we and the carrier differ, and telling it: the journal's streams on a real Valkey, a fake Consent API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.drift import CARRIER_BLOCKS, CARRIER_OPEN, Drift
from gateway.drift_repair import correlation_id
from gateway.errors import CarrierError, GatewayError
from gateway.services import Services
from store.consent import Change, Source
from store.scopes import ALL_CHANNELS, Channel, Scope
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_inbound import sid
from tests.webhooks import PERSON, text

LONG, OURS, TOLL_FREE = "+15005550006", "+12025550100", "+18005550199"
SHORT, SERVICE = "55555", "MG00000000000000000000000000000001"
HANDLED = [LONG, TOLL_FREE, SERVICE]

Say = Callable[..., None]


@pytest.fixture
def say(client: FlaskClient, clock: FakeClock) -> Say:
    """The person texts, a minute after the last time: `say("STOP", LONG)`."""
    number = iter(range(1, 1000))

    def texted(body: str, sender: str, **changes: str) -> None:
        clock.pass_time(timedelta(minutes=1))
        assert text(client, body, To=sender, MessageSid=sid(next(number)), **changes).status_code == 200

    return texted


def event(services: Services, *changes: Change, number: str = PERSON, **detail: str) -> None:
    """A consent event of this moment; with a text, as a webhook would have journalled it."""
    came = {"carrier_id": "SM1"} if "text" in detail else {}
    services.store.consent.apply(number, changes, occurred_at=services.clock.now(), detail={**came, **detail})


def drifts(services: Services, account: str = "acme") -> list[Drift]:
    return list(services.reconciliation.drift.of_account(services.store.directory.current().accounts[account]))


def sides(services: Services) -> list[tuple[str, str]]:
    return [(row.sender, row.side) for row in drifts(services)]


def opt_out(services: Services, source: Source = Source.API, number: str = PERSON, **where: Any) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, number, source=source, actor="ann", **where)


STOP_IN_OUR_WORDS = Change("opt_out", Scope.of_account("acme"), "acme", Source.KEYWORD, ALL_CHANNELS)


# Each row: what the person texted and to whom, and the drift that is left.
TEXTED = [
    ("a stop that both understood", [("STOP", LONG)], []),
    ("a stop to a number whose keywords we handle", [("STOP", OURS)], []),
    ("a stop to a short code", [("STOP", SHORT)], []),
    ("there and back at one sender", [("STOP", LONG), ("START", LONG)], []),
    ("stopped at one sender, back at another", [("STOP", LONG), ("START", OURS)], [(LONG, CARRIER_BLOCKS)]),
    ("stopped again since", [("STOP", LONG), ("START", OURS), ("STOP", OURS)], []),
    ("stopped at two, back at one", [("STOP", LONG), ("STOP", TOLL_FREE), ("START", LONG)], [(TOLL_FREE, CARRIER_BLOCKS)]),
    ("toll-free, back by its network's word", [("STOP", TOLL_FREE), ("UNSTOP", TOLL_FREE)], []),
    ("any of the carrier's words counts", [("Quit ", LONG), ("START", OURS)], [(LONG, CARRIER_BLOCKS)]),
    ("a word inside a sentence does not", [("stop it please", LONG), ("START", OURS)], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "texts", "left"), TEXTED)
def test_texts_in_the_carriers_own_words_tell_what_it_blocks(
    services: Services, say: Say, name: str, texts: list[tuple[str, str]], left: list[tuple[str, str]]
) -> None:
    for body, sender in texts:
        say(body, sender)
    assert sides(services) == left


def test_a_number_the_carrier_blocks_comes_with_the_word_and_the_sender_that_lift_it(
    services: Services, say: Say, clock: FakeClock
) -> None:
    say("STOP", TOLL_FREE)
    at = clock.now()
    say("START", OURS)
    (row,) = drifts(services)
    assert (row.number, row.sender, row.since, row.pushable) == (PERSON, TOLL_FREE, at, False)
    assert row.because == "the person texted 'STOP'"
    assert row.repair == f"Only the person can come back: ask them to text UNSTOP to {TOLL_FREE}"


def test_yes_is_no_way_back_on_toll_free_numbers(services: Services) -> None:
    """TF-2; a lift in words that the network does not know leaves its block."""
    account = Scope.of_account("acme")
    event(services, STOP_IN_OUR_WORDS, text="STOP", sender=TOLL_FREE)
    services.clock.sleep(60)
    event(services, Change("lift", account, "acme", Source.KEYWORD), text="YES", sender=TOLL_FREE)
    assert sides(services) == [(TOLL_FREE, CARRIER_BLOCKS)]
    event(services, STOP_IN_OUR_WORDS, text="STOP", sender=LONG)
    services.clock.sleep(60)
    event(services, Change("lift", account, "acme", Source.KEYWORD), text="YES", sender=LONG)
    assert sides(services) == [(TOLL_FREE, CARRIER_BLOCKS)]


def test_an_error_code_of_the_carrier_is_a_block_until_the_person_comes_back_there(
    services: Services, say: Say, fake_twilio: FakeTwilio, api: Callable[..., Any], send_jobs: Jobs
) -> None:
    fake_twilio.opted_out.add((LONG, PERSON))
    api("POST", "/messages", {"from": LONG, "to": PERSON, "body": "Hello"})
    assert send_jobs() == ["failed"]
    assert drifts(services) == [], "the code made it our block too"
    services.clock.sleep(60)
    # A word that only we take for START lifts ours and not the carrier's.
    lift = Change("lift", Scope.of_account_sender("acme", LONG), "acme", Source.KEYWORD)
    event(services, lift, text="resubscribe me", sender=LONG)
    (row,) = drifts(services)
    assert (row.side, row.because) == (CARRIER_BLOCKS, "the carrier refused a text with code 21610")
    say("START", LONG)
    assert drifts(services) == []


def test_a_stop_that_was_held_for_a_person_blocks_at_the_carrier_all_the_same(services: Services, say: Say) -> None:
    text_ = services.configuration
    text_.apply(text_.plan(text_.read("""
[[accounts]]
id = "acme"
name = "Acme"
senders = [{ address = "+15005550006", carrier = "twilio", kind = "long_code", keywords_handled_by = "carrier" }]
settings = { automated_opt_outs = false }
""")))  # fmt: skip
    say("STOP", LONG)
    assert sides(services) == [(LONG, CARRIER_BLOCKS)]


def test_what_advanced_opt_out_said_counts_whatever_the_word(services: Services, say: Say) -> None:
    """OptOutType stands in the webhook; the words are the service's own."""
    service = Scope.of_account_sender("acme", SERVICE)
    detail = {"text": "adios", "sender": "+13125550123", "service": SERVICE}
    event(
        services,
        Change("opt_out", service, "acme", Source.CARRIER, (Channel.TEXT,)),
        carrier_action="opt_out",
        **detail,
    )
    services.clock.sleep(60)
    event(services, Change("lift", service, "acme", Source.KEYWORD), text="START", sender=OURS)
    assert sides(services) == [(SERVICE, CARRIER_BLOCKS)]
    services.clock.sleep(60)
    event(
        services, Change("lift", service, "acme", Source.KEYWORD), carrier_action="opt_in", **{**detail, "text": "hola"}
    )
    assert sides(services) == []


# Each row: how the opt-out came, and at which senders the carrier should block and does not know.
ENTERED = [
    ("by API for everything", lambda s: opt_out(s), HANDLED),
    ("by an admin for one sender", lambda s: opt_out(s, Source.ADMIN, sender=LONG), [LONG]),
    ("by import", lambda s: opt_out(s, Source.IMPORT), HANDLED),
    ("at a sender whose keywords we handle", lambda s: opt_out(s, sender=OURS), []),
    ("for one audience", lambda s: opt_out(s, audience="newsletter"), []),
    ("for calls alone", lambda s: opt_out(s, channels=(Channel.VOICE,)), []),
    ("by words only we understood", lambda s: event(s, STOP_IN_OUR_WORDS, text="please stop", sender=LONG), [LONG]),
    ("by such words to our sender", lambda s: event(s, STOP_IN_OUR_WORDS, text="please stop", sender=OURS), []),
    ("by the carrier's word", lambda s: event(s, STOP_IN_OUR_WORDS, text="STOP", sender=LONG), []),
    ("by a number in the service", lambda s: event(s, STOP_IN_OUR_WORDS, text="STOP", sender="+13125550123", service=SERVICE), []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "enter", "senders"), ENTERED)
def test_opt_outs_that_the_carrier_did_not_see_are_listed_for_the_senders_it_handles(
    services: Services, name: str, enter: Callable[[Services], None], senders: list[str]
) -> None:
    enter(services)
    assert sorted(sides(services)) == sorted((sender, CARRIER_OPEN) for sender in senders)
    assert all(row.pushable and row.repair.endswith("stopgate drift --push") for row in drifts(services))


def test_an_opt_out_that_was_lifted_is_no_drift(services: Services) -> None:
    acme = services.store.directory.current().accounts["acme"]
    opt_out(services)
    services.clock.sleep(60)
    services.consent.lift(acme, PERSON, source=Source.API, actor="ann")
    assert drifts(services) == []


def test_what_a_person_here_decided_about_a_text_is_no_word_to_the_carrier(services: Services, say: Say) -> None:
    """The carrier saw "pls no more": it blocks nobody, and the sender that was texted is the one to tell of."""
    detail = {"actor": "ann", "text": "stop", "sender": LONG, "carrier_id": ""}
    event(services, STOP_IN_OUR_WORDS, **{**detail, "text": "pls no more"})
    event(services, Change("lift", Scope.of_account("acme"), "acme", Source.ADMIN), **detail)
    assert sides(services) == [(LONG, CARRIER_OPEN)]


def test_g8_the_drift_of_one_account_shows_nobody_of_another(services: Services, say: Say) -> None:
    opt_out(services)
    say("STOP", "72975")
    assert drifts(services, "globex") == []
    assert {row.account for row in drifts(services)} == {"acme"}


def test_journals_are_read_in_pages_and_every_shard_counts(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.journal_reading._PAGE", 3)
    monkeypatch.setattr("gateway.drift._PAIRS", 6)
    people = [f"+1415555{number:04d}" for number in (*range(0, 1000, 100), *range(1, 30))]
    for number in people:
        opt_out(services, number=number, sender=LONG)
    assert sorted(row.number for row in drifts(services)) == sorted(people)


def push(services: Services, waited: list[float] | None = None) -> tuple[int, list[str]]:
    pauses: list[float] = [] if waited is None else waited
    done = services.reconciliation.repair.push("twilio", drifts(services), pauses.append)
    return done.taken, [refusal.problem for refusal in done.refused]


def test_the_carrier_is_told_once_with_when_and_how_the_person_said_so(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    opt_out(services, Source.ADMIN, sender=LONG, occurred_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    (row,) = drifts(services)
    assert push(services) == (1, [])
    ((item,),) = fake_twilio.consents
    assert item == {
        "contact_id": PERSON,
        "correlation_id": correlation_id(row),
        "sender_id": LONG,
        "status": "opt-out",
        "source": "offline",
        "date_of_consent": "2026-03-04T05:06:07Z",
    }
    assert len(item["correlation_id"]) == 32
    assert drifts(services) == []
    assert push(services) == (0, [])
    assert len(fake_twilio.consents) == 1


def test_batches_have_25_opt_outs_and_there_are_at_most_100_a_minute(
    services: Services, fake_twilio: FakeTwilio
) -> None:
    for number in range(60):
        opt_out(services, number=f"+1415555{number:04d}", sender=LONG)
    waited: list[float] = []
    assert push(services, waited) == (60, [])
    assert [len(items) for items in fake_twilio.consents] == [25, 25, 10]
    assert waited == [0.6, 0.6]


def test_items_that_are_not_taken_are_named_and_told_again_next_time_with_the_same_id(
    services: Services, fake_twilio: FakeTwilio
) -> None:
    for number in ("+14155550001", "+14155550002"):
        opt_out(services, number=number, sender=LONG)
    fake_twilio.bad_contacts.add("+14155550002")
    assert push(services) == (1, ["code 30646: INVALID_CONTACT_ID"])
    fake_twilio.bad_contacts.clear()
    assert push(services) == (1, [])
    first, second = fake_twilio.consents
    assert [item["contact_id"] for item in second] == ["+14155550002"]
    assert second[0] in first


def test_a_busy_consent_api_is_told_again_and_a_refusal_ends_it(services: Services, fake_twilio: FakeTwilio) -> None:
    opt_out(services, sender=LONG)
    fake_twilio.faults += ["20429", "20503"]
    waited: list[float] = []
    assert push(services, waited) == (1, [])
    assert waited == [1, 5]
    opt_out(services, number="+14155550001", sender=LONG)
    fake_twilio.faults += ["20006"]
    with pytest.raises(CarrierError, match="Access may have to be asked for"):
        push(services)
    fake_twilio.faults += ["20503"] * 5
    with pytest.raises(CarrierError, match="did not answer for its Consent API"):
        push(services)
    assert len(drifts(services)) == 1


def test_opt_ins_are_never_told_and_who_came_back_meanwhile_is_left_out(
    services: Services, say: Say, fake_twilio: FakeTwilio
) -> None:
    say("STOP", TOLL_FREE)
    say("START", OURS)
    opt_out(services, number="+14155550001", sender=LONG)
    found = drifts(services)
    assert {row.side for row in found} == {CARRIER_BLOCKS, CARRIER_OPEN}
    services.clock.sleep(60)
    acme = services.store.directory.current().accounts["acme"]
    services.consent.lift(acme, "+14155550001", source=Source.API, actor="ann")
    done = services.reconciliation.repair.push("twilio", found)
    assert (done.taken, done.refused, fake_twilio.consents) == (0, (), [])


def test_who_comes_back_at_the_carrier_after_it_was_told_and_is_entered_again_is_told_again(
    services: Services, say: Say, fake_twilio: FakeTwilio
) -> None:
    opt_out(services, sender=LONG)
    assert push(services) == (1, [])
    say("START", LONG)
    assert sides(services) == [(LONG, CARRIER_OPEN)], "START does not lift what the API entered, and does at Twilio"
    assert push(services) == (1, [])
    assert drifts(services) == []


def test_what_the_carrier_was_told_stays_blocked_there_when_a_program_lifts_it_here(
    services: Services, say: Say
) -> None:
    opt_out(services, sender=LONG)
    assert push(services) == (1, [])
    services.clock.sleep(60)
    acme = services.store.directory.current().accounts["acme"]
    services.consent.lift(acme, PERSON, source=Source.API, actor="ann", sender=LONG)
    (row,) = drifts(services)
    assert (row.side, row.because) == (CARRIER_BLOCKS, "it was told of an opt-out by stopgate drift --push")
    say("START", LONG)
    assert drifts(services) == []


def test_a_carrier_that_cannot_be_told_is_refused_with_a_sentence(services: Services) -> None:
    with pytest.raises(GatewayError, match="cannot be told"):
        services.reconciliation.repair.push("simulator", [])
