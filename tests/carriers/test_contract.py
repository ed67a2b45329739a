"""What every carrier keeps to. A new carrier gets a row in CARRIERS and passes all of this."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from gateway.carriers.base import Accepted, Carrier, OutboundText, Refused, WebhookRequest, fields_of
from gateway.carriers.failures import FAILURES
from gateway.carriers.simulator import SIGNATURE_HEADER, Simulator
from gateway.carriers.twilio import Twilio
from gateway.errors import WebhookRejected, WebhookUnreadable
from tests.conftest import ACCOUNT_SID, AUTH_TOKEN
from tests.fake_twilio import FakeTwilio

URL = "https://texts.example.com"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Case:
    """One carrier and how its webhooks are made."""

    carrier: Carrier
    request: Callable[[str, Mapping[str, str]], WebhookRequest]
    signature_header: str
    names: Mapping[str, str]
    constant: Mapping[str, str]


def twilio_request(kind: str, fields: Mapping[str, str]) -> WebhookRequest:
    path = f"/webhooks/twilio/{kind}"
    signed = RequestValidator(AUTH_TOKEN).compute_signature(URL + path, dict(fields))
    headers = {"content-type": FORM, "x-twilio-signature": signed}
    return WebhookRequest("POST", URL + path, path, "", headers, urlencode(fields).encode())


SIMULATOR = Simulator("a secret", iter(f"SIM{number}" for number in range(10_000)).__next__)


@pytest.fixture(params=["twilio", "simulator"])
def case(request: pytest.FixtureRequest, fake_twilio: FakeTwilio) -> Case:
    if request.param == "twilio":
        return Case(
            Twilio(ACCOUNT_SID, [AUTH_TOKEN], timeout=2, api_base_url=fake_twilio.url),
            twilio_request,
            "x-twilio-signature",
            {
                "id": "MessageSid",
                "to": "To",
                "from": "From",
                "text": "Body",
                "status": "MessageStatus",
                "code": "ErrorCode",
            },
            {"AccountSid": ACCOUNT_SID},
        )
    return Case(
        SIMULATOR,
        lambda kind, fields: SIMULATOR.webhook(kind, URL, fields),
        SIGNATURE_HEADER,
        {name: name for name in ("id", "to", "from", "text", "status", "code")},
        {},
    )


def webhook(case: Case, kind: str, **fields: str) -> WebhookRequest:
    return case.request(
        kind, {**case.constant, **{case.names[name.rstrip("_")]: value for name, value in fields.items()}}
    )


TEXT = {"id": "X1", "to": "+12025550100", "from_": "+14155550100", "text": " Stop \u200b"}
REPORT = {"id": "X1", "to": "+14155550100", "from_": "+12025550100", "status": "delivered"}


def test_a_signed_webhook_is_accepted(case: Case) -> None:
    case.carrier.verify(webhook(case, "inbound", **TEXT))


@pytest.mark.parametrize("change", ["signature", "no signature", "body", "method"])
def test_anything_else_is_rejected_and_nothing_else_is_raised(case: Case, change: str) -> None:
    request = webhook(case, "inbound", **TEXT)
    changed = {
        "signature": replace(request, headers={**request.headers, case.signature_header: "x"}),
        "no signature": replace(request, headers={}),
        "body": replace(request, body=request.body + b"&x=1"),
        "method": replace(request, method="GET"),
    }[change]
    with pytest.raises(WebhookRejected) as caught:
        case.carrier.verify(changed)
    assert AUTH_TOKEN not in str(caught.value)


def test_a_text_is_parsed_untrimmed_with_both_addresses(case: Case) -> None:
    (text,) = case.carrier.parse_inbound(webhook(case, "inbound", **TEXT))
    assert (text.carrier, text.carrier_id, text.sender, text.address) == (
        case.carrier.name,
        "X1",
        "+12025550100",
        "+14155550100",
    )
    assert text.body == " Stop \u200b"


def test_an_empty_or_missing_body_is_an_empty_text(case: Case) -> None:
    """Behaviour 10."""
    for fields in ({**TEXT, "text": ""}, {name: value for name, value in TEXT.items() if name != "text"}):
        (text,) = case.carrier.parse_inbound(webhook(case, "inbound", **fields))
        assert text.body == ""


def test_nul_bytes_are_removed_from_the_body(case: Case) -> None:
    """Behaviour 12."""
    (text,) = case.carrier.parse_inbound(webhook(case, "inbound", **{**TEXT, "text": "ST\x00OP"}))
    assert text.body == "STOP"


@pytest.mark.parametrize("missing", ["id", "to", "from_"])
def test_a_text_without_what_has_to_be_there_is_unreadable(case: Case, missing: str) -> None:
    fields = {name: value for name, value in TEXT.items() if name != missing}
    with pytest.raises(WebhookUnreadable):
        case.carrier.parse_inbound(webhook(case, "inbound", **fields))


def test_a_delivery_report_is_parsed_into_our_words(case: Case) -> None:
    (report,) = case.carrier.parse_status(webhook(case, "status", **REPORT, code=""))
    assert (report.carrier_id, report.status, report.carrier_status) == ("X1", "delivered", "delivered")
    assert (report.address, report.sender) == ("+14155550100", "+12025550100")


def test_answers_are_successes_and_say_nothing_to_the_person(case: Case) -> None:
    for kind in ("inbound", "status"):
        answer = case.carrier.answer(kind)
        assert answer.status in {200, 204}
        assert answer.body in {"", "<Response></Response>"}


def test_a_text_is_handed_over_and_gets_an_id(case: Case) -> None:
    case.carrier.prepare()
    answer = case.carrier.send(OutboundText("m00x", "+12025550100", "+14155550100", "Hello"))
    assert isinstance(answer, Accepted)
    assert answer.carrier_id
    assert answer.status in {"accepted", "sent", "delivered"}


@pytest.mark.parametrize(
    ("number", "failure"),
    [("+15005550001", "not_textable"), ("+15005550002", "configuration"), ("+15005550004", "opted_out")],
)
def test_the_numbers_that_always_fail_fail_alike_at_every_carrier(case: Case, number: str, failure: str) -> None:
    answer = case.carrier.send(OutboundText("m00x", "+12025550100", number, "Hello"))
    assert isinstance(answer, Refused)
    assert answer.failure == FAILURES[failure]


def test_a_code_nobody_knows_is_unclassified_and_neither_retried_nor_an_opt_out(case: Case) -> None:
    failure = case.carrier.failure_of("987654")
    assert (failure.name, failure.retryable, failure.opts_out) == ("unclassified", False, False)


def test_the_carriers_words_are_folded_as_they_are_compared(case: Case) -> None:
    words = case.carrier.traits.opt_out_words | case.carrier.traits.opt_in_words | case.carrier.traits.help_words
    assert words
    assert all(word == word.strip().casefold() for word in words)


def test_no_failure_is_both_retried_and_unknown() -> None:
    assert not [failure.name for failure in FAILURES.values() if failure.retryable and failure.ambiguous]
    assert all(failure.sentence.endswith(".") for failure in FAILURES.values())


def test_a_simulator_webhook_that_is_not_an_object_of_strings_is_unreadable() -> None:
    for body in (b"[]", b"{", b'{"id": 1}'):
        request = replace(SIMULATOR.webhook("inbound", URL, {}), body=body)
        with pytest.raises(WebhookUnreadable):
            SIMULATOR.parse_inbound(request)
    assert json.loads(SIMULATOR.webhook("inbound", URL, {"id": "1"}).body) == {"id": "1"}


@given(st.text(alphabet="ab%+=&2F0é\x00 ", max_size=60))
def test_the_fields_of_a_form_are_what_the_standard_library_reads(text: str) -> None:
    assert fields_of(text) == parse_qsl(text, keep_blank_values=True)


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
def test_a_form_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    pairs = [
        (name.encode("utf-8", "ignore").decode(), value.encode("utf-8", "ignore").decode()) for name, value in pairs
    ]
    pairs = [(name, value) for name, value in pairs if name or value]
    assert fields_of(urlencode(pairs)) == pairs
