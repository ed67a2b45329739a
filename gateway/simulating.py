"""The simulator's phone: a text from it takes the same way as one from a live carrier, signature and all."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.carriers.simulator import Simulator
from gateway.clock import Clock
from gateway.consent import CheckResult, Consent
from gateway.errors import NotAllowed
from gateway.inbound import Inbound
from store import Store
from store.consent import JournalEntry
from store.directory import Account, Sender
from store.messages import Message

_PATIENCE = 1.5
_UNFINISHED = {"queued", "handing_over"}


@dataclass(frozen=True, slots=True)
class PhoneScreen:
    """What one phone shows of one sender, and what Stopgate knows of it."""

    account: Account
    sender: Sender
    number: str
    messages: Sequence[Message]
    check: CheckResult
    journal: Sequence[JournalEntry]

    @property
    def version(self) -> str:
        """Changes whenever something on the screen changes."""
        states = ";".join(f"{message.id}:{message.status}" for message in self.messages)
        return f"{states}|{self.check.allowed}|{len(self.journal)}"


class Handset:
    """Phones of the simulator."""

    def __init__(
        self, store: Store, simulator: Simulator | None, inbound: Inbound, consent: Consent, clock: Clock, url: str
    ) -> None:
        self._store = store
        self._simulator = simulator
        self._inbound = inbound
        self._consent = consent
        self._clock = clock
        self._url = url

    @property
    def on(self) -> bool:
        """True when there is a simulator."""
        return self._simulator is not None

    def senders(self) -> Sequence[tuple[Account, Sender]]:
        """The senders a phone can text: those of the simulator, and no others. Raises StoreError."""
        return [
            (account, sender)
            for account in self._store.directory.current().accounts.values()
            for sender in account.senders
            if sender.carrier == "simulator" and sender.kind != "alphanumeric"
        ]

    def find(self, address: str) -> tuple[Account, Sender]:
        """The simulator's sender with an address; the first one for "".

        Raises:
            NotAllowed: unknown_sender.
            StoreError: the store did not answer.
        """
        found = [pair for pair in self.senders() if address in {"", pair[1].address}]
        if not found:
            raise NotAllowed("unknown_sender", "The simulator has no such sender.")
        return found[0]

    def screen(self, address: str, number: str) -> PhoneScreen:
        """What a phone shows. Raises NotAllowed for an unknown sender, and StoreError."""
        account, sender = self.find(address)
        explanation = self._consent.explain(account, number)
        messages = [message for message in explanation.messages if message.sender == sender.address]
        check = self._consent.check(account, [number], sender=sender.address)[0]
        return PhoneScreen(account, sender, number, messages, check, explanation.journal)

    def text(self, address: str, number: str, body: str) -> None:
        """Text a sender from a phone, and wait a moment for the reply so that it can be shown at once.

        Raises:
            NotAllowed: unknown_sender.
            StoreError: it is unknown whether the text was stored.
        """
        assert self._simulator is not None
        account, sender = self.find(address)
        call = self._simulator.text(self._url, sender=sender.address, address=number, body=body)
        self._simulator.verify(call)
        for text in self._simulator.parse_inbound(call):
            received = self._inbound.receive(text, self._simulator.traits)
            if received.reply == "queued":
                self.wait(account, number)

    def wait(self, account: Account, number: str) -> None:
        """Wait until nothing between an account and a number is on its way, but not for long. Raises StoreError."""
        deadline = self._clock.monotonic() + _PATIENCE
        while self._clock.monotonic() < deadline:
            newest = self._store.messages.thread(account.id, number, limit=3)
            if all(message.status not in _UNFINISHED for message in newest):
                return
            self._clock.sleep(0.05)
