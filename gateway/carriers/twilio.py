"""Twilio: verify, parse, answer, send, and its code table (twilio_codes.toml); what it lists and is told."""

import hmac
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from gateway.carriers.base import (
    Accepted,
    CarrierTraits,
    DeliveryReport,
    InboundPage,
    InboundQuery,
    InboundText,
    KnownOptOut,
    OutboundText,
    Refused,
    Told,
    WebhookRequest,
    WebhookResponse,
)
from gateway.carriers.bodies import readable
from gateway.carriers.failures import FAILURES, Failure
from gateway.carriers.twilio_consents import CALLS_A_MINUTE, ITEMS_A_CALL, tell_opt_outs
from gateway.carriers.twilio_errors import asked
from gateway.carriers.twilio_listing import inbound_page
from gateway.carriers.twilio_signature import body_is_intact, is_signed
from gateway.errors import WebhookRejected, WebhookUnreadable
from gateway.phone import address_of, channel_of

_FORM = "application/x-www-form-urlencoded"

# The carrier's own words where it handles keywords: support article 223134027 and the FCC update of 2025-05-14.
# Compared with the whole body; words inside a sentence are not acted on.
TRAITS = CarrierTraits(
    opt_out_words=frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"}),
    opt_in_words=frozenset({"start", "yes", "unstop"}),
    help_words=frozenset({"help", "info"}),
    network_opt_out_words=frozenset({"stop"}),
)

# OptOutType is there with Advanced Opt-Out: the service has matched, blocked and replied.
_ACTIONS = {"STOP": "opt_out", "START": "opt_in", "HELP": "help"}

# Message statuses of the API's specification, in our words. What is not here changes nothing.
_STATUSES = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "canceled",
}


@cache
def codes() -> Mapping[str, Mapping[str, str]]:
    """The code table: code -> failure, seen, meaning, source."""
    return tomllib.loads(files(__package__).joinpath("twilio_codes.toml").read_text(encoding="utf-8"))


