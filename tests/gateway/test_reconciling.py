"""Texts whose webhook never came are taken in late: twilio's own client, a fake Twilio, a real Valkey."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from gateway.errors import GatewayError
from gateway.reconciling import Tally
from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_consent_flows import configure
from tests.gateway.test_inbound import blocks, journal, sid
from tests.missed_texts import GLOBEX, SENDER, SERVICE, Missed, missed, reconcile
from tests.webhooks import PERSON, text

__all__ = ["missed"]


def test_a_stop_missed_during_an_outage_is_taken_in_and_blocks_since_it_was_sent(
    services: Services, missed: Missed, clock: FakeClock
) -> None:
    identifier = missed("STOP", hours=3)
    report = reconcile(services)
    assert report.tally == Tally(ingested=1, opt_outs=1)
    assert blocks(services) == [("account", "text", "keyword"), ("account", "voice", "keyword")]
    (entry,) = journal(services)
    assert entry.occurred_at == clock.now() - timedelta(hours=3)
    assert (entry.detail["carrier_id"], entry.detail["text"]) == (identifier, "STOP")
    (message,) = services.store.messages.thread("acme", PERSON)
    assert message.created_at == clock.now() - timedelta(hours=3)


@pytest.mark.parametrize(
    ("minutes", "sent", "validity"),
    [(2, ["accepted"], "180"), (4.5, ["accepted"], "30"), (5, [], None), (6, [], None), (180, [], None)],
)
def test_g4_a_confirmation_goes_out_within_five_minutes_of_the_text_or_not_at_all(
    services: Services,
    missed: Missed,
    send_jobs: Jobs,
    fake_twilio: FakeTwilio,
    minutes: float,
    sent: list[str],
    validity: str | None,
) -> None:
    missed("STOP", minutes=minutes)
    reconcile(services)
    assert send_jobs() == sent
    assert [message["ValidityPeriod"] for message in fake_twilio.sent] == ([validity] if validity else [])


def test_a_confirmation_that_was_too_late_does_not_use_up_the_one_for_the_next_stop(
    services: Services, client: FlaskClient, missed: Missed, send_jobs: Jobs
) -> None:
    missed("STOP", hours=3)
    reconcile(services)
    text(client, "STOP")
    assert send_jobs() == ["accepted"]


@pytest.mark.parametrize("body", ["START", "HELP"])
def test_other_answers_that_are_too_late_are_not_sent_either(
    services: Services, missed: Missed, send_jobs: Jobs, body: str
) -> None:
    missed("STOP", hours=4)
    missed(body, hours=3)
    reconcile(services)
    assert send_jobs() == []


def test_g7_a_start_that_came_after_the_missed_stop_is_not_overridden(
    services: Services, client: FlaskClient, missed: Missed
) -> None:
    text(client, "START")
    missed("STOP", hours=3)
    report = reconcile(services)
    assert report.tally == Tally(ingested=1, opt_outs=1, stale=1)
    assert blocks(services) == []
    (line,) = report.stale
    assert "•" in line
    assert PERSON not in line


def test_g7_a_missed_start_does_not_lift_a_stop_that_came_after_it(
    services: Services, client: FlaskClient, missed: Missed
) -> None:
    text(client, "STOP")
    missed("START", hours=3)
    assert reconcile(services).tally == Tally(ingested=1, stale=1)
    assert blocks(services) != []


@pytest.mark.parametrize(
    ("texts", "blocked"),
    [(["STOP", "START"], False), (["START", "STOP"], True), (["STOP", "START", "STOP"], True)],
)
@pytest.mark.parametrize("a_page", [1, 1000])
def test_g7_of_several_missed_texts_the_last_one_counts_whatever_the_order_of_the_list(
    services: Services, missed: Missed, fake_twilio: FakeTwilio, texts: list[str], blocked: bool, a_page: int
) -> None:
    fake_twilio.most_a_page = a_page
    for hours, body in zip((9, 6, 3), texts, strict=False):
        missed(body, hours=hours)
    reconcile(services)
    assert bool(blocks(services)) is blocked


def test_missed_texts_are_taken_in_in_the_order_they_were_sent(services: Services, missed: Missed) -> None:
    """The START lifts the person's own STOP and leaves what an admin entered."""
    acme = services.store.directory.current().accounts["acme"]
    long_ago = services.clock.now() - timedelta(hours=20)
    services.consent.opt_out(acme, PERSON, source=Source.ADMIN, actor="ann", occurred_at=long_ago)
    missed("STOP", hours=6)
    missed("START", hours=3)
    reconcile(services)
    assert [entry.outcome for entry in journal(services)][:3] == ["opted_out", "opted_out", "lifted"]
    assert {source for _, _, source in blocks(services)} == {"admin"}


