"""The events page: addresses, their log, sending again; and the page of texts that found nobody."""

from flask.testing import FlaskClient

from gateway.services import Services
from store.events import Delivery, Event
from tests.console.conftest import Visitor
from tests.webhooks import text

PAGE = "/accounts/acme/events"
URL = "https://example.com/hook"


def only_endpoint(services: Services) -> str:
    (endpoint,) = services.store.events.endpoints("acme")
    return endpoint.id


def test_an_address_is_added_and_its_secret_shown_once(services: Services, owner: Visitor) -> None:
    assert "No program is told" in owner.get(PAGE).text
    made = owner.post(PAGE, {"url": URL, "kinds": ["opted_out", "held"], "note": "our CRM"}).text
    (endpoint,) = services.store.events.endpoints("acme")
    assert endpoint.secret in made
    assert endpoint.secret not in owner.get(PAGE).text
    assert endpoint.kinds == ("opted_out", "held")
    assert "our CRM" in owner.get(f"{PAGE}/{endpoint.id}").text


def test_what_is_wrong_with_an_address_stands_beside_it(owner: Visitor) -> None:
    page = owner.post(PAGE, {"url": "http://example.com/", "note": "kept"}, status=422).text
    assert "has to begin with https://" in page
    assert 'value="kept"' in page


def test_an_address_is_switched_off_changed_and_removed_after_asking(services: Services, owner: Visitor) -> None:
    owner.post(PAGE, {"url": URL})
    path = f"{PAGE}/{only_endpoint(services)}"
    owner.post(path, {"to": "off"}, status=204, follow=False, headers={"X-Requested-With": "console"})
    assert services.store.events.endpoints("acme")[0].active is False
    owner.post(path, {"url": f"{URL}/2", "kinds": ["held"], "note": ""})
    assert services.store.events.endpoints("acme")[0].url == f"{URL}/2"
    assert "Send no more events there?" in owner.get(f"{path}/remove").text
    assert services.store.events.endpoints("acme")
    owner.post(f"{path}/remove", {"confirmed": "yes"})
    assert services.store.events.endpoints("acme") == []
    changes = services.store.configuration_journal.newest("acme", count=10)
    assert [change.area for change in changes[:4]] == ["events"] * 4


def test_a_delivery_that_was_given_up_is_sent_again(services: Services, owner: Visitor) -> None:
    owner.post(PAGE, {"url": URL})
    endpoint, now = only_endpoint(services), services.clock.now()
    services.store.events.append("acme", [Event("07-1-0", "held", now, {})])
    services.store.events.save_delivery(
        "acme", Delivery(endpoint, "07-1-0", "held", "dead", 11, now, now, answer="500")
    )
    page = owner.get(f"{PAGE}/{endpoint}").text
    assert "given up" in page
    assert "sent again" in owner.post(f"{PAGE}/{endpoint}/deliveries/07-1-0").text
    delivery = services.store.events.delivery("acme", endpoint, "07-1-0")
    assert delivery is not None
    assert delivery.status == "waiting"


def test_a_colleague_and_a_stranger_get_nowhere(
    services: Services, owner: Visitor, colleague: Visitor, stranger: Visitor
) -> None:
    owner.post(PAGE, {"url": URL})
    endpoint = only_endpoint(services)
    for path in (PAGE, f"{PAGE}/{endpoint}", f"{PAGE}/{endpoint}/remove"):
        colleague.get(path, status=403)
        stranger.get(path, status=404)
    stranger.get(f"/accounts/globex/events/{endpoint}", status=404)
    stranger.post(f"/accounts/globex/events/{endpoint}", {"to": "off"}, status=404)


def test_texts_that_found_nobody_are_shown_to_the_operator_and_handled_later(
    services: Services, owner: Visitor, operator: Visitor, client: FlaskClient
) -> None:
    page = "/accounts/acme/unrouted"
    assert "Every text found its account" in operator.get(page).text
    text(client, "hello?", To="+12025550188")
    assert "nobody has it" in operator.get(page).text
    owner.get(page, status=403)
    toml = '[[accounts]]\nid = "new"\nname = "New"\nsenders = [{ address = "+12025550188", carrier = "twilio", kind = "long_code" }]\n'
    services.configuration.apply(services.configuration.plan(services.configuration.read(toml)))
    assert "Handle 1 text now" in operator.get(page).text
    assert "1 text was handled" in operator.post(page).text
    assert "Every text found its account" in operator.get(page).text
