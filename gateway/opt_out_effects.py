"""What an opt-out does besides blocking: the number leaves audiences and contacts, waiting texts and questions end.

None of it decides whether a text goes out, which the gate does. All is done only while the block is in force, so that
whoever came back before it was done is left alone; and lifting a block brings nobody back into anything.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from gateway.account_settings import setting_of
from gateway.audience_scopes import covered_audiences, covers_account
from gateway.clock import Clock
from gateway.contacts import Contacts
from gateway.directory import owners_of
from gateway.logs import logger
from gateway.queueing import effect_of
from gateway.situation import CLARIFICATION, DOUBLE_OPT_IN, OpenQuestion
from store import Store
from store.addresses import shard_of
from store.directory import Account
from store.journal import JournalEntry
from store.open_questions import AskedQuestion
from store.scopes import Channel, Scope

log = logger(__name__)

AFTER_CLARIFICATION = "after_clarification"
"""The effect that waits for the answer which audiences an opt-out meant; its id is "<shard>.<account>.<entry>"."""

_EFFECTIVE = {"opted_out", "strengthened", "refreshed"}


class OptOutEffects:
    """Follows the journals (gateway/following.py); everything is safe to repeat."""

    def __init__(self, store: Store, clock: Clock, contacts: Contacts, withdraw: Callable[[str], object]) -> None:
        """withdraw: settles a queued text that the gate refuses by now, given its id."""
        self._store = store
        self._clock = clock
        self._contacts = contacts
        self._withdraw = withdraw

    def follow(self, owner: str, entries: Sequence[JournalEntry]) -> None:
        """Do what is due after entries of one journal; see gateway.following.Follower."""
        by_scope = _opt_outs(entries)
        if by_scope:
            for account in self._concerned(owner):
                for scope, found in by_scope.items():
                    self._after(account, scope, found)

    def _concerned(self, owner: str) -> Sequence[Account]:
        """The accounts whose people a journal is about: of a shared sender's, every account on it (G8)."""
        accounts = self._store.directory.current(fresh=True).accounts
        if owner.startswith("@"):
            return tuple(account for account, _ in owners_of(self._store.directory, owner[1:]))
        if owner == "*":
            return tuple(accounts.values())
        return (accounts[owner],) if owner in accounts else ()

    def _after(self, account: Account, scope: Scope, entries: Mapping[str, JournalEntry]) -> None:
        numbers = list(entries)
        asked = self._store.questions.open_to(numbers, _senders(account, scope))
        questions = [(one, OpenQuestion.parse(one.text)) for one in asked]
        own = [(one, question) for one, question in questions if question.account == account.id]
        waiting = {one.address for one, question in own if question.kind == CLARIFICATION}
        for number in waiting:
            self._wait_for_answer(account, entries[number])
        left = self._leave(account, scope, [number for number in numbers if number not in waiting])
        blocked = [number for number in numbers if number in waiting or number in left]
        withdrawn = [self._withdraw(identifier) for identifier in self._store.messages.queued_to(account.id, blocked)]
        for one, question in own:
            if question.kind == DOUBLE_OPT_IN and one.address in left and _covers(scope, question):
                self._close(account, one, entries[one.address])
        log.info(
            "opt-outs took effect",
            account=account.id,
            scope=scope.kind.value,
            numbers=len(numbers),
            left_audiences=sum(left.values()),
            texts_stopped=withdrawn.count("suppressed"),
        )

    def _leave(self, account: Account, scope: Scope, numbers: Sequence[str]) -> dict[str, int]:
        """Take numbers out of audiences and contacts, as the settings say. The blocked ones, and what each left."""
        audiences: Sequence[str] = ()
        if setting_of(account.settings, "remove_from_all_audiences"):
            audiences = covered_audiences(account, scope, self._store.audience_records.all(account.id))
        counts = self._store.audiences.leave_many(numbers, account.id, audiences, while_blocked_by=scope)
        blocked = {number: count for number, count in zip(numbers, counts, strict=True) if count >= 0}
        if blocked and setting_of(account.settings, "delete_opt_outs_from_contacts") and covers_account(account, scope):
            self._contacts.drop_numbers(account, list(blocked))
        return blocked

    def _wait_for_answer(self, account: Account, entry: JournalEntry) -> None:
        """The person is asked which audiences were meant: they stay in the others if the answer comes in time."""
        window = timedelta(minutes=setting_of(account.settings, "clarification_window"))
        shard = shard_of(entry.number)
        effect = effect_of(AFTER_CLARIFICATION, f"{shard}.{account.id}.{entry.id}")
        self._store.outbox.put(shard, effect, due_at=entry.recorded_at + window)

    def after_clarification(self, identifier: str) -> None:
        """Do what waited for an answer, if the whole account is blocked still. Raises StoreError."""
        shard, account_id, entry_id = identifier.split(".")
        account = self._store.directory.current(fresh=True).accounts.get(account_id)
        for scope, found in _opt_outs(self._store.journal.entry(shard, account_id, entry_id)).items():
            if account is not None:
                self._leave(account, scope, list(found))
        self._store.outbox.done(shard, effect_of(AFTER_CLARIFICATION, identifier))

    def _close(self, account: Account, question: AskedQuestion, entry: JournalEntry) -> None:
        # Asked after they had opted out, it is their way back and stays open.
        if not self._store.journal.was_asked_since(question.address, account.id, entry.id):
            self._store.questions.close(question)


def _opt_outs(entries: Sequence[JournalEntry]) -> dict[Scope, dict[str, JournalEntry]]:
    """The opt-outs from texts that changed something, the newest of each number, by scope."""
    found: dict[Scope, dict[str, JournalEntry]] = {}
    for entry in entries:
        if entry.kind == "opt_out" and entry.outcome in _EFFECTIVE and Channel.TEXT.value in entry.channels:
            found.setdefault(Scope.parse(entry.scope), {})[entry.number] = entry
    return found


def _senders(account: Account, scope: Scope) -> list[str]:
    """The senders of an account whose questions a scope is about."""
    return [scope.sender] if scope.sender else [sender.address for sender in account.senders]


def _covers(scope: Scope, question: OpenQuestion) -> bool:
    return not scope.audience or scope.audience == question.audience
