"""The simulator: a carrier that lives here, for the phone at /phone, for demonstrations and for trying things out.

It keeps the same contract as a live carrier. What it sends is shown by /phone, which reads our own message
records. Some numbers always fail, the same ones as with Twilio's test credentials, so that a program can be
tried against every kind of failure.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence

from gateway.carriers.base import (
    Accepted,
    CarrierTraits,
    DeliveryReport,
    InboundText,
    OutboundText,
    Refused,
    WebhookRequest,
    WebhookResponse,
)
from gateway.carriers.bodies import readable
from gateway.carriers.failures import FAILURES, Failure
from gateway.errors import WebhookRejected, WebhookUnreadable
from gateway.phone import address_of

SIGNATURE_HEADER = "x-simulator-signature"

# Numbers that fail, and how (the To numbers of Twilio's test credentials).
FAILING_NUMBERS: Mapping[str, str] = {
    "+15005550001": "not_textable",
    "+15005550002": "configuration",
    "+15005550003": "configuration",
    "+15005550004": "opted_out",
    "+15005550009": "not_textable",
}


class Simulator:
    """The simulator carrier.

    Args:
        secret: signs its webhooks.
        new_id: where its message ids come from.
    """

    name = "simulator"
    # It handles the same words by itself as Twilio does, for senders whose keywords the carrier handles.
    traits = CarrierTraits(
        opt_out_words=frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"}),
        opt_in_words=frozenset({"start", "yes", "unstop"}),
        help_words=frozenset({"help", "info"}),
        network_opt_out_words=frozenset({"stop"}),
    )

    def __init__(self, secret: str, new_id: Callable[[], str]) -> None:
        self._secret = secret
        self._new_id = new_id

    def webhook(self, kind: str, url: str, document: Mapping[str, str]) -> WebhookRequest:
        """The signed webhook that the simulator's phone makes when somebody texts."""
        path = f"/webhooks/{self.name}/{kind}"
        body = json.dumps(document).encode()
        headers = {"content-type": "application/json", SIGNATURE_HEADER: self._sign(body)}
        return WebhookRequest("POST", url + path, path, "", headers, body)

    def text(self, url: str, *, sender: str, address: str, body: str) -> WebhookRequest:
        """The signed webhook of a new text from a phone."""
        return self.webhook("inbound", url, {"id": self._new_id(), "to": sender, "from": address, "text": body})

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature. Raises WebhookRejected."""
        presented = request.headers.get(SIGNATURE_HEADER, "")
        if request.method != "POST" or not hmac.compare_digest(self._sign(request.body).encode(), presented.encode()):
            raise WebhookRejected("the simulator did not sign this")

    def parse_inbound(self, request: WebhookRequest) -> Sequence[InboundText]:
        """The text in a webhook. Raises WebhookUnreadable."""
        document = _document(request)
        return (
            InboundText(
                carrier=self.name,
                carrier_id=_needed(document, "id"),
                sender=address_of(_needed(document, "to")),
                address=address_of(_needed(document, "from")),
                body=readable(document.get("text", "")),
                carrier_action=document.get("carrier_action", ""),
            ),
        )

    def parse_status(self, request: WebhookRequest) -> Sequence[DeliveryReport]:
        """The delivery report in a webhook. Raises WebhookUnreadable."""
        document = _document(request)
        return (
            DeliveryReport(
                carrier=self.name,
                carrier_id=_needed(document, "id"),
                sender=address_of(_needed(document, "from")),
                address=address_of(_needed(document, "to")),
                status=_needed(document, "status"),
                carrier_status=_needed(document, "status"),
                code=document.get("code", ""),
                message_id=document.get("message_id", ""),
            ),
        )

    def answer(self, kind: str) -> WebhookResponse:  # noqa: ARG002 (all kinds are answered alike)
        """No content."""
        return WebhookResponse(204)

    def failure_of(self, code: str) -> Failure:
        """The simulator's codes are the names of the failure table."""
        return FAILURES.get(code, FAILURES["unclassified"])

    def prepare(self) -> None:
        """Nothing to load."""

    def send(self, text: OutboundText) -> Accepted | Refused:
        """Deliver at once, or fail for the numbers that always do."""
        code = FAILING_NUMBERS.get(text.address)
        if code:
            return Refused(FAILURES[code], code)
        return Accepted(self._new_id(), "delivered")


def _document(request: WebhookRequest) -> Mapping[str, str]:
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise WebhookUnreadable("the simulator's webhooks are JSON objects of strings")
    return document


def _needed(document: Mapping[str, str], name: str) -> str:
    if not document.get(name, "").strip():
        raise WebhookUnreadable(f"the webhook has no {name!r}")
    return document[name]
