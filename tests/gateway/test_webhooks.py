"""The carriers' door: what is let in, what is refused, and that nothing is a 500 or a false 200."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.services import Services, build
from gateway.settings import load_settings
from tests.conftest import AUTH_TOKEN, PUBLIC_URL, FakeClock
from tests.webhooks import INBOUND, PERSON, STATUS, inbound_form, post, signature, status_form, text

FORM = "application/x-www-form-urlencoded"


def is_blocked(services: Services) -> bool:
    return bool(services.consent.blocks(services.store.directory.current().accounts["acme"], PERSON))


@pytest.mark.parametrize(
    ("name", "signed"),
    [
        ("missing", ""),
        ("wrong", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("of another token", signature(INBOUND, inbound_form("STOP"), token="f" * 32)),
        ("of another path", signature(STATUS, inbound_form("STOP"))),
        ("of another body", signature(INBOUND, inbound_form("START"))),
        ("not ASCII", "é" * 28),
    ],
)
def test_a_webhook_whose_signature_is_not_right_is_refused_and_stores_nothing(
    services: Services, client: FlaskClient, name: str, signed: str
) -> None:
    """Behaviour 15."""
    response = post(client, INBOUND, inbound_form("STOP"), signed=signed)
    assert (response.status_code, response.get_data()) == (403, b"")
    assert not is_blocked(services)
    assert post(client, INBOUND, inbound_form("STOP")).status_code == 200


def test_a_well_signed_webhook_of_another_account_is_refused(services: Services, client: FlaskClient) -> None:
    assert text(client, "STOP", AccountSid="AC" + "b" * 32).status_code == 403
    assert not is_blocked(services)


@pytest.mark.parametrize(
    ("field", "value"),
    [("MessageSid", ""), ("From", ""), ("From", "   "), ("To", "")],
)
def test_a_webhook_without_what_has_to_be_there_is_answered_400(client: FlaskClient, field: str, value: str) -> None:
    form = inbound_form("STOP", **{field: value})
    if field == "MessageSid":
        form.update(SmsMessageSid="", SmsSid="")
    assert post(client, INBOUND, form).status_code == 400


def test_a_body_over_the_limit_is_answered_413(client: FlaskClient) -> None:
    assert text(client, "x" * 300_000).status_code == 413


def test_a_carrier_that_is_not_there_is_answered_404(client: FlaskClient) -> None:
    assert client.post("/webhooks/nobody/inbound").status_code == 404


def test_blank_and_repeated_parameters_are_part_of_the_signature(services: Services, client: FlaskClient) -> None:
    """Behaviour 19."""
    pairs = [*inbound_form("STOP").items(), ("Extra", "b"), ("Extra", "a"), ("Extra", "b"), ("Blank", "")]
    data = PUBLIC_URL + INBOUND + "".join(name + value for name, value in sorted(set(pairs)))
    signed = base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), data.encode(), hashlib.sha1)).decode()
    response = client.post(INBOUND, data=urlencode(pairs), content_type=FORM, headers={"X-Twilio-Signature": signed})
    assert response.status_code == 200
    assert is_blocked(services)


@pytest.mark.parametrize("query", ["campaign=caf%C3%A9%20%26%20bar", "Body=It%27s+amazing", "a=%3A%2F", "empty="])
def test_the_raw_query_is_what_was_signed(services: Services, client: FlaskClient, query: str) -> None:
    assert post(client, f"{INBOUND}?{query}", inbound_form("STOP")).status_code == 200
    assert is_blocked(services)


def test_a_webhook_by_get_is_signed_over_its_address(services: Services, client: FlaskClient) -> None:
    path = f"{INBOUND}?{urlencode(inbound_form('STOP'))}"
    signed = signature(path, {})
    assert client.get(path, headers={"X-Twilio-Signature": signed}).status_code == 200
    assert is_blocked(services)


def test_json_that_is_not_what_its_hash_says_is_refused(client: FlaskClient) -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    for query, body in ((f"bodySHA256={digest}", b'{"a":1}'), ("", b"{}"), (f"bodySHA256={digest}", b"")):
        path = f"{INBOUND}?{query}"
        headers = {"X-Twilio-Signature": signature(path, {})}
        response = client.post(path, data=body, content_type="application/json", headers=headers)
        assert response.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "internal:8000"},
        {"X-Forwarded-Host": "evil.example:443", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "99999"},
        {"X-Forwarded-Prefix": "/elsewhere", "X-Original-URL": "/other"},
    ],
)
def test_what_a_proxy_says_of_the_address_does_not_matter(client: FlaskClient, headers: dict[str, str]) -> None:
    """Behaviour 17: the signature is over the configured public address."""
    form = inbound_form("STOP")
    headers = {**headers, "X-Twilio-Signature": signature(INBOUND, form)}
    response = client.post(INBOUND, data=urlencode(form), content_type=FORM, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"%zz=%", b"=&=&=", b"&" * 5000, b"a=1&" * 2000, b"[" * 5000])
@pytest.mark.parametrize("content_type", [FORM, "application/json", "multipart/form-data", "text/plain", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_bodies_are_refused_and_never_break_anything(
    client: FlaskClient, body: bytes, content_type: str, method: str
) -> None:
    for path in (INBOUND, STATUS, f"{INBOUND}?bodySHA256=%ff&m=%00"):
        headers = {"X-Twilio-Signature": "x"}
        response = client.open(path, method=method, data=body, content_type=content_type, headers=headers)
        assert response.status_code == 403


def test_both_tokens_sign_while_one_replaces_the_other(environment: dict[str, str], clock: FakeClock) -> None:
    """Behaviour 16."""
    new = "f" * 32
    services = build(load_settings({**environment, "TWILIO_AUTH_TOKEN": f"{new},{AUTH_TOKEN}"}), clock=clock)
    try:
        client = create_app(services).test_client()
        form = inbound_form("hello")
        for token in (new, AUTH_TOKEN):
            assert post(client, INBOUND, form, signed=signature(INBOUND, form, token)).status_code == 200
        assert post(client, INBOUND, form, signed=signature(INBOUND, form, "0" * 32)).status_code == 403
    finally:
        services.close()


@pytest.fixture
def client_without_store(environment: dict[str, str]) -> Iterator[FlaskClient]:
    services = build(load_settings({**environment, "STOPGATE_STORE_URL": "unix:///nowhere/socket"}))
    yield create_app(services).test_client()
    services.close()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (INBOUND, inbound_form("STOP")),
        (f"{STATUS}?m=m00{'a' * 32}", status_form("sent", "SM" + "1" * 32)),
    ],
)
def test_g1_without_a_store_the_carrier_is_asked_to_try_again_never_told_that_all_is_well(
    client_without_store: FlaskClient, path: str, form: dict[str, str]
) -> None:
    response = post(client_without_store, path, form)
    assert (response.status_code, response.get_data()) == (503, b"")
