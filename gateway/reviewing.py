"""The review queue: texts that a person has to read, and opt-outs by free words that may be taken back."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.account_settings import setting_of
from gateway.clock import Clock
from gateway.deadlines import deadline_of, due_before
from gateway.errors import NotAllowed
from store import Store
from store.consent import Change, Outcome, Source, moment, owner_of
from store.directory import Account
from store.messages import Message
from store.reviews import QueuedReview
from store.scopes import Scope

HELD, ACTED = "held", "acted"
DECISIONS = ("opt_out", "not_opt_out", "wrong_number")
# A free text that came when the number was blocked already is not what blocks it.
_OPTED_OUT = {"opted_out"}


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A text to read.

    state: "held" (nothing was done, broadcasts wait) or "acted" (the person is opted out; it may be taken back).
    last_sent: the last text this person got before, which says what they may have meant. deadline: by when a held
    text has to be decided, or an opt-out may be taken back.
    """

    message: Message
    state: str
    last_sent: Message | None
    deadline: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class ReviewLoad:
    """How much waits in one account. oldest: when the text came that waits longest."""

    account: str
    held: int
    overdue: int
    oldest: datetime | None


class Reviews:
    """The review queues."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def queue(self, account: Account, *, limit: int = 50) -> list[ReviewItem]:
        """The texts of an account to read, oldest first; held ones before those that were acted on.

        Raises:
            StoreError: the queue could not be read.
        """
        held = self._store.reviews.queue(account.id, held=True, limit=limit)
        acted = self._store.reviews.queue(account.id, held=False, limit=limit)
        items = [self._item(account, queued) for queued in [*held, *acted][:limit]]
        return [item for item in items if item]

    def _item(self, account: Account, queued: QueuedReview) -> ReviewItem | None:
        message = self._store.messages.get(queued.message)
        if message is None:
            return None
        state = _state(message)
        now = self._clock.now()
        if state == ACTED:
            deadline = _until(account, message)
            if now > deadline:
                self._store.reviews.drop(message)
                return None
        else:
            deadline = deadline_of(message.created_at)
        return ReviewItem(message, state, self._last_sent(message), deadline, overdue=state == HELD and now > deadline)

    def _last_sent(self, message: Message) -> Message | None:
        thread = self._store.messages.thread(message.account, message.address)
        before = [
            other for other in thread if other.direction == "out" and other.created_at <= message.created_at
            and other.in_reply_to != message.id
        ]  # fmt: skip
        return before[-1] if before else None

    def decide(
        self, account: Account, identifier: str, decision: str, *, actor: str, reason: str = "", undoing: bool = False
    ) -> tuple[Outcome, ...]:
        """Decide about a text.

        Args:
            account: whose queue.
            identifier: the text's message id.
            decision: "opt_out", "not_opt_out" or "wrong_number".
            actor: who decides, for the journal.
            reason: why; needed to take an opt-out back.
            undoing: what a colleague decided about a held text is undone (see `undo`).

        Raises:
            NotAllowed: not_in_review, reason_needed, review_window_over or changed_since.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        message = self._store.messages.get(identifier)
        if message is None or message.account != account.id:
            raise NotAllowed("not_in_review", "This text is not in the review queue.")
        now = self._clock.now()
        changes = self._changes(account, message, decision, reason)
        takes_back = _state(message) == ACTED and decision == "not_opt_out"
        occurred_at = now if takes_back or decision == "wrong_number" else message.created_at
        found, outcomes = self._store.reviews.decide(
            message,
            decision,
            changes,
            held=_state(message) == HELD,
            undoing=undoing,
            occurred_at=occurred_at,
            now=now,
            detail={
                "actor": actor,
                "reason": reason,
                "message": message.id,
                "text": message.body,
                "sender": message.sender,
            },
        )
        if not found:
            raise NotAllowed("not_in_review", "This text is not in the review queue; somebody may have decided it.")
        if takes_back and not any(outcome.outcome == "lifted" for outcome in outcomes):
            raise NotAllowed("changed_since", "Something happened to this number since; its opt-out stays.")
        return outcomes

    def _changes(self, account: Account, message: Message, decision: str, reason: str) -> tuple[Change, ...]:
        # What a STOP to this sender would have reached: a shared one for all accounts on it.
        shared = len(self._store.directory.current().by_sender.get(message.sender, ())) > 1
        scope = Scope.of_sender(message.sender) if shared else Scope.of_account(account.id)
        if _state(message) == ACTED:
            return self._taking_back(account, message, reason) if decision == "not_opt_out" else ()
        if decision == "opt_out":
            # A person read these words as a request: they are the subscriber's own (US-3).
            return (Change("opt_out", scope, owner_of(scope), Source.KEYWORD),)
        if decision == "wrong_number":
            # The owner of the phone never agreed; an admin may lift it when the number is theirs again (US-24).
            return (Change("opt_out", Scope.of_account(account.id).entered_side, account.id, Source.ADMIN),)
        return ()

    def _taking_back(self, account: Account, message: Message, reason: str) -> tuple[Change, ...]:
        if not reason.strip():
            raise NotAllowed("reason_needed", "Say why this was not an opt-out.")
        if self._clock.now() > _until(account, message):
            raise NotAllowed("review_window_over", "The time to take this opt-out back is over; only the person can.")
        rows = json.loads(message.extra.get("results", "[]"))
        read = [(Scope.parse(row["scope"]), row["entry"]) for row in rows if row["outcome"] in _OPTED_OUT]
        return tuple(Change("lift", scope, owner_of(scope), Source.ADMIN, only_event=entry) for scope, entry in read)

    def undo(self, account: Account, identifier: str, *, actor: str) -> tuple[Outcome, ...]:
        """Take back what deciding about a held text did, just now by mistake.

        Raises:
            NotAllowed: not_in_review (nothing was decided that can be taken back), or as `decide` and Consent.lift.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        message = self._store.messages.get(identifier)
        decision = message.extra.get("review", "") if message and message.account == account.id else ""
        if message is None or decision not in {"opt_out", "wrong_number"}:
            raise NotAllowed("not_in_review", "There is no decision about this text to take back.")
        if decision == "opt_out":
            reason = "Decided by mistake."
            return self.decide(account, identifier, "not_opt_out", actor=actor, reason=reason, undoing=True)
        change = Change("lift", Scope.of_account(account.id).entered_side, account.id, Source.ADMIN)
        detail = {"actor": actor, "reason": "Decided by mistake.", "message": message.id}
        return self._store.consent.apply(
            message.address, [change], occurred_at=self._clock.now(), detail=detail, now=self._clock.now()
        )

    def load(self) -> list[ReviewLoad]:
        """How much waits in every account, for monitoring. Raises StoreError."""
        return [self.load_of(account) for account in self._store.directory.current().accounts]

    def load_of(self, account: str) -> ReviewLoad:
        """How much waits in one account. Raises StoreError."""
        oldest = [queued.received_at for queued in self._store.reviews.queue(account, held=True, limit=1)]
        held = self._store.reviews.held_since(account) if oldest else 0
        overdue = self._store.reviews.held_since(account, due_before(self._clock.now())) if oldest else 0
        return ReviewLoad(account, held, overdue, oldest[0] if oldest else None)


def _state(message: Message) -> str:
    rows = json.loads(message.extra.get("results", "[]"))
    return ACTED if any(row["outcome"] in _OPTED_OUT for row in rows) else HELD


def _until(account: Account, message: Message) -> datetime:
    """Until when an opt-out may be taken back: a while after the text, or after a colleague decided about it."""
    decided = message.extra.get("reviewed")
    since = moment(decided) if decided else message.created_at
    return since + timedelta(days=setting_of(account.settings, "review_window"))
