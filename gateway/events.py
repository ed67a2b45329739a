"""Events: what happens in an account, for programs that want to know. A feed to fetch, and endpoints to be told.

Events of consent come from the journal (`follow`), so that none is missed and none can be told that did not happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.account_settings import setting_of
from gateway.clock import Clock, written
from gateway.directory import owners_of
from gateway.queueing import EVENTS, JobQueue, effect_of
from store import Store
from store.addresses import shard_of
from store.consent import JournalEntry
from store.directory import Account
from store.events import Endpoint, Event
from store.messages import Message
from store.scopes import Scope, ScopeKind

DELIVER = "deliver"
"""The kind of effect that tells an endpoint of an event; its id is "<account>.<endpoint>.<event>"."""

ANNOUNCE = "announce"
"""The kind of effect that makes an event of a text's status; its id is the message's."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event: its name and what it tells."""

    name: str
    help: str


EVENT_KINDS: Mapping[str, EventKind] = {
    kind.name: kind
    for kind in (
        EventKind(
            "opted_out",
            "A number was opted out: scope, channels, source, since, and by which words. Rows of imports are not told "
            "one by one: import_finished tells of all of them, and GET /opt-outs?source=import lists them.",
        ),
        EventKind("opted_in", "An opt-out was lifted, or a number joined an audience."),
        EventKind("held", "A text waits for a person to read it; broadcasts leave the number out meanwhile."),
        EventKind("reviewed", "A person decided about a held text."),
        EventKind("message_status", "A text has a new status (only with the setting message_status_events)."),
        EventKind("import_finished", "An import came to an end: finished, stopped, failed or undone, with its counts."),
    )
}

# (kind of journal entry, outcome) -> kind of event; what is not here is no event.
_OF_ENTRY = {
    ("opt_out", "opted_out"): "opted_out",
    ("lift", "lifted"): "opted_in",
    ("lift", "undone"): "opted_in",
    ("join", "joined"): "opted_in",
    ("held", "held"): "held",
}
_TOLD = ("text", "matched", "rule", "certainty", "language", "explanation", "sender", "message", "actor", "note",
         "reason", "batch", "row")  # fmt: skip


class Events:
    """Records events and has endpoints told of them."""

    def __init__(self, store: Store, queue: JobQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    def publish(self, account: str, events: Sequence[Event]) -> None:
        """Record events and have them sent to the account's endpoints. Repeating changes nothing.

        Raises:
            StoreError: some may not be recorded; repeat it.
        """
        now = self._clock.now()
        endpoints = self._store.events.endpoints(account)
        effects = [
            effect_of(DELIVER, f"{account}.{endpoint.id}.{event.id}")
            for event in events
            for endpoint in endpoints
            if endpoint.wants(event.kind) and self._store.events.delivery(account, endpoint.id, event.id) is None
        ]
        for effect in effects:
            # Noted before the event is there: an effect without its event is dropped, an event is never forgotten.
            self._store.outbox.put(shard_of(effect), effect, due_at=now)
        self._store.events.append(account, events)
        for effect in effects:
            self._queue.submit(EVENTS, effect)

    def follow(self, owner: str, entries: Sequence[JournalEntry]) -> None:
        """Make events of journal entries; see gateway.following.Follower."""
        for account in self._concerned(owner):
            events = [
                event
                for entry in entries
                if (event := event_of(entry, words=owner == account.id)) is not None
                and (owner == account.id or self._knows(account, entry.number))
            ]
            if events:
                self.publish(account.id, events)

    def _concerned(self, owner: str) -> Sequence[Account]:
        accounts = self._store.directory.current().accounts
        if owner in accounts:
            return (accounts[owner],)
        if owner.startswith("@"):
            return tuple(account for account, _ in owners_of(self._store.directory, owner[1:]))
        return tuple(accounts.values()) if owner == "*" else ()

    def _knows(self, account: Account, number: str) -> bool:
        """True when the account texted with the person: a shared sender shows nobody the others' people (G8)."""
        return bool(self._store.messages.thread(account.id, number, limit=1))

    def erase(self, account: Account, number: str) -> Mapping[str, int]:
        """Forget the events about a number; see gateway.erasure.Eraser."""
        return {"events": self._store.events.erase(account.id, number)}

    def expect_status(self, message: Message) -> None:
        """Say that a text's status may be about to change, when its account wants events of that. Raises StoreError."""
        account = self._store.directory.current().accounts.get(message.account)
        if account is not None and setting_of(account.settings, "message_status_events"):
            effect = effect_of(ANNOUNCE, message.id)
            self._store.outbox.put(shard_of(message.address), effect, due_at=self._clock.now())

    def announce(self, message_id: str) -> None:
        """Make an event of a text's status as it is now. Raises StoreError."""
        message = self._store.messages.get(message_id)
        if message is not None:
            self.publish(message.account, [_status_event(message)])
            self._store.outbox.done(shard_of(message.address), effect_of(ANNOUNCE, message_id))


def event_of(entry: JournalEntry, *, words: bool) -> Event | None:
    """The event of a journal entry, or None when programs need not know.

    words: tell the person's words and who did it; not to an account that only shares the sender (G8).
    """
    kind = "reviewed" if entry.kind == "review" else _OF_ENTRY.get((entry.kind, entry.outcome))
    # A million rows would be a million events; the import is one.
    if kind is None or "batch" in entry.detail:
        return None
    scope = Scope.parse(entry.scope)
    data: dict[str, Any] = {
        "number": entry.number,
        "scope": scope.kind.value,
        "channels": list(entry.channels),
        "source": entry.source,
        "outcome": entry.outcome,
        "occurred_at": written(entry.occurred_at),
        "recorded_at": written(entry.recorded_at),
    }
    if scope.kind is not ScopeKind.ACCOUNT:
        data |= {name: value for name, value in (("scope_sender", scope.sender), ("audience", scope.audience)) if value}
    if words:
        data |= {name: entry.detail[name] for name in _TOLD if entry.detail.get(name)}
    return Event(f"{entry.number[-2:]}-{entry.id}-{entry.detail.get('row', 0)}", kind, entry.occurred_at, data)


def _status_event(message: Message) -> Event:
    data = {
        "message": message.id,
        "number": message.address,
        "sender": message.sender,
        "status": message.status,
        "reason": message.reason,
        "code": message.code,
    }
    at = message.updated_at or message.created_at
    return Event(f"{message.id}-{message.status}", "message_status", at, data)


def shown_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as people and programs see it: without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "kinds": list(endpoint.kinds),
        "active": endpoint.active,
        "note": endpoint.note,
        "created_at": endpoint.created_at,
    }
