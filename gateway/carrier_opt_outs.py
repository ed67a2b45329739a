"""Opt-outs that a carrier tells of when it refuses a text: 21610, and 30004 on toll-free (design §4; behaviour 40)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from gateway.carriers.base import Carrier, DeliveryReport
from gateway.carriers.failures import Failure
from gateway.clock import Clock
from gateway.directory import owners_of
from store import Store
from store.consent import Change, Source
from store.directory import Account, Sender
from store.messages import Message
from store.scopes import Channel, Scope

# A toll-free block is made in the network: the sender sees it as "blocked" and the person said STOP (TF-1).
_BLOCKED = "blocked"


class CarrierOptOuts:
    """What carriers know and we do not: the block is ours too, for that sender only."""

    def __init__(self, store: Store, carriers: Mapping[str, Carrier], clock: Clock) -> None:
        self._store = store
        self._carriers = carriers
        self._clock = clock

    def refused(self, message: Message, code: str, occurred_at: datetime) -> None:
        """Record that a carrier refused a text of ours because the person opted out of its sender.

        Raises:
            StoreError: it is unknown whether it was written; saying it again changes nothing.
        """
        sender = message.configured_sender or message.sender
        detail = {"carrier": message.carrier, "code": code, "message": message.id, "sender": message.sender}
        self._record(message.address, message.account, sender, occurred_at, detail)

    def reported(self, message: Message, report: DeliveryReport, failure: Failure) -> None:
        """Record what a delivery report says of a text of ours, if it says that the person opted out.

        It is about the text it came for: a START since then is newer, and a repeat changes nothing (G7).
        Raises StoreError, as `refused` does.
        """
        if self._says_opted_out(failure, self._sender_of(message)):
            self.refused(message, report.code, message.handed_at or message.created_at)

    def of_unknown_text(self, report: DeliveryReport, failure: Failure) -> None:
        """Record what a delivery report says of a text that is not known here (another program sent it, say).

        The block is for whoever owns the sender; when the text was sent is not known, so it counts from now, and from
        the first time it is told only. Raises StoreError, as `refused` does.
        """
        owners = self._owners(report)
        told = [(account, sender) for account, sender in owners if self._says_opted_out(failure, sender)]
        if not told or self._store.messages.is_parked(
            report.address, report.carrier, report.carrier_id, asdict(report)
        ):
            return
        detail = {"carrier": report.carrier, "code": report.code, "sender": report.sender}
        for account, sender in told:
            self._record(report.address, account.id, sender.address, self._clock.now(), detail)

    def _owners(self, report: DeliveryReport) -> Sequence[tuple[Account, Sender]]:
        owners = owners_of(self._store.directory, report.sender, report.service)
        return [(account, sender) for account, sender in owners if sender.carrier == report.carrier]

    def _sender_of(self, message: Message) -> Sender | None:
        account = self._store.directory.current().accounts.get(message.account)
        return next((s for s in account.senders if s.address == message.sender), None) if account else None

    def _says_opted_out(self, failure: Failure, sender: Sender | None) -> bool:
        return failure.opts_out or (failure.name == _BLOCKED and sender is not None and sender.kind == "toll_free")

    def _record(
        self, address: str, account: str, sender: str, occurred_at: datetime, detail: Mapping[str, str]
    ) -> None:
        scope = Scope.of_account_sender(account, sender)
        self._store.consent.apply(
            address,
            [Change("opt_out", scope, account, Source.CARRIER, (Channel.TEXT,))],
            occurred_at=occurred_at,
            detail=detail,
            now=self._clock.now(),
        )