def test_g3_what_a_webhook_brought_and_what_a_run_took_in_is_not_taken_in_again(
    services: Services, client: FlaskClient, fake_twilio: FakeTwilio, missed: Missed, send_jobs: Jobs
) -> None:
    text(client, "STOP", MessageSid=sid(1))
    fake_twilio.got(sid(1), SENDER, PERSON, "STOP", services.clock.now() - timedelta(minutes=2))
    missed("HELP", minutes=3)
    assert reconcile(services).tally == Tally(seen=1, ingested=1)
    entries = journal(services)
    assert reconcile(services).tally == Tally(seen=2)
    assert journal(services) == entries
    assert sorted(send_jobs()) == ["accepted", "accepted"]


def test_g3_a_webhook_that_comes_after_all_changes_nothing(
    services: Services, client: FlaskClient, missed: Missed, send_jobs: Jobs
) -> None:
    identifier = missed("STOP", minutes=2)
    reconcile(services)
    assert text(client, "STOP", MessageSid=identifier).status_code == 200
    assert len(journal(services)) == 1
    assert send_jobs() == ["accepted"]


def test_a_text_that_is_seconds_old_is_left_to_its_webhook(services: Services, missed: Missed) -> None:
    missed("STOP", seconds=30)
    assert reconcile(services).tally == Tally(too_new=1)
    assert blocks(services) == []


@pytest.mark.parametrize("a_page", [1, 2, 3, 1000])
def test_all_pages_of_the_list_are_read(
    services: Services, fake_twilio: FakeTwilio, missed: Missed, a_page: int
) -> None:
    fake_twilio.most_a_page = a_page
    people = [f"+1415555{number:04d}" for number in range(7)]
    for hours, address in enumerate(people, start=1):
        missed("STOP", address=address, hours=hours)
    assert reconcile(services).tally == Tally(ingested=7, opt_outs=7)
    assert all(blocks(services, address) for address in people)
    assert all(query["PageSize"] == "1000" for query in fake_twilio.listed)


def test_only_texts_to_our_own_senders_are_taken_in(
    services: Services, fake_twilio: FakeTwilio, missed: Missed, clock: FakeClock
) -> None:
    missed("STOP", sender="+13125550123", hours=3)
    at = clock.now() - timedelta(hours=2)
    fake_twilio.got(sid(1), PERSON, SENDER, "Hello", at, direction="outbound-api")
    assert reconcile(services).tally == Tally()
    assert services.store.client.xlen("{config}:unrouted") == 0


