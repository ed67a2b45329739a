"""Broadcasts by workers: an audience is gone through bucket by bucket, and each member's text is accepted once.

What has to be done stands in the outbox as "broadcast:<id>". Each job takes members until enough texts wait to be
handed over, and comes again soon: so a broadcast fills no queue, a stop has little to call back, and opt-outs of those
who were texted first are looked at before the rest is taken. How far it came is noted after each block by the worker
that holds the broadcast. A block that a dead worker began is repeated, and finds the texts that it had made: the id of
a text follows from broadcast and number.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from gateway.account_settings import setting_of
from gateway.broadcast_texts import text_for
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.logs import logger
from gateway.outbound import SendRequest
from gateway.queueing import DEFAULT, SEND, JobQueue, effect_of
from store import Store
from store.addresses import place_of
from store.broadcasts import BroadcastFigures, BroadcastRecord
from store.consent import Block
from store.directory import Account
from store.messages import shard_of_message

log = logger(__name__)

BROADCAST = "broadcast"
"""The kind of effect that goes on with a broadcast; its id is the broadcast's.

Not in the queue of the texts: behind a thousand of them it would see too late that too many opt out.
"""

BEFORE_IT_IS_WRITTEN = timedelta(seconds=10)
_BLOCK = 250
_AGAIN = timedelta(seconds=1)
_LEASE = timedelta(seconds=60)
# Seconds. Other work of the queue waits for so long.
_AT_ONCE = 1.0
# Texts whose carrier is down are tried for two hours; what waits longer than this waits without the broadcast.
_WATCHED = timedelta(hours=6)
_LEFT_BECAUSE = timedelta(days=7)
_FEWEST_TO_STOP = 5
_STOP_AT_TIMES = 2
_NOT_TEXTED = {"queued", "suppressed", "expired", "canceled"}

AcceptMany = Callable[[Account, Sequence[SendRequest]], Sequence[tuple[Block, ...]]]


class BroadcastSending:
    """What a worker does for broadcasts."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        clock: Clock,
        new_id: Callable[[], str],
        accept_many: AcceptMany,
        *,
        ahead: int = 1000,
    ) -> None:
        """ahead: no more members are taken while so many texts of the broadcast wait to be handed over."""
        self._ahead = ahead
        self._at_once = min(_BLOCK, ahead)
        self._store = store
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._accept_many = accept_many

    def go_on(self, identifier: str) -> None:
        """Go on with a broadcast for a moment; safe to repeat. Raises StoreError: the sweeper has it done again."""
        record, token = self._store.broadcasts.get(identifier), self._new_id()
        if record is not None and record.status == "sending":
            if not self._store.broadcasts.hold(identifier, token, self._clock.now(), _LEASE):
                return
            try:
                self._go_on(record, token)
            finally:
                self._store.broadcasts.release(identifier, token)
        self._store.outbox.done(_shard(identifier), effect_of(BROADCAST, identifier))
        # Looked at after the effect is forgotten: whoever starts or resumes it from now on writes a new one.
        if self._store.broadcasts.status(identifier) == "sending":
            nudge(self._store, identifier, self._clock.now() + _AGAIN)

    def _go_on(self, record: BroadcastRecord, token: str) -> None:
        account = self._store.directory.current(fresh=True).accounts.get(record.account)
        self._ask_again(record.id)
        if account is None:
            self._stop(record, {"problem": "The account is not there any more."})
        elif record.walked_at is None:
            self._walk(account, record, token)
        elif not self._has_to_stop(account, record, self._figures(record)):
            self._finish(record)

    def _ask_again(self, identifier: str) -> None:
        """Texts that came up while it was stopped are due now."""
        texts = self._store.broadcasts.those_put_off(identifier)
        for text in texts:
            self._store.outbox.put(shard_of_message(text) or "", effect_of(SEND, text), due_at=self._clock.now())
        self._store.broadcasts.no_longer_put_off(identifier, texts)

    def _walk(self, account: Account, record: BroadcastRecord, token: str) -> None:
        until, skipped = self._clock.monotonic() + _AT_ONCE, Counter(record.skipped)
        for place, numbers in self._blocks(record):
            if not self._may_take(account, record, token):
                return
            try:
                skipped.update(self._take(account, record, numbers))
            except NotAllowed as error:
                self._stop(record, {"problem": str(error)})
                return
            if not self._note(record, token, {"place": place, "skipped": dict(skipped)}):
                return
            if self._clock.monotonic() >= until:
                return
        self._note(record, token, {"walked": self._clock.now()})

    def _blocks(self, record: BroadcastRecord) -> Iterator[tuple[str, list[str]]]:
        """The members that are left, some buckets at a time, and the place of the last one."""
        place, block = "", list[str]()
        for place, numbers in self._store.audience_members.buckets_after(record.account, record.audience, record.place):
            block += numbers
            if len(block) >= self._at_once:
                yield place, block
                block = []
        if block:
            yield place, block

    def _may_take(self, account: Account, record: BroadcastRecord, token: str) -> bool:
        held = self._store.broadcasts.hold(record.id, token, self._clock.now(), _LEASE)
        if not held or self._store.broadcasts.status(record.id) != "sending":
            return False
        figures = self._figures(record)
        return not self._has_to_stop(account, record, figures) and figures.by_status["queued"] < self._ahead

    def _figures(self, record: BroadcastRecord) -> BroadcastFigures:
        return self._store.broadcasts.figures([record.id])[record.id]

    def _take(self, account: Account, record: BroadcastRecord, numbers: Sequence[str]) -> Counter[str]:
        """Have a text made for each of the numbers. Returns who was skipped, by "reason|scope|source"."""
        skipped: Counter[str] = Counter()
        held = self._store.audience_members.held_of(account.id, numbers)
        if held:
            skipped["held|account|"] = len(held)
        body = text_for(account, record.body)
        wanted = [number for number in numbers if number not in held]
        for start in range(0, len(wanted), _BLOCK):
            requests = [_request(record, number, body) for number in wanted[start : start + _BLOCK]]
            for blocks in self._accept_many(account, requests):
                if blocks:
                    source = blocks[0].source
                    skipped[f"opted_out|{blocks[0].scope.kind.value}|{source.label if source else 'unknown'}"] += 1
        log.info("broadcast goes on", id=record.id, members=len(numbers), skipped=sum(skipped.values()))
        return skipped

    def _note(self, record: BroadcastRecord, token: str, changes: dict[str, object]) -> bool:
        """Note how far it is, also when it was stopped meanwhile; False when another worker has it."""
        return self._store.broadcasts.change(record.id, self._clock.now(), changes, expect={"holder": [token]})

    def _has_to_stop(self, account: Account, record: BroadcastRecord, figures: BroadcastFigures) -> bool:
        """Stop it when too many of those who were texted opt out (setting opt_out_rate_alarm)."""
        if record.alarm:
            return False
        now = self._clock.now()
        left = self._store.broadcasts.left(account.id, {record.id: days_of(record, now.date())})[record.id]
        sent, alarm = texted(figures), float(setting_of(account.settings, "opt_out_rate_alarm"))
        if left < _FEWEST_TO_STOP or opted_out_of(left, sent) < _STOP_AT_TIMES * alarm:
            return False
        problem = f"{left} of {sent} people who were texted opted out ({opted_out_of(left, sent):.1f} %)."
        return self._stop(record, {"problem": problem, "alarm": "stopped"})

    def _stop(self, record: BroadcastRecord, changes: dict[str, object]) -> bool:
        log.warning("broadcast stopped", id=record.id, problem=changes["problem"])
        wanted = {"status": "stopped", **changes}
        self._store.broadcasts.change(record.id, self._clock.now(), wanted, expect={"status": ["sending"]})
        return True

    def _finish(self, record: BroadcastRecord) -> None:
        """It is over when no text waits any more."""
        now, waiting = self._clock.now(), self._figures(record).by_status["queued"]
        since = max(at for at in (record.walked_at, record.resumed_at, record.created_at) if at is not None)
        if waiting and now - since < _WATCHED:
            return
        changes = {"status": "finished", "ended": now}
        self._store.broadcasts.change(record.id, now, changes, expect={"status": ["sending"]})


