"""Broadcasts: one text to an audience, as a person or a program writes, starts, stops and reads it.

broadcast_sending.py is what workers do. Nothing here or there reaches a carrier: each person's text is accepted and
handed over like any other, through the gate (G2).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.account_settings import setting_of
from gateway.audience_scopes import only_sender
from gateway.audiences import SendingAudience, Suppressed
from gateway.broadcast_sending import BEFORE_IT_IS_WRITTEN, days_of, nudge, opted_out_of, texted
from gateway.broadcast_texts import refuse_unknown_variables, text_for
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.queueing import JobQueue
from store import Store
from store.broadcasts import BroadcastRecord
from store.consent import milliseconds
from store.directory import Account

_ANYBODY = "+12025550100"
_GROUPS: Mapping[str, Sequence[str]] = {
    "waiting": ("queued",),
    "sent": ("accepted", "sent"),
    "delivered": ("delivered", "read"),
    "failed": ("failed", "undelivered", "canceled"),
    "suppressed": ("suppressed",),
    "expired": ("expired",),
    "unknown": ("unknown",),
}
"""What became of texts, as people are told, and the statuses that this is."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast and what came of it until now.

    counts: texts by what became of them (waiting, sent, delivered, failed, suppressed, expired, unknown). skipped:
    members for whom no text was made. opted_out: people who opted out by text or link within a week of it.
    """

    record: BroadcastRecord
    counts: Mapping[str, int]
    skipped: Sequence[Suppressed]
    texted: int
    opted_out: int
    alarming: bool

    @property
    def texts(self) -> int:
        """How many texts were made."""
        return sum(self.counts.values())

    @property
    def left_out(self) -> int:
        """How many members no text was made for."""
        return sum(one.count for one in self.skipped)

    @property
    def done(self) -> int:
        """Members about whom it is over: their text left or was stopped, or none was made."""
        return self.texts - self.counts["waiting"] + self.left_out

    @property
    def size(self) -> int:
        """Members in all; while the audience is gone through, as many as there were at the start."""
        reached = self.texts + self.left_out
        return reached if self.record.walked_at else max(reached, self.record.size)

    @property
    def progress(self) -> float:
        """How much of it is over, from 0 to 1."""
        if self.record.status == "finished":
            return 1.0
        return min(1.0, self.done / self.size) if self.size else 0.0

    @property
    def rate(self) -> float | None:
        """Opt-outs per text that left; None before the first."""
        return self.opted_out / self.texted if self.texted else None


class Broadcasts:
    """Broadcasts of all accounts."""

    def __init__(
        self,
        store: Store,
        queue: JobQueue,
        clock: Clock,
        new_id: Callable[[], str],
        sendable: Callable[..., SendingAudience],
        filled: Callable[[Account, str, str, str], str],
    ) -> None:
        """sendable: who of an audience would get a text now. filled: a text with a person's own link."""
        self._store = store
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._sendable = sendable
        self._filled = filled

    def get(self, account: Account, identifier: str) -> Broadcast:
        """A broadcast with its figures. Raises NotAllowed: not_found; StoreError."""
        return self._with_figures(account, [self._record(account, identifier)])[0]

    def newest(self, account: Account, limit: int, *, before: tuple[datetime, str] | None = None) -> list[Broadcast]:
        """The newest broadcasts with their figures, newest first.

        Args:
            account: whose.
            limit: how many at most.
            before: time and id of the last one of the page before.

        Raises:
            StoreError: there is no answer.
        """
        return self._with_figures(account, self._store.broadcasts.newest(account.id, limit, before=before))

    def _record(self, account: Account, identifier: str) -> BroadcastRecord:
        record = self._store.broadcasts.get(identifier)
        if record is None or record.account != account.id:
            raise NotAllowed("not_found", "There is no broadcast with this id.")
        return record

    def _with_figures(self, account: Account, records: Sequence[BroadcastRecord]) -> list[Broadcast]:
        today = self._clock.now().date()
        begun = [record for record in records if record.status != "draft"]
        figures = self._store.broadcasts.figures([record.id for record in begun])
        left = self._store.broadcasts.left(account.id, {record.id: days_of(record, today) for record in begun})
        alarm = float(setting_of(account.settings, "opt_out_rate_alarm"))
        return [
            _broadcast(record, figures.get(record.id, Counter()), left.get(record.id, 0), alarm) for record in records
        ]

    def create(self, account: Account, *, name: str, audience: str, sender: str, body: str, actor: str) -> Broadcast:
        """Write a draft.

        Args:
            account: whose.
            name: for colleagues; the audience's id when empty.
            audience: one of the account's.
            sender: one of the account's, or "" for the audience's own or the account's only one.
            body: the text, with variables.
            actor: who writes it.

        Raises:
            NotAllowed: unknown_audience, unknown_sender or unknown_variable.
            StoreError: it may have been written.
        """
        account = self._fresh(account)
        _refuse_impossible(account, audience=audience, sender=sender, body=body)
        now = self._clock.now()
        record = BroadcastRecord(
            self._new_id(),
            account.id,
            name or audience,
            audience,
            sender,
            body,
            "draft",
            now,
            now,
            actor,
            self._new_id(),
        )
        self._store.broadcasts.create(record)
        return self.get(account, record.id)

    def change(self, account: Account, identifier: str, changes: Mapping[str, str]) -> Broadcast:
        """Change a draft.

        Args:
            account, identifier: which.
            changes: name, audience, sender or body; what is left out stays.

        Raises:
            NotAllowed: not_found, not_a_draft, unknown_audience, unknown_sender or unknown_variable.
            StoreError: it is unknown whether it was changed; repeating is safe.
        """
        account, record = self._fresh(account), self._record(account, identifier)
        wanted = {name: getattr(record, name) for name in ("name", "audience", "sender", "body")} | dict(changes)
        wanted["name"] = wanted["name"] or wanted["audience"]
        _refuse_impossible(account, audience=wanted["audience"], sender=wanted["sender"], body=wanted["body"])
        if not self._store.broadcasts.change(identifier, self._clock.now(), wanted, expect={"status": ["draft"]}):
            raise _not_a_draft(self._record(account, identifier))
        return self.get(account, identifier)

    def remove(self, account: Account, identifier: str) -> None:
        """Throw a draft away. What was sent stays. Raises NotAllowed: not_found, not_a_draft; StoreError."""
        record = self._record(account, identifier)
        if not self._store.broadcasts.remove_draft(identifier, account.id, self._clock.now()):
            raise _not_a_draft(record)

    def sending_audience(self, account: Account, record: BroadcastRecord) -> SendingAudience:
        """Who of its audience would get a broadcast now. Raises NotAllowed: unknown_audience; StoreError."""
        try:
            return self._sendable(account, record.audience, sender=self.sender_of(account, record) or None)
        except NotAllowed as error:
            raise _unknown_audience(record.audience) if error.code == "not_found" else error from None

    def sender_of(self, account: Account, record: BroadcastRecord) -> str:
        """The sender that a broadcast goes out from; "" when one has to be chosen. Raises StoreError."""
        described = self._store.audience_records.get(account.id, record.audience)
        return record.sender or only_sender(account, described) or ""

    def start(self, account: Account, identifier: str, *, actor: str, as_of: datetime | None = None) -> Broadcast:
        """Send a draft to its audience. Starting what is being sent changes nothing.

        Args:
            account, identifier: which.
            actor: who starts it.
            as_of: when the draft that this person saw was changed last; another one is not sent.

        Raises:
            NotAllowed: not_found, not_a_draft, unknown_audience, unknown_sender, sender_needed, empty_text,
                no_public_url, nobody_to_text, or changed_meanwhile.
            StoreError: it is unknown whether it was started; repeating is safe.
        """
        account, record = self._fresh(account), self._record(account, identifier)
        if record.status == "sending":
            return self.get(account, identifier)
        if record.status != "draft":
            raise _not_a_draft(record)
        if as_of is not None and as_of != record.updated_at:
            raise NotAllowed("changed_meanwhile", "Somebody changed the broadcast meanwhile. Look at it again.")
        sender = self._ready(account, record)
        members = self._refuse_nobody(account, record)
        now = self._clock.now()
        # The effect first: a broadcast without its effect would wait for ever.
        nudge(self._store, record.id, now + BEFORE_IT_IS_WRITTEN)
        changes = {"status": "sending", "sender": sender, "size": members, "started_by": actor, "started": now}
        expect = {"status": ["draft"], "updated": [str(milliseconds(record.updated_at))]}
        if not self._store.broadcasts.change(record.id, now, changes, expect=expect):
            raise NotAllowed("changed_meanwhile", "Somebody changed the broadcast meanwhile. Look at it again.")
        self._go(record.id)
        return self.get(account, identifier)

    def _ready(self, account: Account, record: BroadcastRecord) -> str:
        """The sender of a broadcast that can be sent."""
        sender = self.sender_of(account, record)
        if not sender:
            raise NotAllowed("sender_needed", "Choose the sender that the texts come from.")
        if not record.body.strip():
            raise NotAllowed("empty_text", "The broadcast has no text yet.")
        _refuse_impossible(account, audience=record.audience, sender=sender, body=record.body)
        self._filled(account, sender, _ANYBODY, text_for(account, record.body))
        return sender

    def _refuse_nobody(self, account: Account, record: BroadcastRecord) -> int:
        found = self.sending_audience(account, record)
        if not found.sendable:
            raise NotAllowed("nobody_to_text", "Nobody in the audience may be texted now.")
        return found.members

    def _go(self, identifier: str) -> None:
        nudge(self._store, identifier, self._clock.now() + BEFORE_IT_IS_WRITTEN, self._queue)

    def stop(self, account: Account, identifier: str, *, actor: str) -> Broadcast:
        """Stop a broadcast: no text of it is handed over any more, also of those that are queued already.

        Raises:
            NotAllowed: not_found or not_sending.
            StoreError: it is unknown whether it was stopped; repeating is safe.
        """
        self._record(account, identifier)
        changes = {"status": "stopped", "stopped_by": actor, "problem": ""}
        if not self._store.broadcasts.change(identifier, self._clock.now(), changes, expect={"status": ["sending"]}):
            record = self._record(account, identifier)
            if record.status != "stopped":
                raise _not_sending(record)
        return self.get(account, identifier)

    def resume(self, account: Account, identifier: str, *, actor: str) -> Broadcast:
        """Go on with a broadcast that was stopped, where it was. After an alarm, it does not alarm again.

        Raises:
            NotAllowed: not_found, not_sending or unknown_sender.
            StoreError: it is unknown whether it goes on; repeating is safe.
        """
        account, record = self._fresh(account), self._record(account, identifier)
        if record.status == "sending":
            return self.get(account, identifier)
        if record.status != "stopped":
            raise _not_sending(record)
        _refuse_unknown_sender(account, record.sender)
        changes = {"status": "sending", "problem": "", "stopped_by": "", "resumed_by": actor}
        if record.alarm:
            changes["alarm"] = "overruled"
        nudge(self._store, record.id, self._clock.now() + BEFORE_IT_IS_WRITTEN)
        self._store.broadcasts.change(identifier, self._clock.now(), changes, expect={"status": ["stopped"]})
        self._go(identifier)
        return self.get(account, identifier)

    def _fresh(self, account: Account) -> Account:
        """The account with the audiences that were named since the caller read it."""
        return self._store.directory.current(fresh=True).accounts.get(account.id, account)


