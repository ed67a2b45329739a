"""A text goes out: accepted, queued, and handed over through the gate. There is no other way out (G2)."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from gateway.carrier_opt_outs import CarrierOptOuts
from gateway.carriers.base import Accepted, Carrier, DeliveryReport, OutboundText, Refused
from gateway.carriers.failures import FAILURES, Failure
from gateway.clock import Clock, written
from gateway.errors import NotAllowed
from gateway.logs import logger
from gateway.queueing import SEND, JobQueue, effect_of, queue_for
from store import Store
from store.addresses import shard_of
from store.consent import Block
from store.directory import Account
from store.messages import HandOver, Message, Result, Settled, message_id, shard_of_message

log = logger(__name__)

# Longer than the carrier's timeout: a message handed over longer ago than this has lost its worker.
LEASE = timedelta(seconds=90)
_GRACE = timedelta(seconds=5)
# Many wait for each other; the sweeper need not ask for them meanwhile.
_GRACE_OF_MANY = timedelta(minutes=1)
# A broadcast that goes on asks for what was put off; this is for what it may have missed.
_PUT_OFF_FOR = timedelta(hours=1)
# Waiting times before a message that was certainly not sent is handed over again.
_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300, 900, 3600))
# The carrier saw machines answer each other (behaviour 32): this side stops first.
_LOOP = "loop"
_MUTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A text that an account wants to send.

    kind: "transactional" or "broadcast". sent_by: who asked for it. broadcast: the broadcast that it belongs to, with
    its seed; a number gets one text of it, however often it is asked for.
    """

    sender: str
    address: str
    body: str
    kind: str = "transactional"
    audience: str = ""
    idempotency_key: str = ""
    sent_by: str = ""
    broadcast: str = ""
    seed: str = ""

    def fingerprint(self) -> str:
        """A digest of what was asked, to tell a repeat from a different request."""
        parts = [self.sender, self.address, self.body, self.kind, self.audience]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Outbound:
    """Outbound texts of all carriers."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        carriers: Mapping[str, Carrier],
        clock: Clock,
        new_id: Callable[[], str],
        status_url: Callable[[str, str], str],
        filled: Callable[[Account, str, str, str], str],
        expect_status: Callable[[Message], None],
    ) -> None:
        self._store = store
        self._queue = queue
        self._carriers = carriers
        self._clock = clock
        self._new_id = new_id
        self._status_url = status_url
        self._filled = filled
        self._expect_status = expect_status
        self._opt_outs = CarrierOptOuts(store, carriers, clock)

    def accept(self, account: Account, request: SendRequest) -> Message:
        """Take a text to be sent. It is in the store before this returns; it goes out later, through the gate.

        Repeating a request with its idempotency key returns the message it made the first time.

        Raises:
            NotAllowed: opted_out, unknown_sender, idempotency_key_reused; no_public_url for a text with
                `{opt_out_link}`.
            StoreError: it is unknown whether it was taken; repeat it with the same idempotency key.
        """
        message = self._message(account, request)
        status, blocks = self._store.messages.create(message, due_at=message.created_at + _GRACE)
        if status == "blocked":
            raise opted_out(blocks)
        self._queue.submit(queue_for(message.kind), effect_of(SEND, message.id))
        return self._store.messages.get(message.id) or message if status == "exists" else message

    def accept_many(self, account: Account, requests: Sequence[SendRequest]) -> list[tuple[Block, ...]]:
        """Take many texts at once, as `accept` does. Returns what blocks each; nothing blocks those that were taken.

        Raises:
            NotAllowed: unknown_sender or no_public_url; then none was taken.
            StoreError: some may have been taken; repeating is safe for texts with a broadcast or idempotency key.
        """
        messages = [self._message(account, request) for request in requests]
        answers = self._store.messages.create_many(messages, due_at=self._clock.now() + _GRACE_OF_MANY)
        for message, (status, _) in zip(messages, answers, strict=True):
            if status == "created":
                self._queue.submit(queue_for(message.kind), effect_of(SEND, message.id))
        return [blocks for _, blocks in answers]

    def _message(self, account: Account, request: SendRequest) -> Message:
        sender = next((sender for sender in account.senders if sender.address == request.sender), None)
        if sender is None:
            raise NotAllowed("unknown_sender", f"{request.sender} is not a sender of this account.")
        return Message(
            id=self._identify(account, request),
            account=account.id,
            direction="out",
            sender=request.sender,
            address=request.address,
            body=self._filled(account, sender.address, request.address, request.body),
            kind=request.kind,
            status="queued",
            created_at=self._clock.now(),
            audience=request.audience,
            carrier=sender.carrier,
            extra={"sent_by": request.sent_by, "broadcast": request.broadcast},
        )

    def _identify(self, account: Account, request: SendRequest) -> str:
        if request.broadcast:
            # No key that names a number, and no end of it: two days later it is the same text still. The ids are in
            # logs and queues; without the seed nobody finds out the number by trying all there are.
            return message_id(request.address, account.id, "broadcast", request.seed, request.address)
        key = request.idempotency_key
        if not key:
            return message_id(request.address, self._new_id())
        if not self._store.idempotency.belongs_to(account.id, key, request.fingerprint()):
            raise NotAllowed(
                "idempotency_key_reused", "This idempotency key was used for another request. Choose a new one."
            )
        return message_id(request.address, account.id, "idempotency", key)

    def hand_over(self, identifier: str) -> str:
        """Hand one message over, if the gate says so and nobody did before. Returns what came of it.

        Raises:
            StoreError: the gate did not answer, so nothing was sent; or the carrier's answer could not be
                written. Either way the outbox brings the message back, and the gate then knows what to do.
        """
        message = self._store.messages.get(identifier)
        if message is None:
            # Its retention ended while it waited, as that of a text of a stopped broadcast may.
            shard = shard_of_message(identifier)
            if shard:
                self._store.outbox.done(shard, effect_of(SEND, identifier))
            return "missing"
        if message.broadcast and self._put_off(message):
            return "put_off"
        self._expect_status(message)
        handed = self._store.messages.hand_over(message, now=self._clock.now(), lease=LEASE)
        if not handed.send:
            self._log_refusal(message, handed)
            return handed.verdict
        answer = self._call(message)
        settled = self._settle(message, answer)
        log.info(
            "text handed over",
            message=message.id,
            kind=message.kind,
            sender=message.sender,
            address=message.address,
            status=settled.status,
            code=answer.code if isinstance(answer, Refused) else "",
        )
        for report in settled.parked:
            self.report(DeliveryReport(**report))
        return settled.status

    def _put_off(self, message: Message) -> bool:
        """Leave a text of a stopped broadcast where it is; True when it is one. It is due again when that goes on."""
        if message.status != "queued" or self._store.broadcasts.status(message.broadcast) != "stopped":
            return False
        self._store.broadcasts.put_off(message.broadcast, message.id)
        effect = effect_of(SEND, message.id)
        self._store.outbox.put(shard_of(message.address), effect, due_at=self._clock.now() + _PUT_OFF_FOR)
        return True

    def withdraw(self, identifier: str) -> str:
        """Settle a queued text that the gate would refuse by now, before anybody asks. Returns what it is then.

        Raises:
            StoreError: it is settled when it would be handed over.
        """
        message = self._store.messages.get(identifier)
        if message is None:
            return "missing"
        self._expect_status(message)
        handed = self._store.messages.hand_over(message, now=self._clock.now(), lease=LEASE, only_stop=True)
        if handed.verdict != "queued":
            self._log_refusal(message, handed)
        return handed.verdict

    def _log_refusal(self, message: Message, handed: HandOver) -> None:
        log.info(
            "text not handed over",
            message=message.id,
            kind=message.kind,
            address=message.address,
            verdict=handed.verdict,
            reason=handed.reason,
            scope=handed.blocks[0].scope.key if handed.blocks else "",
        )

    def _call(self, message: Message) -> Accepted | Refused:
        carrier = self._carriers.get(message.carrier)
        if carrier is None:
            return Refused(FAILURES["configuration"], detail=f"the carrier {message.carrier} is not switched on")
        remaining = message.expires_at - self._clock.now() if message.expires_at else None
        return carrier.send(
            OutboundText(
                message_id=message.id,
                sender=message.sender,
                address=message.address,
                body=message.body,
                status_url=self._status_url(message.carrier, message.id),
                valid_for=remaining,
            )
        )

    def _settle(self, message: Message, answer: Accepted | Refused) -> Settled:
        now = self._clock.now()
        if isinstance(answer, Accepted):
            return self._store.messages.answered(message, Result(answer.status, carrier_id=answer.carrier_id), now=now)
        failure = answer.failure
        if failure.opts_out:
            self._opt_outs.refused(message, answer.code, now)
        attempt = message.attempts
        if failure.retryable and attempt < len(_BACKOFF):
            pause = max(_BACKOFF[attempt], answer.retry_after or timedelta(0))
            result = Result("queued", failure.name, answer.code, note=answer.detail or failure.name)
            return self._store.messages.released(message, result, now=now, due_at=now + pause)
        status = "unknown" if failure.ambiguous else "failed"
        result = Result(status, failure.name, answer.code, note=answer.detail or failure.name)
        return self._store.messages.answered(message, result, now=now)

    def report(self, report: DeliveryReport) -> str:
        """Handle one delivery report, once. Returns applied, kept, duplicate, or parked for an unknown message.

        Raises:
            StoreError: it is unknown whether it was written. Answer 503, so that the carrier tries again.
        """
        message, failure = self._message_of(report), self._failure_of(report)
        # An opt-out is written before the report is marked as handled: repeating it changes nothing, losing it would.
        if message is None:
            unknown = replace(report, message_id="")
            if failure is not None:
                self._opt_outs.of_unknown_text(unknown, failure)
            self._store.messages.park(report.address, report.carrier, report.carrier_id, asdict(unknown))
            return "parked"
        self._expect_status(message)
        now = self._clock.now()
        if failure is not None:
            self._opt_outs.reported(message, report, failure)
        if failure is not None and failure.name == _LOOP:
            self._store.inbound.mute(message.sender, message.address, _MUTED_FOR)
        once = f"{report.carrier_id}:{report.carrier_status}:{report.code}"
        result = Result(
            report.status or "handing_over",
            failure.name if failure else "",
            report.code,
            report.carrier_id,
            note=" ".join(part for part in (report.carrier_status, report.code) if part),
        )
        settled = self._store.messages.reported(message, result, now=now, once=once)
        return settled.outcome

    def _message_of(self, report: DeliveryReport) -> Message | None:
        identifier = report.message_id or self._store.messages.by_carrier_id(
            report.address, report.carrier, report.carrier_id
        )
        message = self._store.messages.get(identifier) if identifier else None
        if message is None or message.carrier != report.carrier or message.direction != "out":
            return None
        return message

    def _failure_of(self, report: DeliveryReport) -> Failure | None:
        carrier = self._carriers.get(report.carrier)
        return carrier.failure_of(report.code) if carrier and report.code else None


def opted_out(blocks: tuple[Block, ...]) -> NotAllowed:
    """The refusal of a text to somebody who opted out, with the widest block."""
    block = blocks[0]
    return NotAllowed(
        "opted_out",
        "This person opted out. The text was not taken.",
        scope=block.scope.kind.value,
        source=block.source.label if block.source else "unknown",
        since=written(block.since),
    )
