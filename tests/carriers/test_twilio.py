"""Twilio's signature, against fixed examples and against twilio's own library; its code table; its client."""

import hashlib
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from gateway.carriers.base import Accepted, OutboundText, Refused, WebhookRequest
from gateway.carriers.failures import FAILURES
from gateway.carriers.twilio import Twilio, codes
from gateway.carriers.twilio_signature import body_is_intact, is_signed, signature
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN
from tests.fake_twilio import FakeTwilio

TOKEN = "12345"
BASE = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]

# Signatures that others published: Twilio's documentation and the test suites of its libraries.
PUBLISHED = [
    ("documentation and twilio-python", BASE, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", True),
    (
        "repeated values count once, sorted",
        BASE,
        [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")],
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        True,
    ),
    (
        "signed without the port it was called on",
        BASE.replace(".com", ".com:1234"),
        CALL,
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        True,
    ),
    ("another body", BASE, CALL[1:], "RSOYDt4T1cUTdK1PDd93/VVr8B8=", False),
    ("another address", BASE + "&x=1", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", False),
]


@pytest.mark.parametrize(("name", "url", "fields", "signed", "good"), PUBLISHED)
def test_published_signatures_are_judged_as_published(
    name: str, url: str, fields: list[tuple[str, str]], signed: str, good: bool
) -> None:
    assert is_signed(signed, [TOKEN], url, fields) is good
    assert is_signed(signed, ["other", TOKEN], url, fields) is good
    assert not is_signed(signed, ["other"], url, fields)


@pytest.mark.parametrize(
    "url",
    [
        "https://texts.example.com/webhooks/twilio/inbound",
        "https://texts.example.com:8443/webhooks/twilio/inbound",
        "https://texts.example.com:443/webhooks/twilio/inbound",
        "http://texts.example.com/webhooks/twilio/inbound",
        "http://texts.example.com:80/webhooks/twilio/inbound",
        "https://texts.example.com/webhooks/twilio/inbound?campaign=caf%C3%A9%20%26%20bar&Body=It%27s",
        "https://user:secret@texts.example.com/webhooks/twilio/inbound",
    ],
)
@given(fields=st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=30)), max_size=8))
def test_our_signature_and_twilios_own_library_agree(url: str, fields: list[tuple[str, str]]) -> None:
    made = RequestValidator(AUTH_TOKEN).compute_signature(url, MultiDict(fields))
    assert signature(AUTH_TOKEN, url, fields) == made
    assert is_signed(made, [AUTH_TOKEN], url, fields)


@pytest.mark.parametrize("signed", ["", "x", "é", "\x00", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "=" * 5000])
@pytest.mark.parametrize(
    "url", ["", "https://", "https://[::1]:8443/x", "https://a:99999/x", "https://user:p@a:8443/x#rc=2", "://"]
)
def test_odd_signatures_and_addresses_are_refused_and_raise_nothing(signed: str, url: str) -> None:
    """Twilio's own library raises on several of these (carriers reference, section 2)."""
    assert not is_signed(signed, [AUTH_TOKEN], url, [("a", "b")])


def test_the_hash_of_a_json_body_is_compared_with_the_bytes_that_came() -> None:
    body = b'{"a": 1}'
    url = f"https://texts.example.com/x?bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert body_is_intact(url, body)
    assert not body_is_intact(url, body + b" ")
    assert not body_is_intact("https://texts.example.com/x", body)


def test_every_code_leads_to_a_row_of_the_failure_table_and_says_where_it_is_from() -> None:
    assert len(codes()) >= 49
    for code, row in codes().items():
        assert code.isdigit()
        assert row["failure"] in FAILURES
        assert row["seen"] in {"send", "report", "both"}
        assert row["meaning"]
        assert row["source"]


@pytest.mark.parametrize(
    ("code", "failure"), [("21610", "opted_out"), ("30004", "blocked"), ("30410", "ambiguous"), ("20429", "throttled")]
)
def test_codes_mean_what_the_documentation_says(code: str, failure: str) -> None:
    assert Twilio(ACCOUNT_SID, [AUTH_TOKEN]).failure_of(code).name == failure