def test_a_text_to_a_number_of_a_messaging_service_is_found_by_the_service(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    at = clock.now() - timedelta(hours=2)
    fake_twilio.got(sid(1), "+13125550123", PERSON, "STOP", at, messaging_service_sid=SERVICE)
    assert reconcile(services).tally == Tally(ingested=1, opt_outs=1)
    assert blocks(services) != []
    assert all("To" not in query for query in fake_twilio.listed)


def test_without_a_messaging_service_each_sender_is_asked_for_by_its_number(
    services: Services, fake_twilio: FakeTwilio, missed: Missed
) -> None:
    missed("STOP", sender=GLOBEX, hours=3)
    missed("STOP", sender=SENDER, hours=3)
    assert reconcile(services, account="globex").tally == Tally(ingested=1, opt_outs=1)
    assert [query["To"] for query in fake_twilio.listed] == [GLOBEX, "72975"]
    assert blocks(services) == []


def test_since_and_until_are_kept_to_the_second(services: Services, missed: Missed, clock: FakeClock) -> None:
    for number, hours in enumerate((10, 8, 6, 4)):
        missed("HELP", address=f"+1415555{number:04d}", hours=hours)
    since, until = clock.now() - timedelta(hours=8), clock.now() - timedelta(hours=4)
    assert reconcile(services, since=since, until=until).tally.ingested == 2


def test_a_carrier_that_filters_by_whole_days_lists_more_and_nothing_more_is_taken_in(
    services: Services, missed: Missed, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documentation speaks of days; whether the time of day counts is not said."""
    monkeypatch.setattr("tests.fake_twilio.FakeTwilio._fits", staticmethod(lambda message, query: True))
    missed("HELP", hours=50)
    missed("STOP", hours=30)
    report = reconcile(services, since=clock.now() - timedelta(hours=40))
    assert report.tally == Tally(ingested=1, opt_outs=1)


def test_a_dry_run_counts_and_changes_nothing(
    services: Services, client: FlaskClient, missed: Missed, fake_twilio: FakeTwilio
) -> None:
    text(client, "HELP", MessageSid=sid(1))
    fake_twilio.got(sid(1), SENDER, PERSON, "HELP", services.clock.now() - timedelta(minutes=2))
    missed("STOP", hours=3)
    missed("hello", hours=2)

    def everything() -> dict[bytes, bytes]:
        return {key: services.store.client.dump(key) for key in services.store.client.scan_iter()}  # type: ignore[misc]

    services.queue.flush()
    before = everything()
    assert reconcile(services, dry_run=True).tally == Tally(seen=1, ingested=2, opt_outs=1)
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"carrier": "simulator"}, "keeps no list"),
        ({"carrier": "telnyx"}, "not switched on"),
        ({"account": "nobody"}, "no account 'nobody'"),
        ({"since": datetime(2020, 1, 1, tzinfo=UTC)}, "390 days at most"),
    ],
)
def test_what_cannot_be_reconciled_is_refused_with_a_sentence(
    services: Services, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(GatewayError, match=sentence):
        reconcile(services, **changes)


def test_a_picture_without_words_and_a_redacted_body_are_taken_in_as_empty_texts(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    fake_twilio.got(sid(1), SENDER, PERSON, "", clock.now() - timedelta(hours=1), num_media="2")
    fake_twilio.inbox[0]["body"] = None
    assert reconcile(services).tally == Tally(ingested=1)
    (message,) = services.store.messages.thread("acme", PERSON)
    assert (message.body, message.extra["media"]) == ("", "2")


@pytest.mark.parametrize(
    ("body", "tally", "blocked"),
    [
        ("please stop texting me", Tally(ingested=1, opt_outs=1), True),
        ("ARRET", Tally(ingested=1, opt_outs=1), True),
        ("wrong number", Tally(ingested=1, opt_outs=1, held=1), False),
        ("see you at 5", Tally(ingested=1), False),
    ],
)
def test_missed_texts_are_read_by_the_same_engine_as_all_others(
    services: Services, missed: Missed, send_jobs: Jobs, body: str, tally: Tally, blocked: bool
) -> None:
    missed(body, hours=3)
    assert reconcile(services).tally == tally
    assert bool(blocks(services)) is blocked
    assert send_jobs() == []


def test_the_deadline_of_a_held_text_runs_from_when_it_was_sent(
    services: Services, missed: Missed, clock: FakeClock
) -> None:
    missed("wrong number", hours=20)
    reconcile(services)
    (load,) = [load for load in services.reviews.load() if load.held]
    assert load.oldest == clock.now() - timedelta(hours=20)


def test_who_wanted_to_join_hours_ago_and_has_opted_out_is_not_asked_and_no_question_waits(
    services: Services, client: FlaskClient, missed: Missed, send_jobs: Jobs, clock: FakeClock
) -> None:
    configure(services)
    text(client, "STOP")
    send_jobs()
    clock.pass_time(timedelta(hours=9))
    missed("NEWS", hours=3)
    assert reconcile(services).tally == Tally(ingested=1)
    assert send_jobs() == []
    text(client, "Y", MessageSid=sid(9))
    assert blocks(services) != []
