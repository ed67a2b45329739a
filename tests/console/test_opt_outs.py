"""The list of opt-outs: filters in the address, pasted numbers, exports of what is shown, lifting many."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

PAGE = "/accounts/acme/opt-outs"
ENTERED = "+12025550143"


@pytest.fixture
def some(services: Services, client: FlaskClient, clock: FakeClock) -> None:
    """A person's own STOP, and a number that a colleague entered for texts alone."""
    text(client, "STOP")
    clock.pass_time(timedelta(minutes=5))
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, ENTERED, source=Source.ADMIN, actor="user ann", note="said so in the shop")


def test_an_empty_list_says_how_it_fills(owner: Visitor) -> None:
    assert "Nobody opted out yet" in owner.get(PAGE).text


def test_each_number_is_shown_with_since_when_how_and_for_what(owner: Visitor, some: None) -> None:
    page = owner.get(PAGE).text
    for part in ("(415) 555-0100", "(202) 555-0143", "texts and calls", "said so in the shop", "everything"):
        assert part in page, part


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("number=%28415%29+555-0100", {PERSON}), ("number=%2B1202", {ENTERED}), ("number=1415", {PERSON}),
        ("type=person", {PERSON}), ("type=staff", {ENTERED}), ("source=keyword", {PERSON}), ("source=import", set()),
        ("channel=voice", {PERSON, ENTERED}), ("sender=55555", set()), ("since=2000-01-01", {PERSON, ENTERED}),
        ("until=2000-01-01", set()), ("added_since=2000-01-01", {PERSON, ENTERED}), ("sort=number", {PERSON, ENTERED}),
        ("type=nonsense&cursor=junk&sort=nothing", {PERSON, ENTERED}),
    ],
)  # fmt: skip
def test_filters_stand_in_the_address_and_the_export_is_what_is_shown(
    owner: Visitor, some: None, query: str, shown: set[str]
) -> None:
    page = owner.get(f"{PAGE}?{query}").text
    assert {number for number in (PERSON, ENTERED) if f"numbers/{number}" in page} == shown
    exported = owner.get(f"{PAGE}/export?{query}&format=csv").get_data(as_text=True)
    assert {number for number in (PERSON, ENTERED) if number in exported} == shown


def test_the_list_is_sorted_by_number_both_ways(owner: Visitor, some: None) -> None:
    for sort, first in (("number", ENTERED), ("-number", PERSON)):
        page = owner.get(f"{PAGE}?sort={sort}").text
        order = sorted((page.index(f"numbers/{number}"), number) for number in (PERSON, ENTERED))
        assert order[0][1] == first


def test_what_is_no_number_cannot_be_looked_for(owner: Visitor, some: None) -> None:
    assert "cannot be looked for" in owner.get(f"{PAGE}?number=hello").text
    owner.get(f"{PAGE}/export?number=hello", status=400)
    owner.get(f"{PAGE}/export?format=doc", status=404)


def test_a_pasted_list_is_added_and_what_is_no_number_is_named(services: Services, owner: Visitor) -> None:
    form = {
        "numbers": "(415) 555-0101, 415 555 0102\n+1 415 555 0103; hello",
        "channels": "text",
        "note": "from the desk",
    }
    page = owner.post(PAGE, form).text
    assert "3 newly opted out" in page
    assert "“hello”: A phone number has no letters" in page
    acme = services.store.directory.current().accounts["acme"]
    (block,) = services.consent.blocks(acme, "+14155550102")
    assert (block.source, block.channel.value) == (Source.ADMIN, "text")


def test_nothing_pasted_is_said_beside_the_field(owner: Visitor) -> None:
    assert "There is no number in the request" in owner.post(PAGE, {"numbers": " "}, status=422).text


def test_g5_many_are_lifted_with_a_reason_and_a_persons_own_stop_stays(
    services: Services, owner: Visitor, some: None, clock: FakeClock
) -> None:
    clock.pass_time(timedelta(minutes=1))
    asked = owner.post(f"{PAGE}/lift", {"all": "yes"}).text
    assert "Opt 2 numbers in again?" in asked
    refused = owner.post(f"{PAGE}/lift", {"numbers": [ENTERED], "confirmed": "yes", "reason": "wrong file"}).text
    assert "Say that these people agreed" in refused
    form = {"numbers": [ENTERED, PERSON], "confirmed": "yes", "agreed": "yes", "reason": "wrong file"}
    page = owner.post(f"{PAGE}/lift", form).text
    assert "1 may be reached again" in page
    assert "1 opted out themselves" in page
    acme = services.store.directory.current().accounts["acme"]
    assert [result.allowed for result in services.consent.check(acme, [ENTERED, PERSON])] == [True, False]


def test_nothing_ticked_lifts_nothing(owner: Visitor, some: None) -> None:
    assert "Tick some numbers first" in owner.post(f"{PAGE}/lift", {}).text


def test_a_colleague_adds_and_looks_and_a_stranger_sees_nothing(
    services: Services, colleague: Visitor, stranger: Visitor, some: None
) -> None:
    assert "(415) 555-0100" in colleague.get(PAGE).text
    colleague.post(PAGE, {"numbers": "415 555 0155"})
    acme = services.store.directory.current().accounts["acme"]
    assert {block.source for block in services.consent.blocks(acme, "+14155550155")} == {Source.AGENT}
    colleague.post(f"{PAGE}/lift", {"numbers": [ENTERED]}, status=403)
    colleague.get(f"{PAGE}/export", status=403)
    stranger.get(PAGE, status=404)
    stranger.get(f"{PAGE}/export", status=404)
    assert "Nobody opted out yet" in stranger.get("/accounts/globex/opt-outs").text
