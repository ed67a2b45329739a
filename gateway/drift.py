"""Drift: where what we hold and what a carrier blocks by itself are not the same.

No carrier we know says whom it blocks when asked (Twilio has no way to read its list). What it told us is in the
journal: error codes, OptOutType, and texts in its own words to senders whose keywords it handles. From that follows
what it must be doing now, number by number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from gateway.carriers.base import Carrier, CarrierTraits, TakesOptOuts
from gateway.reply_policy import Handling, handling_of
from store import Store
from store.addresses import is_number
from store.consent import Block, JournalEntry, Source
from store.directory import Account, Sender
from store.keys import SHARDS
from store.scopes import Channel, Scope, both_sides

CARRIER_BLOCKS, CARRIER_OPEN = "carrier_blocks", "carrier_open"

# START and UNSTOP are all that the network takes; YES does nothing there (TF-2).
_TOLL_FREE_OPT_IN = frozenset({"start", "unstop"})
_HANDLED = {Handling.CARRIER, Handling.ADVANCED, Handling.TOLL_FREE}
_BY_THE_PERSON = {Source.KEYWORD.label, Source.LINK.label}
_ENTERED = {"opted_out", "strengthened"}
# Numbers times senders that are asked for at once.
_PAIRS = 3000
# How the person said so, as a carrier wants to know it; by the source of the opt-out.
_MEDIUM = {"keyword": "text", "link": "website", "agent": "offline", "admin": "offline"}


@dataclass(frozen=True, slots=True)
class Drift:
    """One number and sender where we and the carrier differ.

    side: CARRIER_BLOCKS (we say open) or CARRIER_OPEN (we block). since: when it began. because: what shows it.
    repair: what can be done, a sentence. pushable: whether the carrier can be told. entry: the journal entry of our
    opt-out, for telling. medium: how the person said so ("text", "website", "offline", "other").
    """

    account: str
    number: str
    sender: str
    carrier: str
    side: str
    since: datetime
    because: str
    repair: str
    pushable: bool = False
    entry: str = ""
    medium: str = ""


@dataclass(slots=True)
class _Told:
    """What the carrier told us of one number and sender, newest of each."""

    blocked_at: datetime | None = None
    because: str = ""
    opened_at: datetime | None = None

    @property
    def blocks(self) -> bool:
        """On a tie it blocks, as with us."""
        return self.blocked_at is not None and (self.opened_at is None or self.blocked_at >= self.opened_at)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The opt-out that stands in one scope: its journal entry, source, sender texted, and whose words they were."""

    entry: str
    source: str
    since: datetime
    texted: str
    carriers_words: bool


@dataclass(slots=True)
class _Person:
    """Everything about one number that matters here: by sender what the carrier did, by scope what we hold."""

    told: dict[str, _Told] = field(default_factory=dict)
    origins: dict[str, _Origin] = field(default_factory=dict)


