"""Twilio's list of messages and its Consent API, by twilio's own client over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.carriers.base import InboundPage, InboundQuery, KnownOptOut, ListsInbound, TakesOptOuts
from gateway.carriers.simulator import Simulator
from gateway.carriers.twilio import Twilio
from gateway.errors import CarrierError
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN
from tests.fake_twilio import FakeTwilio

SENDER, PERSON = "+12025550100", "+14155550100"
AT = datetime(2026, 11, 20, 8, 0, 5, tzinfo=UTC)


@pytest.fixture
def twilio(fake_twilio: FakeTwilio) -> Twilio:
    return Twilio(ACCOUNT_SID, [AUTH_TOKEN], timeout=1, api_base_url=fake_twilio.url)


def query(**changes: object) -> InboundQuery:
    return InboundQuery(**{"sender": SENDER, "since": AT - timedelta(hours=1), **changes})  # type: ignore[arg-type]


def all_pages(twilio: Twilio, asked: InboundQuery) -> list[InboundPage]:
    pages = [twilio.inbound_page(asked)]
    while pages[-1].next_page:
        pages.append(twilio.inbound_page(query(page=pages[-1].next_page)))
    return pages


def test_what_a_carrier_can_do_besides_is_seen_by_its_methods() -> None:
    twilio = Twilio(ACCOUNT_SID, [AUTH_TOKEN])
    assert isinstance(twilio, ListsInbound)
    assert isinstance(twilio, TakesOptOuts)
    simulator = Simulator("a secret", lambda: "x")
    assert not isinstance(simulator, ListsInbound | TakesOptOuts)


def test_a_listed_text_is_the_one_its_webhook_would_have_brought_with_its_time(
    twilio: Twilio, fake_twilio: FakeTwilio
) -> None:
    fake_twilio.got(
        "SM1", SENDER, "whatsapp:" + PERSON, " St\x00op \U0001f6d1", AT, num_media="3", messaging_service_sid="MG1"
    )
    (found,) = twilio.inbound_page(query()).texts
    assert (found.carrier, found.carrier_id, found.sender, found.address) == ("twilio", "SM1", SENDER, PERSON)
    assert (found.body, found.service, found.media, found.received_at) == (" Stop \U0001f6d1", "MG1", 3, AT)


def test_the_list_is_asked_for_one_sender_and_a_time_with_the_largest_page(
    twilio: Twilio, fake_twilio: FakeTwilio
) -> None:
    twilio.inbound_page(query(until=AT))
    twilio.inbound_page(query(sender=""))
    assert fake_twilio.listed == [
        {"To": SENDER, "DateSent>": "2026-11-20T07:00:05Z", "DateSent<": "2026-11-20T08:00:05Z", "PageSize": "1000"},
        {"DateSent>": "2026-11-20T07:00:05Z", "PageSize": "1000"},
    ]


@pytest.mark.parametrize(("size", "pages"), [(1, 5), (2, 3), (5, 1), (1000, 1)])
def test_pages_follow_the_carriers_own_links(twilio: Twilio, fake_twilio: FakeTwilio, size: int, pages: int) -> None:
    fake_twilio.most_a_page = size
    for number in range(5):
        fake_twilio.got(f"SM{number}", SENDER, PERSON, "STOP", AT + timedelta(minutes=number))
    found = all_pages(twilio, query())
    assert len(found) == pages
    assert sorted(text.carrier_id for page in found for text in page.texts) == [f"SM{number}" for number in range(5)]


@pytest.mark.parametrize(
    "changes", [{"direction": "outbound-api"}, {"direction": "outbound-reply"}, {"from": None}, {"to": ""}]
)
def test_what_is_no_text_of_a_person_to_us_is_left_out(
    twilio: Twilio, fake_twilio: FakeTwilio, changes: dict[str, str | None]
) -> None:
    fake_twilio.got("SM1", SENDER, PERSON, "Hello", AT, **changes)
    assert twilio.inbound_page(query(sender="")).texts == []


@pytest.mark.parametrize(
    ("fault", "again", "hopeless", "wait"),
    [
        ("20003", False, True, None),
        ("20006", False, True, None),
        ("20404", False, False, None),
        ("20429", True, False, timedelta(seconds=7)),
        ("20500", True, False, None),
        ("20503", True, False, None),
        ("proxy page", True, False, None),
    ],
)
def test_errors_of_the_list_say_whether_to_ask_again(
    twilio: Twilio, fake_twilio: FakeTwilio, fault: str, again: bool, hopeless: bool, wait: timedelta | None
) -> None:
    fake_twilio.faults += [fault]
    with pytest.raises(CarrierError) as caught:
        twilio.inbound_page(query())
    assert (caught.value.again, caught.value.hopeless, caught.value.retry_after) == (again, hopeless, wait)
    assert AUTH_TOKEN not in str(caught.value)


def test_a_page_that_is_no_json_and_a_server_that_is_not_there_are_asked_again(fake_twilio: FakeTwilio) -> None:
    nowhere = Twilio(ACCOUNT_SID, [AUTH_TOKEN], timeout=1, api_base_url="http://127.0.0.1:9")
    with pytest.raises(CarrierError, match="could not be reached") as caught:
        nowhere.inbound_page(query())
    assert caught.value.again


def opt_out(number: int) -> KnownOptOut:
    return KnownOptOut(f"{number:032x}", "MG1", f"+1415555{number:04d}", AT, "text")


def test_consents_are_told_with_an_answer_for_each(twilio: Twilio, fake_twilio: FakeTwilio) -> None:
    fake_twilio.bad_contacts.add("+14155550002")
    told = twilio.tell_opt_outs([opt_out(number) for number in range(1, 4)])
    assert [answer.problem for answer in told] == ["", "code 30646: INVALID_CONTACT_ID", ""]
    ((first, *_),) = fake_twilio.consents
    assert first == {
        "contact_id": "+14155550001",
        "correlation_id": f"{1:032x}",
        "sender_id": "MG1",
        "status": "opt-out",
        "source": "opt-out-message",
        "date_of_consent": "2026-11-20T08:00:05Z",
    }


def test_an_item_the_answer_does_not_mention_counts_as_not_taken(
    twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fake_twilio.FakeTwilio.consent", lambda _self, _form: {"items": None})
    (answer,) = twilio.tell_opt_outs([opt_out(1)])
    assert answer.problem == "Twilio did not say what became of it"


@pytest.mark.parametrize(
    ("fault", "again", "hopeless"),
    [
        ("20003", False, True),
        ("20006", False, True),
        ("20429", True, False),
        ("20503", True, False),
        ("20404", False, False),
    ],
)
def test_errors_of_the_consent_api_say_whether_to_ask_again(
    twilio: Twilio, fake_twilio: FakeTwilio, fault: str, again: bool, hopeless: bool
) -> None:
    fake_twilio.faults += [fault]
    with pytest.raises(CarrierError) as caught:
        twilio.tell_opt_outs([opt_out(1)])
    assert (caught.value.again, caught.value.hopeless) == (again, hopeless)