@pytest.fixture
def twilio(fake_twilio: FakeTwilio) -> Twilio:
    return Twilio(ACCOUNT_SID, [AUTH_TOKEN], timeout=1, api_base_url=fake_twilio.url)


def send(
    twilio: Twilio, *, sender: str = "+12025550100", to: str = "+14155550100", body: str = "Hello"
) -> Accepted | Refused:
    return twilio.send(OutboundText("m00x", sender, to, body, status_url="https://texts.example.com/status?m=m00x"))


def test_a_messaging_service_sends_by_its_own_parameter(twilio: Twilio, fake_twilio: FakeTwilio) -> None:
    answer = send(twilio, sender="MG" + "0" * 32)
    assert isinstance(answer, Accepted)
    assert fake_twilio.sent[0]["MessagingServiceSid"] == "MG" + "0" * 32
    assert "From" not in fake_twilio.sent[0]


def test_the_body_arrives_as_it_was_written(twilio: Twilio, fake_twilio: FakeTwilio) -> None:
    body = "Ünïcode 🛑 & = + % \n “quotes”"
    send(twilio, body=body)
    assert fake_twilio.bodies() == [body]


@pytest.mark.parametrize(
    ("fault", "failure", "calls"),
    [
        ("20003", "configuration", 1),
        ("20429", "throttled", 1),
        ("20500", "ambiguous", 1),
        ("20503", "ambiguous", 1),
        ("21611", "throughput", 1),
        ("proxy page", "ambiguous", 1),
        ("hang", "ambiguous", 1),
        ("break", "ambiguous", 1),
    ],
)
def test_every_way_to_fail_is_classified_and_the_client_itself_never_repeats(
    twilio: Twilio, fake_twilio: FakeTwilio, fault: str, failure: str, calls: int
) -> None:
    fake_twilio.faults = [fault]
    answer = send(twilio)
    assert isinstance(answer, Refused)
    assert answer.failure.name == failure
    assert fake_twilio.requests == calls


def test_nobody_there_is_certainly_not_sent() -> None:
    answer = send(Twilio(ACCOUNT_SID, [AUTH_TOKEN], timeout=1, api_base_url="http://127.0.0.1:9"))
    assert isinstance(answer, Refused)
    assert answer.failure.retryable


def test_wrong_credentials_are_a_configuration_failure(fake_twilio: FakeTwilio) -> None:
    answer = send(Twilio(ACCOUNT_SID, ["wrong"], timeout=1, api_base_url=fake_twilio.url))
    assert isinstance(answer, Refused)
    assert answer.failure.name == "configuration"


def test_an_api_key_sends_and_never_signs(fake_twilio: FakeTwilio) -> None:
    keyed = Twilio(ACCOUNT_SID, [AUTH_TOKEN], api_key=("SK1", "secret"), timeout=1, api_base_url=fake_twilio.url)
    assert isinstance(send(keyed), Refused)  # the fake knows the token alone: the key was what was presented
    assert not is_signed(signature("secret", BASE, CALL), [AUTH_TOKEN], BASE, CALL)


def test_a_get_request_is_read_from_its_address() -> None:
    query = urlencode(
        {"MessageSid": "SM1", "From": "+14155550100", "To": "72975", "Body": "STOP", "AccountSid": ACCOUNT_SID}
    )
    url = f"https://texts.example.com/webhooks/twilio/inbound?{query}"
    signed = signature(AUTH_TOKEN, url)
    request = WebhookRequest("GET", url, "/webhooks/twilio/inbound", query, {"x-twilio-signature": signed}, b"")
    twilio = Twilio(ACCOUNT_SID, [AUTH_TOKEN])
    twilio.verify(request)
    (text,) = twilio.parse_inbound(request)
    assert (text.sender, text.body) == ("72975", "STOP")
    assert dict(parse_qsl(query))["Body"] == "STOP"