class DriftReport:
    """Finds drift, one account and shard at a time."""

    def __init__(self, store: Store, carriers: Mapping[str, Carrier]) -> None:
        self._store = store
        self._carriers = carriers

    def of_account(self, account: Account) -> Iterator[Drift]:
        """All drift of an account. What is in memory is one shard's people, a hundredth of all.

        Raises:
            StoreError: the rest is unknown.
        """
        handled = {sender.address: sender for sender in account.senders if _is_handled(sender)}
        if not handled:
            return
        for shard in SHARDS:
            people = self._people(account, shard, handled)
            # By the last digits: a batch then asks few buckets of the gate for many numbers each.
            numbers = iter(sorted(people, key=lambda number: (number[-4:], number)))
            while batch := list(islice(numbers, max(1, _PAIRS // len(handled)))):
                yield from self._compare(account, shard, handled, {number: people[number] for number in batch})

    def _people(self, account: Account, shard: str, handled: Mapping[str, Sender]) -> Mapping[str, _Person]:
        people: dict[str, _Person] = {}
        # Texts to a shared sender are in the sender's own journal.
        for owner in (account.id, *(f"@{sender.address}" for sender in account.senders)):
            for entry in self._store.journal.entries(shard, owner):
                person = people.setdefault(entry.number, _Person())
                self._learn_of_carrier(person, entry, handled)
                if entry.kind == "opt_out" and entry.outcome in _ENTERED:
                    person.origins[entry.scope] = self._origin(entry, handled)
        return people

    def _learn_of_carrier(self, person: _Person, entry: JournalEntry, handled: Mapping[str, Sender]) -> None:
        if entry.source == Source.CARRIER.label:
            sender = Scope.parse(entry.scope).sender
            if sender in handled:
                _note_block(person, sender, entry.occurred_at, _reason(entry.detail))
            return
        texted = _sender_texted(entry.detail, handled)
        if texted is None or not entry.detail.get("carrier_id"):
            # Only a text itself tells what the carrier did; what somebody here decided about one later does not.
            return
        said = self._said_to_carrier(entry.detail, texted)
        if said == "opt_out":
            _note_block(person, texted.address, entry.occurred_at, f"the person texted {_text(entry.detail)!r}")
        elif said == "opt_in":
            told = person.told.setdefault(texted.address, _Told())
            told.opened_at = max(told.opened_at or entry.occurred_at, entry.occurred_at)

    def _said_to_carrier(self, detail: Mapping[str, Any], sender: Sender) -> str:
        """What a text meant to the carrier: "opt_out", "opt_in", or "" for nothing."""
        action = str(detail.get("carrier_action", ""))
        if action:
            return action
        traits = self._traits(sender)
        word = _text(detail).strip().casefold()
        if word in traits.opt_out_words:
            return "opt_out"
        coming_back = _TOLL_FREE_OPT_IN if sender.kind == "toll_free" else traits.opt_in_words
        return "opt_in" if word in coming_back else ""

    def _origin(self, entry: JournalEntry, handled: Mapping[str, Sender]) -> _Origin:
        texted = _sender_texted(entry.detail, handled)
        understood = texted is not None and self._said_to_carrier(entry.detail, texted) == "opt_out"
        by_sender = texted.address if texted else str(entry.detail.get("sender", ""))
        return _Origin(entry.id, entry.source, entry.occurred_at, by_sender, understood)

    def _traits(self, sender: Sender) -> CarrierTraits:
        carrier = self._carriers.get(sender.carrier)
        return carrier.traits if carrier else CarrierTraits()

    def _compare(
        self, account: Account, shard: str, handled: Mapping[str, Sender], people: Mapping[str, _Person]
    ) -> Iterator[Drift]:
        self._learn_of_pushes(account, shard, handled, people)
        numbers = list(people)
        scopes = [Scope.everything(), Scope.of_account(account.id)]
        for address in handled:
            scopes += [Scope.of_sender(address), Scope.of_account_sender(account.id, address)]
        found = self._store.consent.check(numbers, both_sides(scopes), Channel.TEXT)
        for number, blocks in zip(numbers, found, strict=True):
            for sender in handled.values():
                drift = self._drift(account, sender, number, people[number], blocks)
                if drift is not None:
                    yield drift

    def _learn_of_pushes(
        self, account: Account, shard: str, handled: Mapping[str, Sender], people: Mapping[str, _Person]
    ) -> None:
        """What we told the carrier it blocks, also after our own opt-out was lifted."""
        pairs = [(sender, number) for number, person in people.items() if person.origins for sender in handled]
        for (sender, number), at in zip(pairs, self._store.journal.pushed(shard, account.id, pairs), strict=True):
            if at is not None:
                _note_block(people[number], sender, at, "it was told of an opt-out by stopgate drift --push")

    def _drift(
        self, account: Account, sender: Sender, number: str, person: _Person, blocks: Sequence[Block]
    ) -> Drift | None:
        told = person.told.get(sender.address, _Told())
        ours = [block for block in blocks if _covers(block.scope, sender.address)]
        if told.blocks:
            return None if ours else _carrier_blocks(account, sender, number, told)
        origins = [person.origins[block.scope.key] for block in ours if block.scope.key in person.origins]
        origin = next((origin for origin in origins if _concerns(origin, sender.address)), None)
        return self._carrier_open(account, sender, number, origin) if origin else None

    def _carrier_open(self, account: Account, sender: Sender, number: str, origin: _Origin) -> Drift:
        pushable = is_number(number) and isinstance(self._carriers.get(sender.carrier), TakesOptOuts)
        return Drift(
            account=account.id,
            number=number,
            sender=sender.address,
            carrier=sender.carrier,
            side=CARRIER_OPEN,
            since=origin.since,
            because=f"the opt-out came by {origin.source}"
            + (", in words the carrier does not act on" if origin.texted else ""),
            repair="The carrier can be told: stopgate drift --push" if pushable else "Our gate alone keeps texts back",
            pushable=pushable,
            entry=origin.entry,
            medium=_MEDIUM.get(origin.source, "other"),
        )


def _carrier_blocks(account: Account, sender: Sender, number: str, told: _Told) -> Drift:
    assert told.blocked_at is not None
    return Drift(
        account=account.id,
        number=number,
        sender=sender.address,
        carrier=sender.carrier,
        side=CARRIER_BLOCKS,
        since=told.blocked_at,
        because=told.because,
        repair=f"Only the person can come back: ask them to text {_way_back(sender)}",
    )


def _is_handled(sender: Sender) -> bool:
    return handling_of(sender.kind, sender.keywords_handled_by, carrier_acted=False) in _HANDLED


def _text(detail: Mapping[str, Any]) -> str:
    return str(detail.get("text", ""))


def _reason(detail: Mapping[str, Any]) -> str:
    if detail.get("code"):
        return f"the carrier refused a text with code {detail['code']}"
    return f"the carrier said so when the person texted {_text(detail)!r}"


def _note_block(person: _Person, sender: str, at: datetime, because: str) -> None:
    told = person.told.setdefault(sender, _Told())
    if told.blocked_at is None or at >= told.blocked_at:
        told.blocked_at, told.because = at, because


def _sender_texted(detail: Mapping[str, Any], handled: Mapping[str, Sender]) -> Sender | None:
    """The sender whose keywords the carrier handles that was texted, by its address or by its service."""
    return handled.get(str(detail.get("sender", ""))) or handled.get(str(detail.get("service", "")))


def _covers(scope: Scope, sender: str) -> bool:
    return not scope.audience and scope.sender in {"", sender}


def _concerns(origin: _Origin, sender: str) -> bool:
    """Whether the carrier should block at this sender because of an opt-out.

    A text in the carrier's own words is known to it for the sender texted, and it blocks no other: those are ours.
    One in words only we understood belongs to the sender texted. What was entered belongs to every sender it covers.
    """
    if origin.source == Source.CARRIER.label or origin.carriers_words:
        return False
    return origin.source not in _BY_THE_PERSON or not origin.texted or origin.texted == sender


def _way_back(sender: Sender) -> str:
    word = "UNSTOP" if sender.kind == "toll_free" else "START"
    return (
        f"{word} to a number of {sender.address}"
        if sender.kind == "messaging_service"
        else f"{word} to {sender.address}"
    )