class Twilio:
    """The Twilio carrier.

    Args:
        account_sid: the account; webhooks of another one are rejected.
        auth_tokens: all that may sign (two while one replaces the other); the first one sends.
        api_key: key and secret to send with instead of the token, or None.
        timeout: seconds to wait for an answer. Twilio's library waits for ever unless told.
        api_base_url: an emulator's address on this machine, or None.
    """

    name = "twilio"
    traits = TRAITS
    opt_outs_a_call = ITEMS_A_CALL
    opt_out_calls_a_minute = CALLS_A_MINUTE

    def __init__(
        self,
        account_sid: str,
        auth_tokens: Sequence[str],
        *,
        api_key: tuple[str, str] | None = None,
        timeout: float = 10.0,
        api_base_url: str | None = None,
    ) -> None:
        self._account_sid = account_sid
        self._tokens = tuple(auth_tokens)
        self._api_key = api_key
        self._timeout = timeout
        self._api_base_url = api_base_url
        self._client: Any = None

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature and the account. Raises WebhookRejected."""
        presented = request.headers.get("x-twilio-signature", "")
        if not presented:
            raise WebhookRejected("no X-Twilio-Signature: the request is not from Twilio")
        fields = _fields(request)
        if request.method == "POST" and not _is_form(request) and not body_is_intact(request.url, request.body):
            raise WebhookRejected("the body is neither a form nor does bodySHA256 in the address match it")
        if not is_signed(presented, self._tokens, request.url, fields):
            raise WebhookRejected(
                "the signature does not match: check TWILIO_AUTH_TOKEN, and that STOPGATE_PUBLIC_URL is "
                "the very address in Twilio's console"
            )
        if not hmac.compare_digest(_values(request).get("AccountSid", "").encode(), self._account_sid.encode()):
            raise WebhookRejected("the webhook is for another account than TWILIO_ACCOUNT_SID")

    def parse_inbound(self, request: WebhookRequest) -> Sequence[InboundText]:
        """The text in a webhook. Body may be missing or empty (a picture alone). Raises WebhookUnreadable."""
        values = _values(request)
        media = values.get("NumMedia", "0")
        return (
            InboundText(
                carrier=self.name,
                carrier_id=_needed(values, "MessageSid", "SmsMessageSid", "SmsSid"),
                sender=address_of(_needed(values, "To")),
                address=address_of(_needed(values, "From")),
                body=readable(values.get("Body", "")),
                service=values.get("MessagingServiceSid", ""),
                channel=channel_of(values["From"]),
                carrier_action=_ACTIONS.get(values.get("OptOutType", "").upper(), ""),
                media=int(media) if media.isdigit() and len(media) < 4 else 0,
            ),
        )

    def parse_status(self, request: WebhookRequest) -> Sequence[DeliveryReport]:
        """The delivery report in a webhook. Raises WebhookUnreadable."""
        values = _values(request)
        carrier_status = _needed(values, "MessageStatus", "SmsStatus").lower()
        return (
            DeliveryReport(
                carrier=self.name,
                carrier_id=_needed(values, "MessageSid", "SmsSid"),
                sender=address_of(values.get("From", "")) or values.get("MessagingServiceSid", ""),
                address=address_of(_needed(values, "To")),
                status=_STATUSES.get(carrier_status, ""),
                carrier_status=carrier_status,
                code=values.get("ErrorCode", ""),
                message_id=dict(request.parameters).get("m", ""),
                service=values.get("MessagingServiceSid", ""),
            ),
        )

    def answer(self, kind: str) -> WebhookResponse:
        """Empty TwiML: replies go out through the gate, never in the webhook's answer."""
        if kind == "status":
            return WebhookResponse(204)
        return WebhookResponse(200, "<Response></Response>", "text/xml; charset=utf-8")

    def failure_of(self, code: str) -> Failure:
        """The row of the failure table for an error code."""
        row = codes().get(code)
        return FAILURES[row["failure"] if row else "unclassified"]

    def prepare(self) -> None:
        """Load twilio's client: a second of import that only senders need."""
        self._twilio()

    def send(self, text: OutboundText) -> Accepted | Refused:
        """Hand a text over with twilio's own client. Never raises for what Twilio or the network does."""
        from twilio.base.exceptions import TwilioException  # a second of import that only senders need

        arguments: dict[str, Any] = {"to": text.address, "body": text.body}
        arguments["messaging_service_sid" if text.sender.startswith("MG") else "from_"] = text.sender
        if text.status_url:
            arguments["status_callback"] = text.status_url
        if text.valid_for:
            arguments["validity_period"] = max(1, min(36_000, round(text.valid_for / timedelta(seconds=1))))
        try:
            message = self._twilio().messages.create(**arguments)
        except (TwilioException, OSError) as error:
            return self._refusal(error)
        return Accepted(str(message.sid), _STATUSES.get(str(message.status), "accepted"))

    def inbound_page(self, query: InboundQuery) -> InboundPage:
        """One page of the texts Twilio got for us. Raises CarrierError."""
        return inbound_page(self._twilio(), query)

    def tell_opt_outs(self, opt_outs: Sequence[KnownOptOut]) -> Sequence[Told]:
        """Tell Twilio's Consent API of opt-outs. Raises CarrierError."""
        return tell_opt_outs(self._twilio(), opt_outs)

    def check_credentials(self) -> str:
        """The state of the account, asked with the credentials that send. Raises CarrierError."""
        account = asked("the account", lambda: self._twilio().api.v2010.accounts(self._account_sid).fetch())
        return str(account.status)

    def _twilio(self) -> Any:
        if self._client is None:
            self._client = _client(self._account_sid, self._tokens[0], self._api_key, self._timeout, self._api_base_url)
        return self._client

    def _refusal(self, error: Exception) -> Refused:
        from requests.exceptions import ConnectionError as NotConnected
        from requests.exceptions import ConnectTimeout, SSLError
        from urllib3.exceptions import NewConnectionError

        status = getattr(error, "status", None)
        if status is None:
            # Only a connection that was never made is certainly not sent; one that broke may have been.
            cause = error.args[0] if error.args else None
            refused = isinstance(error, NotConnected) and isinstance(getattr(cause, "reason", None), NewConnectionError)
            never_connected = refused or isinstance(error, ConnectTimeout | SSLError)
            return Refused(FAILURES["unreachable" if never_connected else "ambiguous"], detail=type(error).__name__)
        code = str(getattr(error, "code", "") or "")
        if status == 429:
            return Refused(FAILURES["throttled"], code)
        if status >= 500:
            return Refused(FAILURES["ambiguous"], code)
        return Refused(self.failure_of(code), code)


def _client(account_sid: str, token: str, api_key: tuple[str, str] | None, timeout: float, base_url: str | None) -> Any:
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Rebased(TwilioHttpClient):  # type: ignore[misc]
        """Sends what is meant for any host of Twilio to an emulator; the path stays."""

        def request(self, method: str, url: str, **arguments: Any) -> Any:
            if base_url:
                base, parts = urlsplit(base_url), urlsplit(url)
                url = urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))
            return super().request(method, url, **arguments)

    user, password = api_key or (account_sid, token)
    return Client(user, password, account_sid, http_client=Rebased(timeout=timeout, max_retries=0))


def _is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


def _fields(request: WebhookRequest) -> Sequence[tuple[str, str]]:
    """The form's fields, which are part of the signature; none for GET and for other bodies."""
    if request.method != "POST" or not _is_form(request):
        return ()
    try:
        return request.form
    except ValueError as error:
        raise WebhookRejected(f"the form cannot be read: {error}") from None


def _values(request: WebhookRequest) -> Mapping[str, str]:
    """The parameters by name: of the form for POST, of the address for GET. The first value of a name counts."""
    if request.method == "POST":
        return dict(reversed(_fields(request)))
    try:
        return dict(reversed(request.parameters))
    except ValueError as error:
        raise WebhookRejected(f"the address cannot be read: {error}") from None


def _needed(values: Mapping[str, str], *names: str) -> str:
    for name in names:
        if values.get(name, "").strip():
            return values[name]
    raise WebhookUnreadable(f"the webhook has no {names[0]}")