def _broadcast(record: BroadcastRecord, figures: Counter[str], left: int, alarm: float) -> Broadcast:
    counts = {group: sum(figures[status] for status in statuses) for group, statuses in _GROUPS.items()}
    skipped = []
    for what, count in sorted(record.skipped.items()):
        reason, scope, source = what.split("|")
        skipped.append(Suppressed(reason, scope, source, count))
    sent = texted(figures)
    return Broadcast(record, counts, skipped, sent, left, opted_out_of(left, sent) >= alarm and left > 0)


def _refuse_impossible(account: Account, *, audience: str, sender: str, body: str) -> None:
    if audience not in account.audiences:
        raise _unknown_audience(audience)
    if sender:
        _refuse_unknown_sender(account, sender)
    refuse_unknown_variables(body)


def _refuse_unknown_sender(account: Account, sender: str) -> None:
    if not any(known.address == sender for known in account.senders):
        raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")


def _unknown_audience(audience: str) -> NotAllowed:
    return NotAllowed("unknown_audience", f"There is no audience with the id {audience}.")


def _not_a_draft(record: BroadcastRecord) -> NotAllowed:
    return NotAllowed("not_a_draft", f"The broadcast is {record.status}; only a draft can be changed or removed.")


def _not_sending(record: BroadcastRecord) -> NotAllowed:
    return NotAllowed("not_sending", f"The broadcast is {record.status}.")
