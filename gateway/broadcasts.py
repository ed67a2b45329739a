"""Broadcasts: one text to an audience, as a person or a program writes, starts, stops and reads it.

broadcast_sending.py is what workers do. Nothing here or there reaches a carrier: each person's text is accepted and
handed over like any other, through the gate (G2).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

from gateway.account_settings import setting_of
from gateway.audience_scopes import only_sender
from gateway.audiences import SendingAudience
from gateway.broadcast_figures import Broadcast, Left, broadcast_of
from gateway.broadcast_sending import BEFORE_IT_IS_WRITTEN, days_of, nudge
from gateway.broadcast_texts import refuse_unknown_variables, text_for
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.queueing import JobQueue
from store import Store
from store.addresses import is_number
from store.broadcasts import BroadcastFigures, BroadcastRecord
from store.consent import milliseconds
from store.directory import Account

_ANYBODY = "+12025550100"


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

    def who_left(
        self, account: Account, identifier: str, limit: int, *, before: tuple[datetime, str] | None = None
    ) -> list[Left]:
        """Who opted out within a week of a broadcast, newest first.

        Args:
            account, identifier: which.
            limit: how many at most.
            before: time and text of the last one of the page before.

        Raises:
            NotAllowed: not_found. StoreError: there is no answer.
        """
        record = self._record(account, identifier)
        if record.status == "draft":
            return []
        _, last = days_of(record, self._clock.now().date())
        until = datetime.combine(last + timedelta(days=1), time(), UTC)
        since = record.started_at or record.created_at
        found = self._store.broadcasts.who_left(account.id, identifier, since, until)
        shown = [one for one in found if before is None or one < before][:limit]
        texts = self._store.texts.read([text for _, text in shown])
        return [
            Left(at, text, message.address if message is not None and is_number(message.address) else "")
            for (at, text), message in zip(shown, texts, strict=True)
        ]

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
            broadcast_of(record, figures.get(record.id, BroadcastFigures()), left.get(record.id, 0), alarm)
            for record in records
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
        sender, audience = self._ready(account, record)
        now = self._clock.now()
        # The effect first: a broadcast without its effect would wait for ever.
        nudge(self._store, record.id, now + BEFORE_IT_IS_WRITTEN)
        changes = {"status": "sending", "sender": sender, "size": audience.members, "started_by": actor, "started": now}
        expect = {"status": ["draft"], "updated": [str(milliseconds(record.updated_at))]}
        if not self._store.broadcasts.change(record.id, now, changes, expect=expect):
            raise NotAllowed("changed_meanwhile", "Somebody changed the broadcast meanwhile. Look at it again.")
        self._go(record.id)
        return self.get(account, identifier)

    def ready(self, account: Account, identifier: str) -> tuple[str, SendingAudience]:
        """What a draft would be sent from, and who would get it, were it started now; refused as `start` refuses.

        Raises:
            NotAllowed: not_found, not_a_draft, unknown_audience, unknown_sender, sender_needed, empty_text,
                no_public_url or nobody_to_text.
            StoreError: there is no answer.
        """
        account, record = self._fresh(account), self._record(account, identifier)
        if record.status != "draft":
            raise _not_a_draft(record)
        return self._ready(account, record)

    def _ready(self, account: Account, record: BroadcastRecord) -> tuple[str, SendingAudience]:
        sender = self.sender_of(account, record)
        if not sender:
            raise NotAllowed("sender_needed", "Choose the sender that the texts come from.")
        if not record.body.strip():
            raise NotAllowed("empty_text", "The broadcast has no text yet.")
        _refuse_impossible(account, audience=record.audience, sender=sender, body=record.body)
        self._filled(account, sender, _ANYBODY, text_for(account, record.body))
        found = self.sending_audience(account, record)
        if not found.sendable:
            raise NotAllowed("nobody_to_text", "Nobody in the audience may be texted now.")
        return sender, found

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
        now = self._clock.now()
        changes = {"status": "sending", "problem": "", "stopped_by": "", "resumed_by": actor, "resumed": now}
        if record.alarm:
            changes["alarm"] = "overruled"
        nudge(self._store, record.id, now + BEFORE_IT_IS_WRITTEN)
        self._store.broadcasts.change(identifier, now, changes, expect={"status": ["stopped"]})
        self._go(identifier)
        return self.get(account, identifier)

    def _fresh(self, account: Account) -> Account:
        """The account with the audiences that were named since the caller read it."""
        return self._store.directory.current(fresh=True).accounts.get(account.id, account)


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
