"""The review page: reading, deciding with keys or clicks, taking back, and who may."""

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

PAGE = "/accounts/acme/reviews"
UNSURE, CLEAR = "wrong number", "please take me off your list"


def only_text(services: Services) -> str:
    acme = services.store.directory.current().accounts["acme"]
    (item,) = services.reviews.queue(acme)
    return item.message.id


def sources(services: Services) -> set[Source | None]:
    acme = services.store.directory.current().accounts["acme"]
    return {block.source for block in services.consent.blocks(acme, PERSON)}


def test_an_empty_queue_says_what_it_is_for(owner: Visitor) -> None:
    assert "Nothing to read" in owner.get(PAGE).text


def test_a_held_text_is_shown_with_the_reason_and_three_decisions(owner: Visitor, client: FlaskClient) -> None:
    text(client, UNSURE)
    page = owner.get(PAGE).text
    for part in (UNSURE, "1 text waits", "Opt out", "Not an opt-out", "Wrong number", 'data-key="o"'):
        assert part in page


@pytest.mark.parametrize(
    ("decision", "said", "after"),
    [
        ("opt_out", "is opted out", {Source.KEYWORD}),
        ("not_opt_out", "may be texted as before", set()),
        ("wrong_number", "is a wrong number", {Source.ADMIN}),
    ],
)
def test_a_decision_is_made_and_the_next_text_comes(
    services: Services, owner: Visitor, client: FlaskClient, decision: str, said: str, after: set[Source]
) -> None:
    text(client, UNSURE)
    page = owner.post(f"{PAGE}/{only_text(services)}", {"decision": decision}).text
    assert said in page
    assert sources(services) == after


@pytest.mark.parametrize("decision", ["opt_out", "wrong_number"])
def test_a_decision_made_by_mistake_is_undone_at_once(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock, decision: str
) -> None:
    text(client, UNSURE)
    identifier = only_text(services)
    clock.sleep(60)
    assert "Undo" in owner.post(f"{PAGE}/{identifier}", {"decision": decision}).text
    clock.sleep(5)
    assert "Taken back" in owner.post(f"{PAGE}/{identifier}/undo").text
    assert sources(services) == set()


def test_g5_what_the_person_said_since_is_not_undone(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    text(client, UNSURE)
    identifier = only_text(services)
    clock.sleep(60)
    owner.post(f"{PAGE}/{identifier}", {"decision": "opt_out"})
    clock.sleep(60)
    text(client, "STOP", MessageSid="SM" + "7" * 32)
    clock.sleep(60)
    assert "Something happened to this number since" in owner.post(f"{PAGE}/{identifier}/undo").text
    assert sources(services) == {Source.KEYWORD}


def test_an_opt_out_by_free_words_is_taken_back_with_a_reason(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    text(client, CLEAR)
    clock.sleep(60)
    identifier = only_text(services)
    refused = owner.post(f"{PAGE}/{identifier}", {"decision": "not_opt_out"}).text
    assert "Say why this was not an opt-out" in refused
    done = owner.post(f"{PAGE}/{identifier}", {"decision": "not_opt_out", "reason": "a joke, they called"}).text
    assert "was taken back" in done
    assert sources(services) == set()


def test_a_text_that_somebody_else_decided_says_so(services: Services, owner: Visitor, client: FlaskClient) -> None:
    text(client, UNSURE)
    identifier = only_text(services)
    owner.post(f"{PAGE}/{identifier}", {"decision": "not_opt_out"})
    assert "somebody may have decided it" in owner.post(f"{PAGE}/{identifier}", {"decision": "opt_out"}).text
    assert sources(services) == set()


def test_a_colleague_reads_and_does_not_decide_and_a_stranger_finds_nothing(
    services: Services, colleague: Visitor, stranger: Visitor, client: FlaskClient
) -> None:
    text(client, UNSURE)
    identifier = only_text(services)
    assert UNSURE in colleague.get(PAGE).text
    colleague.post(f"{PAGE}/{identifier}", {"decision": "opt_out"}, status=403)
    stranger.get(PAGE, status=404)
    stranger.post(f"{PAGE}/{identifier}", {"decision": "opt_out"}, status=404)
    stranger.post(f"/accounts/globex/reviews/{identifier}", {"decision": "opt_out"})
    assert sources(services) == set()
