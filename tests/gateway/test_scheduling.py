"""The scheduled look at the carrier's list, and who is told of it: metrics and `stopgate doctor`."""

import re
import threading
from datetime import datetime, timedelta

import pytest

from gateway.doctor import examine
from gateway.services import Services, build
from gateway.settings import load_settings
from store.consent import Source
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_inbound import blocks
from tests.missed_texts import Missed, missed
from tests.webhooks import PERSON

__all__ = ["missed"]


def look(services: Services) -> list[str]:
    return services.reconciliation.look()


def listed_since(fake_twilio: FakeTwilio, clock: FakeClock) -> timedelta:
    """How far back the last look began."""
    first = fake_twilio.listed[0]["DateSent>"]
    fake_twilio.listed.clear()
    return clock.now() - datetime.fromisoformat(first)


def finding(services: Services) -> tuple[bool, str]:
    found = next(found for found in examine(services, services.settings) if found.about == "twilio list")
    return found.good, found.sentence


def test_it_looks_at_once_and_then_every_hour_over_the_last_day(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock, missed: Missed
) -> None:
    missed("STOP", hours=20)
    assert look(services) == ["twilio"]
    assert blocks(services) != []
    assert listed_since(fake_twilio, clock) == timedelta(hours=24)
    clock.pass_time(timedelta(minutes=59))
    assert look(services) == []
    clock.pass_time(timedelta(minutes=1))
    assert look(services) == ["twilio"]


def test_after_an_outage_of_ours_it_looks_back_to_before_the_outage(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock, missed: Missed
) -> None:
    look(services)
    clock.pass_time(timedelta(days=4))
    missed("STOP", days=3, hours=23)
    fake_twilio.listed.clear()
    assert look(services) == ["twilio"]
    assert listed_since(fake_twilio, clock) == timedelta(days=4, hours=1)
    assert blocks(services) != []


def test_nobody_else_looks_while_one_does(services: Services, fake_twilio: FakeTwilio) -> None:
    with services.store.reconciliation.running("twilio"):
        assert look(services) == []
    assert fake_twilio.listed == []
    assert look(services) == ["twilio"]


def test_a_look_that_failed_is_tried_again_after_five_minutes_and_the_doctor_says_why(
    services: Services, fake_twilio: FakeTwilio, clock: FakeClock
) -> None:
    fake_twilio.faults += ["20003"]
    assert look(services) == []
    good, sentence = finding(services)
    assert not good
    assert "TWILIO_AUTH_TOKEN" in sentence
    assert look(services) == []
    clock.pass_time(timedelta(minutes=5))
    assert look(services) == ["twilio"]
    assert finding(services)[0]


def test_the_doctor_says_when_it_was_last_looked_at_and_what_was_missing(
    services: Services, clock: FakeClock, missed: Missed
) -> None:
    assert finding(services) == (True, "not looked at yet; the sweeper does every 1:00:00.")
    missed("STOP", hours=2)
    look(services)
    good, sentence = finding(services)
    assert (good, "it had 1 texts nobody had seen" in sentence) == (True, True)
    clock.pass_time(timedelta(hours=3))
    assert not finding(services)[0]


def test_metrics_have_the_age_of_the_last_look_and_the_texts_taken_in(
    services: Services, clock: FakeClock, missed: Missed
) -> None:
    def figure(name: str) -> str | None:
        found = re.search(rf'^{name}{{carrier="twilio"}} (\S+)$', services.metrics.text().decode(), re.MULTILINE)
        return found[1] if found else None

    assert figure("stopgate_reconciliation_age_seconds") is None
    missed("STOP", hours=2)
    missed("hello", hours=1)
    look(services)
    clock.pass_time(timedelta(minutes=7))
    assert figure("stopgate_reconciliation_age_seconds") == "420.0"
    assert figure("stopgate_reconciliation_ingested_total") == "2.0"


def test_it_ends_when_the_process_is_to_end_and_goes_on_at_the_next_start(
    services: Services, fake_twilio: FakeTwilio, missed: Missed
) -> None:
    missed("STOP", hours=2)
    stopping = threading.Event()
    stopping.set()
    services.reconciliation.run(stopping)
    assert fake_twilio.listed == []
    assert look(services) == ["twilio"]


@pytest.mark.parametrize(
    ("changes", "looks"),
    [({}, ["twilio"]), ({"STOPGATE_RECONCILE_EVERY": "off"}, []), ({"STOPGATE_RECONCILE_EVERY": "2"}, ["twilio"])],
)
def test_it_can_be_switched_off(
    services: Services, environment: dict[str, str], clock: FakeClock, changes: dict[str, str], looks: list[str]
) -> None:
    changed = build(load_settings({**environment, **changes}), clock=clock)
    assert look(changed) == looks
    assert finding(changed)[0]
    changed.close()


@pytest.mark.parametrize(("switch", "pushed"), [("off", 0), ("on", 1)])
def test_the_carrier_is_told_of_opt_outs_only_where_that_is_switched_on(
    services: Services,
    environment: dict[str, str],
    clock: FakeClock,
    fake_twilio: FakeTwilio,
    switch: str,
    pushed: int,
) -> None:
    changed = build(load_settings({**environment, "TWILIO_CONSENT_PUSH": switch}), clock=clock)
    acme = changed.store.directory.current().accounts["acme"]
    changed.consent.opt_out(acme, PERSON, source=Source.API, actor="a program", sender="+15005550006")
    assert look(changed) == ["twilio"]
    assert len(fake_twilio.consents) == pushed
    clock.pass_time(timedelta(hours=1))
    changed.consent.opt_out(acme, "+14155550101", source=Source.API, actor="a program", sender="+15005550006")
    assert look(changed) == ["twilio"]
    assert len(fake_twilio.consents) == pushed, "once a day is enough"
    clock.pass_time(timedelta(hours=23))
    assert look(changed) == ["twilio"]
    told = [item["contact_id"] for items in fake_twilio.consents for item in items]
    assert told == [PERSON, "+14155550101"][: 2 * pushed], "what was told is not told again"
    changed.close()


def test_opt_outs_the_carrier_does_not_take_are_said_by_the_doctor(
    services: Services, environment: dict[str, str], clock: FakeClock, fake_twilio: FakeTwilio
) -> None:
    changed = build(load_settings({**environment, "TWILIO_CONSENT_PUSH": "on"}), clock=clock)
    acme = changed.store.directory.current().accounts["acme"]
    changed.consent.opt_out(acme, PERSON, source=Source.API, actor="a program", sender="+15005550006")
    fake_twilio.bad_contacts.add(PERSON)
    assert look(changed) == ["twilio"]
    assert "It did not take 1 opt-outs" in finding(changed)[1]
    changed.close()


def test_an_api_that_is_not_opened_for_us_is_said_by_the_doctor_and_the_look_counts(
    services: Services, environment: dict[str, str], clock: FakeClock, fake_twilio: FakeTwilio
) -> None:
    changed = build(load_settings({**environment, "TWILIO_CONSENT_PUSH": "on"}), clock=clock)
    acme = changed.store.directory.current().accounts["acme"]
    changed.consent.opt_out(acme, PERSON, source=Source.API, actor="a program", sender="+15005550006")
    fake_twilio.faults += ["", "20006"]
    assert look(changed) == ["twilio"]
    good, sentence = finding(changed)
    assert (good, "does not let this account use its Consent API" in sentence) == (True, True)
    clock.pass_time(timedelta(minutes=5))
    assert look(changed) == []
    changed.close()
