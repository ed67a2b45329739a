"""Texts to senders that nobody had configured: seen again once somebody has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.carriers.base import Carrier, InboundText
from gateway.directory import owners_of
from gateway.inbound import Inbound
from store import Store


@dataclass(frozen=True, slots=True)
class UnroutedText:
    """A text to a sender that no account had when it came."""

    entry: str
    text: InboundText


class Routing:
    """The texts that found nobody."""

    def __init__(self, store: Store, inbound: Inbound, carriers: Mapping[str, Carrier]) -> None:
        self._store = store
        self._inbound = inbound
        self._carriers = carriers

    def waiting(self) -> Iterator[UnroutedText]:
        """The texts, oldest first; one that was delivered more than once is there once. Raises StoreError."""
        seen: set[str] = set()
        after = ""
        while page := self._store.inbound.unrouted(after=after):
            for entry, fields in page:
                after = entry
                if fields["carrier_id"] not in seen:
                    seen.add(fields["carrier_id"])
                    yield UnroutedText(entry, _text_from(fields))

    def replay(self) -> tuple[int, int]:
        """Handle the texts whose sender has an account now, as of the time they came.

        Returns:
            How many were handled, and how many still have nobody.

        Raises:
            StoreError: what was handled so far stays handled; repeating is safe.
        """
        handled = left = 0
        for unrouted in self.waiting():
            carrier = self._carriers.get(unrouted.text.carrier)
            if carrier is None or not owners_of(self._store.directory, unrouted.text.sender, unrouted.text.service):
                left += 1
                continue
            self._inbound.receive(unrouted.text, carrier.traits)
            self._store.inbound.forget_unrouted(unrouted.entry)
            handled += 1
        return handled, left


def _text_from(fields: Mapping[str, str]) -> InboundText:
    return InboundText(
        carrier=fields["carrier"],
        # Its first handling is remembered under the carrier's own id.
        carrier_id=f"{fields['carrier_id']}-routed",
        sender=fields["sender"],
        address=fields["address"],
        body=fields.get("body", ""),
        service=fields.get("service", ""),
        received_at=datetime.fromisoformat(fields["received_at"]),
    )
