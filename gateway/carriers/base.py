"""The contract between the gateway and a carrier. README.md says how to add one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from gateway.carriers.failures import Failure

_MOST_FIELDS = 1000


def fields_of(text: str) -> list[tuple[str, str]]:
    """The fields of a form, blank ones too. The same as urllib's parse_qsl in a quarter of the time.

    Every webhook goes through here, and most of its values have nothing to decode. A test compares both.

    Raises:
        ValueError: there are more fields than any carrier sends.
    """
    pairs = text.split("&")
    if len(pairs) > _MOST_FIELDS:
        raise ValueError("too many fields")
    fields = []
    for pair in pairs:
        if pair:
            name, _, value = pair.partition("=")
            fields.append((_decoded(name), _decoded(value)))
    return fields


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text, errors="replace") if "%" in text else text


@dataclass(frozen=True)
class WebhookRequest:
    """A webhook as it came in, so that a carrier is tested without a web server.

    url: our public address, the path and the raw query, exactly as the carrier called it. headers: names in
    lower case. body: the raw bytes.
    """

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def form(self) -> Sequence[tuple[str, str]]:
        """The fields of a form in the body, blank ones too; read once.

        Raises:
            ValueError: there are more fields than any carrier sends.
        """
        return fields_of(self.body.decode("utf-8", "replace"))

    @cached_property
    def parameters(self) -> Sequence[tuple[str, str]]:
        """The parameters of the address, blank ones too. Raises ValueError as `form` does."""
        return fields_of(self.query)


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """What a carrier wants to hear."""

    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text somebody sent to one of our senders.

    carrier_id: the carrier's id of the message; redeliveries have the same. sender: ours, that was texted.
    service: the carrier's id of the pool the sender is in, or "". address: who texted. carrier_action: what the
    carrier says it did already ("opt_out", "opt_in", "help"), or "". media: how many pictures came along.
    channel: "whatsapp", "rcs", ... when it did not come as a text message.
    received_at: when the carrier got it, for texts that are fetched later; None for one that comes in now.
    """

    carrier: str
    carrier_id: str
    sender: str
    address: str
    body: str
    service: str = ""
    carrier_action: str = ""
    media: int = 0
    channel: str = ""
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a carrier says became of a text we sent.

    message_id: our id, when the carrier gives it back; else "". status: in our words (store.messages.Message).
    carrier_status: in theirs. service: the messaging service that sent it, or "".
    """

    carrier: str
    carrier_id: str
    sender: str
    address: str
    status: str
    carrier_status: str
    code: str = ""
    message_id: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class OutboundText:
    """A text to hand over.

    message_id: ours. status_url: where reports about it are to go, or "" for none. valid_for: the carrier is to
    give up after this time; None leaves it to the carrier.
    """

    message_id: str
    sender: str
    address: str
    body: str
    status_url: str = ""
    valid_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier took the text. status: in our words."""

    carrier_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier did not say yes. failure: the row of the failure table; code and detail: the carrier's own."""

    failure: Failure
    code: str = ""
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CarrierTraits:
    """What the reply policy has to know of a carrier.

    Words compare case-insensitively with the whole body, blanks around it aside. opt_out_words, opt_in_words,
    help_words: what the carrier acts on by itself where it handles keywords. network_opt_out_words: what the
    toll-free network acts on whoever handles keywords (TF-1).
    """

    opt_out_words: frozenset[str] = field(default_factory=frozenset)
    opt_in_words: frozenset[str] = field(default_factory=frozenset)
    help_words: frozenset[str] = field(default_factory=frozenset)
    network_opt_out_words: frozenset[str] = field(default_factory=frozenset)


class Carrier(Protocol):
    """A carrier: verify, parse, answer, send, and a code table. Nothing else."""

    name: str
    traits: CarrierTraits

    def verify(self, request: WebhookRequest) -> None:
        """Make sure that the webhook is from the carrier.

        Raises:
            WebhookRejected: it is not, or that cannot be shown.
        """

    def parse_inbound(self, request: WebhookRequest) -> Sequence[InboundText]:
        """The texts in a verified webhook.

        Raises:
            WebhookUnreadable: something that has to be there is not.
        """

    def parse_status(self, request: WebhookRequest) -> Sequence[DeliveryReport]:
        """The delivery reports in a verified webhook. Raises WebhookUnreadable."""

    def answer(self, kind: str) -> WebhookResponse:
        """What to answer to a webhook of a kind ("inbound", "status") that was handled."""

    def prepare(self) -> None:
        """Load what sending needs, so that the first person does not wait for it."""

    def send(self, text: OutboundText) -> Accepted | Refused:
        """Hand a text over. Never raises for what a carrier or the network does."""

    def failure_of(self, code: str) -> Failure:
        """The row of the failure table for one of the carrier's codes."""


@dataclass(frozen=True, slots=True)
class InboundQuery:
    """Which inbound texts to list.

    sender: ours, that was texted; "" for all of them. since, until: by the carrier's clock, until None is open;
    more than that may be listed. page: where to go on, from the page before; "" begins.
    """

    sender: str
    since: datetime
    until: datetime | None = None
    page: str = ""


@dataclass(frozen=True, slots=True)
class InboundPage:
    """Some of the texts that were asked for, in any order. next_page: for the next question; "" at the end."""

    texts: Sequence[InboundText]
    next_page: str


@runtime_checkable
class HasCredentials(Protocol):
    """A carrier that can say whether it accepts our credentials."""

    name: str

    def check_credentials(self) -> str:
        """Ask the carrier. Returns what it calls the account's state ("active").

        Raises:
            CarrierError: it does not accept them, or there is no answer.
        """


@runtime_checkable
class ListsInbound(Protocol):
    """A carrier that can be asked which texts it got for us."""

    name: str
    traits: CarrierTraits

    def inbound_page(self, query: InboundQuery) -> InboundPage:
        """One page of inbound texts.

        Raises:
            CarrierError: there is no answer.
        """


@dataclass(frozen=True, slots=True)
class KnownOptOut:
    """An opt-out to tell a carrier of.

    id: 32 hexadecimal digits, the same whenever this opt-out is told. medium: how the person said so: "text",
    "website", "offline" or "other".
    """

    id: str
    sender: str
    address: str
    since: datetime
    medium: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the carrier made of one opt-out. problem: "" when it took it."""

    id: str
    problem: str


@runtime_checkable
class TakesOptOuts(Protocol):
    """A carrier that can be told of opt-outs it did not see. Opt-ins are never told."""

    name: str
    # How many go into one call, and how many calls a minute are allowed.
    opt_outs_a_call: int
    opt_out_calls_a_minute: int

    def tell_opt_outs(self, opt_outs: Sequence[KnownOptOut]) -> Sequence[Told]:
        """Tell of opt-outs, `opt_outs_a_call` at most. Telling twice is harmless.

        Raises:
            CarrierError: the carrier took none, or that is not known.
        """
