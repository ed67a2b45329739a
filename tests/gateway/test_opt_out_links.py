"""Opt-out links: for senders that cannot receive texts, and for print."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.errors import NotAllowed
from gateway.opt_out_links import OptOutLinks
from gateway.services import Services
from store.consent import Source
from tests.conftest import PUBLIC_URL, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON


def path_of(services: Services, sender: str = "ACME", account: str = "acme") -> str:
    owner = services.store.directory.current().accounts[account]
    return services.opt_out_links.link(owner, sender, PERSON).removeprefix(PUBLIC_URL)


def sources(services: Services) -> list[Source | None]:
    acme = services.store.directory.current().accounts["acme"]
    return [block.source for block in services.consent.blocks(acme, PERSON)]


def test_looking_at_a_link_changes_nothing_and_its_button_opts_out(services: Services, client: FlaskClient) -> None:
    """Programs that check links in texts open them (US-3)."""
    path = path_of(services)
    for _ in range(2):
        page = client.get(path)
        assert (page.status_code, sources(services)) == (200, [])
        assert "Stop messages from Acme" in page.text
    assert client.head(path).status_code == 200
    assert sources(services) == []
    answer = client.post(path)
    assert (answer.status_code, answer.location) == (303, path)
    assert sources(services) == [Source.LINK, Source.LINK]  # texts and calls
    assert "You are opted out" in client.get(path).text


def test_g5_what_a_person_did_by_link_no_colleague_lifts(services: Services, client: FlaskClient) -> None:
    client.post(path_of(services))
    acme = services.store.directory.current().accounts["acme"]
    with pytest.raises(NotAllowed, match="Only they can come back"):
        services.consent.lift(acme, PERSON, source=Source.ADMIN, actor="ann", reason="asked on the phone")


def test_a_page_shows_no_more_of_a_number_than_its_end(services: Services, client: FlaskClient) -> None:
    path = path_of(services)
    page = client.get(path).text
    assert PERSON[-4:] in page
    assert PERSON[1:] not in page
    assert PERSON[2:-4] not in page


@pytest.mark.parametrize("change", ["first", "last", "cut", "longer", "other"])
def test_a_link_that_we_did_not_make_is_not_found(services: Services, client: FlaskClient, change: str) -> None:
    token = path_of(services).removeprefix("/o/")
    forged = {
        "first": ("B" if token[0] == "A" else "A") + token[1:],
        "last": token[:-1] + ("B" if token[-1] == "A" else "A"),
        "cut": token[:-4],
        "longer": token + "AAAA",
        "other": "not-a-token-at-all-\u00e9",
    }[change]
    assert client.get(f"/o/{forged}").status_code == 404
    assert client.post(f"/o/{forged}").status_code == 404
    assert sources(services) == []


def test_links_of_another_installation_are_not_found(services: Services, client: FlaskClient) -> None:
    acme = services.store.directory.current().accounts["acme"]
    other = OptOutLinks(services.store, services.clock, services.consent, secret="other", public_url=PUBLIC_URL)
    assert client.get(other.link(acme, "ACME", PERSON).removeprefix(PUBLIC_URL)).status_code == 404


@pytest.mark.parametrize(
    ("languages", "title"),
    [
        ("es-MX,es;q=0.9", "Dejar de recibir mensajes de Acme"),
        ("fr-CA", "Ne plus recevoir de messages de Acme"),
        ("pt-BR", "Deixar de receber mensagens de Acme"),
        ("de", "Keine Nachrichten mehr von Acme"),
        ("ja", "Stop messages from Acme"),
    ],
)
def test_a_page_speaks_the_persons_language(
    services: Services, client: FlaskClient, languages: str, title: str
) -> None:
    assert title in client.get(path_of(services), headers={"Accept-Language": languages}).text


def test_who_can_text_the_sender_is_told_the_way_back(services: Services, client: FlaskClient) -> None:
    path = path_of(services, "+12025550100")
    client.post(path)
    assert "text START to +1 202-555-0100" in client.get(path).text
    path = path_of(services, "ACME")
    assert "START" not in client.get(path).text


def test_a_text_carries_the_persons_own_link(
    services: Services, client: FlaskClient, api: Callable[..., Any], send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    status, _ = api("POST", "/messages", {"from": "ACME", "to": PERSON, "body": "Sale! Stop: {opt_out_link}"})
    assert status == 202
    send_jobs()
    (sent,) = fake_twilio.sent
    path = sent["Body"].removeprefix("Sale! Stop: ").removeprefix(PUBLIC_URL)
    assert path == path_of(services)
    assert client.post(path).status_code == 303
    assert api("POST", "/messages", {"from": "ACME", "to": PERSON, "body": "Hello"})[0] == 409


def test_a_program_gets_a_link_and_its_qr_code(
    services: Services, client: FlaskClient, api: Callable[..., Any]
) -> None:
    status, made = api("POST", "/opt-out-links", {"number": PERSON, "from": "ACME"}, role="send")
    assert (status, made["link"]) == (200, PUBLIC_URL + path_of(services))
    picture = client.get(made["qr"].removeprefix(PUBLIC_URL))
    assert picture.content_type == "image/svg+xml"
    assert b"<svg" in picture.data
    assert api("POST", "/opt-out-links", {"number": PERSON, "from": "NOBODY"}, role="send")[0] == 422


def test_a_link_goes_on_working_for_as_long_as_the_account_has_the_sender(
    services: Services, client: FlaskClient
) -> None:
    """CASL asks for 60 days (CA-4); nothing in the store has to live for it."""
    path = path_of(services)
    services.store.client.flushall()
    services.configuration.apply(services.configuration.plan(services.configuration.read(ONE_ACCOUNT)))
    assert client.post(path).status_code == 303
    assert sources(services) == [Source.LINK, Source.LINK]


ONE_ACCOUNT = """
[[accounts]]
id = "acme"
name = "Acme"
senders = [{ address = "ACME", carrier = "twilio", kind = "alphanumeric" }]
"""
