"""Runs that end early, are made to wait or meet another run: nothing is missed and nothing is taken in twice."""

import time
from datetime import timedelta

import pytest

from gateway.errors import CarrierError
from gateway.reconciling import Tally, Watch
from gateway.services import Services
from store.leases import AlreadyRunning
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_inbound import blocks, journal
from tests.missed_texts import GLOBEX, Missed, missed, reconcile

__all__ = ["missed"]


class _PowerCut(Exception):
    """The process ends here."""


def cut_after(pages: int) -> Watch:
    """A watcher that ends the run after some pages."""
    left = iter(range(pages))

    def on_page(_tally: Tally, _where: str) -> None:
        if next(left, None) is None:
            raise _PowerCut

    return Watch(lambda _seconds: None, on_page)


@pytest.mark.parametrize("pages", range(9))
def test_a_run_that_was_interrupted_goes_on_and_misses_nothing(
    services: Services, missed: Missed, fake_twilio: FakeTwilio, clock: FakeClock, pages: int
) -> None:
    people = [f"+1415555{number:04d}" for number in range(3)]
    for days, address in enumerate(people):
        missed("STOP", address=address, sender=GLOBEX, days=days, hours=2)
    wanted = {"since": clock.now() - timedelta(days=3), "account": "globex", "asked": "3d"}
    with pytest.raises(_PowerCut):
        reconcile(services, cut_after(pages), **wanted)
    looked_at = [query for query in fake_twilio.listed[:-1] if "DateSent<" in query]
    fake_twilio.listed.clear()
    clock.pass_time(timedelta(minutes=10))
    report = reconcile(services, **{**wanted, "since": clock.now() - timedelta(days=3)})
    assert report.resumed == (pages >= 2), "two looks a sender: one at its page, one at its end"
    assert [query for query in fake_twilio.listed if query in looked_at] == []
    assert all(blocks(services, address, "globex") for address in people)
    assert all(len(journal(services, address, "globex")) == 1 for address in people)


def test_another_request_does_not_go_on_where_the_interrupted_one_stopped(
    services: Services, missed: Missed, clock: FakeClock
) -> None:
    missed("STOP", days=2, hours=2)
    since = clock.now() - timedelta(days=3)
    with pytest.raises(_PowerCut):
        reconcile(services, cut_after(2), since=since, asked="3d")
    assert services.store.reconciliation.progress("twilio", "by_hand") is not None
    assert not reconcile(services, since=since, asked="2026-11-01").resumed


@pytest.mark.parametrize(
    ("faults", "pauses"),
    [
        (["20429"], [7]),
        (["20503"], [1]),
        (["20500", "20503", "20429"], [1, 2, 7]),
        (["proxy page"], [1]),
    ],
)
def test_a_carrier_that_is_busy_is_asked_again_after_a_while(
    services: Services, missed: Missed, fake_twilio: FakeTwilio, faults: list[str], pauses: list[float]
) -> None:
    missed("STOP", hours=3)
    fake_twilio.faults += faults
    waited: list[float] = []
    assert reconcile(services, Watch(waited.append)).tally.opt_outs == 1
    assert waited == pauses


def test_a_carrier_that_stays_away_ends_the_run_and_the_same_request_goes_on(
    services: Services, missed: Missed, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    missed("STOP", sender=GLOBEX, hours=3)
    wanted = {"since": clock.now() - timedelta(days=2), "account": "globex", "asked": "2d"}
    fake_twilio.faults += ["", "", *["20503"] * 7]
    with pytest.raises(CarrierError, match="did not answer for its list of texts"):
        reconcile(services, **wanted)
    report = reconcile(services, **wanted)
    assert (report.resumed, report.tally.opt_outs) == (True, 1)


def test_credentials_that_are_not_accepted_end_the_run_with_one_sentence(
    services: Services, fake_twilio: FakeTwilio
) -> None:
    fake_twilio.faults += ["20003"]
    with pytest.raises(CarrierError, match="Check TWILIO_ACCOUNT_SID") as caught:
        reconcile(services)
    assert caught.value.hopeless


def test_one_sender_that_is_refused_keeps_no_other_from_being_looked_at_and_is_asked_for_again(
    services: Services, missed: Missed, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    missed("STOP", sender="72975", hours=3)
    missed("STOP", sender=GLOBEX, days=1, hours=3)
    wanted = {"since": clock.now() - timedelta(days=2), "account": "globex", "asked": "2d"}
    fake_twilio.faults += ["20404"]
    report = reconcile(services, **wanted)
    assert report.problems == (f"{GLOBEX}: Twilio refused its list of texts (HTTP 404).",)
    assert report.tally == Tally(ingested=1, opt_outs=1)
    again = reconcile(services, **wanted)
    assert (again.resumed, again.problems) == (True, ())
    assert again.tally == Tally(seen=1, ingested=1, opt_outs=1)


def test_one_at_a_time_by_a_token_that_expires(services: Services, missed: Missed) -> None:
    missed("STOP", hours=3)
    kept = services.store.reconciliation
    with kept.running("twilio"), pytest.raises(AlreadyRunning):
        reconcile(services)
    with kept.running("twilio", lease=timedelta(milliseconds=20)) as lost:
        time.sleep(0.05)
        assert reconcile(services).tally.ingested == 1
        with pytest.raises(AlreadyRunning, match="took over"):
            lost.renew()


def test_a_run_that_lost_its_lock_stops(services: Services, missed: Missed) -> None:
    missed("STOP", hours=3)

    def steal(_tally: Tally, _where: str) -> None:
        services.store.client.set("{config}:reconciliation:twilio:lock", "another's token")

    with pytest.raises(AlreadyRunning):
        reconcile(services, Watch(lambda _seconds: None, steal), since=services.clock.now() - timedelta(days=3))
    assert services.store.client.get("{config}:reconciliation:twilio:lock") == b"another's token"