def nudge(store: Store, identifier: str, due_at: datetime, queue: JobQueue | None = None) -> None:
    """Have a worker go on with a broadcast: at a time, and at once when there is a queue. Raises StoreError."""
    effect = effect_of(BROADCAST, identifier)
    store.outbox.put(_shard(identifier), effect, due_at=due_at)
    if queue is not None:
        queue.submit(DEFAULT, effect)


def texted(figures: BroadcastFigures) -> int:
    """How many texts left for the carrier."""
    return sum(count for status, count in figures.by_status.items() if status not in _NOT_TEXTED)


def opted_out_of(left: int, sent: int) -> float:
    """Opt-outs per hundred texts."""
    return 100 * left / sent if sent else 0.0


def days_of(record: BroadcastRecord, today: date) -> tuple[date, date]:
    """The days in which an opt-out may have come of a broadcast."""
    start = (record.started_at or record.created_at).date()
    last = today if record.status == "sending" else ((record.ended_at or record.updated_at) + _LEFT_BECAUSE).date()
    return start, min(last, today)


def _shard(identifier: str) -> str:
    return place_of(identifier).shard


def _request(record: BroadcastRecord, number: str, body: str) -> SendRequest:
    return SendRequest(
        sender=record.sender,
        address=number,
        body=body,
        kind="broadcast",
        audience=record.audience,
        sent_by=record.resumed_by or record.started_by,
        broadcast=record.id,
        seed=record.seed,
    )
