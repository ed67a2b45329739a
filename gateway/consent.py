"""Opt-outs that do not come as texts, and the answer to "may we text this person now, and why not?"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.account_scopes import every_scope_of, scopes_for
from gateway.audience_names import name_audience
from gateway.clock import Clock, written
from gateway.errors import NotAllowed
from gateway.phone import formatted
from store import Store
from store.consent import Block, Change, JournalEntry, Outcome, Source, owner_of
from store.directory import Account, Sender
from store.messages import Message
from store.scopes import ALL_CHANNELS, Channel, Scope, both_sides

_CLOCK_SKEW = timedelta(minutes=5)
_FIRST_TEXT = datetime(1992, 12, 3, tzinfo=UTC)
_PERSONS = {Source.KEYWORD, Source.LINK}
# Up to so many numbers, one round trip for everything is the fastest.
_FEW = 50
_TAKEN = {"accepted", "sent", "delivered"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one number may be texted or called, and the block that says no."""

    number: str
    allowed: bool
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class OptOutRequest:
    """One text that asked to stop, with the times the law asks about (US-21).

    blocked_at: None while it waits for a person. confirmed_at: when the carrier took the confirmation, or None.
    """

    message: Message
    received_at: datetime
    blocked_at: datetime | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one number in one account (G6)."""

    number: str
    account: str
    blocks: tuple[Block, ...]
    held: bool
    journal: tuple[JournalEntry, ...]
    messages: tuple[Message, ...]
    requests: tuple[OptOutRequest, ...]


class Consent:
    """Opt-outs of accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def check(
        self,
        account: Account,
        numbers: Sequence[str],
        *,
        sender: str | None = None,
        audience: str | None = None,
        channel: Channel = Channel.TEXT,
    ) -> list[CheckResult]:
        """Whether each number may be reached, in the order asked.

        Args:
            account: who wants to know.
            numbers: in E.164 form.
            sender: what the texts would come from; None checks what blocks every sender.
            audience: whom they would go to, or None.
            channel: text or voice.

        Raises:
            NotAllowed: unknown_sender.
            StoreError: there is no answer, which is not "allowed".
        """
        self._known_sender(account, sender)
        if sender is None and audience is None and channel is Channel.VOICE:
            # A call comes from no sender of ours: whoever told one of them to stop is not called.
            scopes = every_scope_of(account)
        else:
            scopes = scopes_for(account, sender, audience)
        if len(numbers) <= _FEW:
            found = self._store.consent.check(numbers, scopes, channel)
        else:
            found = self._check_many(numbers, scopes, channel)
        return [
            CheckResult(number, not blocks, blocks[0] if blocks else None)
            for number, blocks in zip(numbers, found, strict=True)
        ]

    def _check_many(self, numbers: Sequence[str], scopes: Sequence[Scope], channel: Channel) -> list[tuple[Block, ...]]:
        """The same, who is blocked first and then why: most are not, and scopes without anybody are not asked."""
        hits = [index for index, scope in enumerate(self._store.bulk.check(numbers, scopes, channel)) if scope]
        found: list[tuple[Block, ...]] = [()] * len(numbers)
        reasons = self._store.consent.check([numbers[index] for index in hits], scopes, channel)
        for index, blocks in zip(hits, reasons, strict=True):
            found[index] = blocks
        return found

    def blocks(self, account: Account, number: str) -> tuple[Block, ...]:
        """Every block on a number that an account may know of, text before voice. Raises StoreError."""
        scopes = every_scope_of(account)
        return tuple(block for channel in ALL_CHANNELS for block in self._store.consent.blocks(number, scopes, channel))

    def opt_out(
        self,
        account: Account,
        number: str,
        *,
        source: Source,
        actor: str,
        channels: Sequence[Channel] = ALL_CHANNELS,
        sender: str | None = None,
        audience: str | None = None,
        note: str = "",
        occurred_at: datetime | None = None,
    ) -> tuple[Outcome, ...]:
        """Record an opt-out that came another way than by text (US-4).

        Args:
            account: whose opt-out it is.
            number: in E.164 form.
            source: what kind of actor.
            actor: who, for the journal.
            channels: what it stops.
            sender, audience: narrow it to one of them; neither means everything the account sends.
            note: why, in the actor's words.
            occurred_at: when the person said so; now, when left out.

        Raises:
            NotAllowed: unknown_sender, one_scope_only or in_the_future.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        self._known_sender(account, sender)
        if sender and audience:
            raise NotAllowed("one_scope_only", "Name a sender or an audience, not both.")
        now = self._clock.now()
        moment = occurred_at or now
        if moment > now + _CLOCK_SKEW:
            raise NotAllowed("in_the_future", "occurred_at is in the future.")
        if moment < _FIRST_TEXT:
            raise NotAllowed("too_long_ago", "occurred_at is before the first text message was sent (December 1992).")
        if audience and audience not in account.audiences:
            # Named for the first time: from now on it is looked at wherever this account's audiences are.
            name_audience(self._store, account, audience)
        scope = self._scope(account, sender, audience)
        if source not in _PERSONS:
            scope = scope.entered_side
        change = Change("opt_out", scope, account.id, source, tuple(channels))
        detail = {"actor": actor, "note": note}
        return self._store.consent.apply(number, [change], occurred_at=moment, detail=detail, now=now)

    def lift(
        self,
        account: Account,
        number: str,
        *,
        source: Source,
        actor: str,
        channels: Sequence[Channel] = ALL_CHANNELS,
        sender: str | None = None,
        audience: str | None = None,
        reason: str = "",
    ) -> tuple[Outcome, ...]:
        """Lift the opt-outs of a number that this kind of actor may lift; all scopes of the account unless narrowed.

        Raises:
            NotAllowed: opted_out_by_person or opted_out_at_carrier when such a block stays (G5), with what the
                person has to text and to which number; nothing else was lifted either.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        self._known_sender(account, sender)
        if sender or audience:
            scopes = both_sides([self._scope(account, sender, audience)])
        else:
            scopes = tuple(scope for scope in every_scope_of(account) if scope.account)
        # A STOP to a shared sender stays too, and nothing an account does lifts it.
        shared = [Scope.of_sender(known.address) for known in account.senders if sender in {None, known.address}]
        staying = [
            block
            for channel in channels
            for block in self._store.consent.blocks(number, [*scopes, *shared], channel)
            if block.source in {*_PERSONS, Source.CARRIER}
        ]
        if staying:
            raise only_the_person(account, staying[0], self._sender_texted(number, staying[0]))
        changes = [Change("lift", scope, account.id, source, tuple(channels)) for scope in scopes]
        outcomes = self._store.consent.apply(
            number, changes, occurred_at=self._clock.now(), detail={"actor": actor, "reason": reason}
        )
        return tuple(outcome for outcome in outcomes if outcome.outcome != "not_opted_out")

    def block_everywhere(self, number: str, *, actor: str, note: str) -> tuple[Outcome, ...]:
        """Block a number for the whole installation, texts and calls; the operator's own list. Raises StoreError."""
        change = Change("opt_out", Scope.everything(), owner_of(Scope.everything()), Source.ADMIN)
        detail = {"actor": actor, "note": note}
        return self._store.consent.apply(number, [change], occurred_at=self._clock.now(), detail=detail)

    def unblock_everywhere(self, number: str, *, actor: str, reason: str) -> tuple[Outcome, ...]:
        """Lift what the operator blocked for the whole installation. Raises StoreError."""
        change = Change("lift", Scope.everything(), owner_of(Scope.everything()), Source.ADMIN)
        detail = {"actor": actor, "reason": reason}
        return self._store.consent.apply(number, [change], occurred_at=self._clock.now(), detail=detail)

    def explain(self, account: Account, number: str, *, messages: int = 50) -> Explanation:
        """Everything that is known of a number in an account: blocks, journal, messages. Raises StoreError."""
        scopes = every_scope_of(account)
        own = [scope for scope in scopes if scope.account]
        shared = [scope for scope in scopes if not scope.account]
        journal = tuple(
            sorted(
                [
                    *self._store.consent.history(number, own),
                    *map(without_words, self._store.consent.history(number, shared)),
                ],
                key=lambda entry: (entry.recorded_at, entry.id),
            )
        )
        thread = tuple(self._store.messages.thread(account.id, number, limit=messages))
        return Explanation(
            number=number,
            account=account.id,
            blocks=self.blocks(account, number),
            held=self._store.consent.is_held(number, account.id),
            journal=journal,
            messages=thread,
            requests=self._requests(journal, thread),
        )

    def _requests(self, journal: Sequence[JournalEntry], thread: Sequence[Message]) -> tuple[OptOutRequest, ...]:
        blocked_at: dict[str, datetime] = {}
        for entry in journal:
            if entry.kind == "opt_out":
                blocked_at.setdefault(str(entry.detail.get("message", "")), entry.recorded_at)
        confirmed_at = {
            message.in_reply_to: event.at
            for message in thread
            if message.kind == "confirmation"
            for event in self._store.messages.timeline(message.id)
            if event.what in _TAKEN
        }
        return tuple(
            OptOutRequest(message, message.created_at, blocked_at.get(message.id), confirmed_at.get(message.id))
            for message in thread
            if message.direction == "in" and message.extra.get("action") == "opt_out"
        )

    def _sender_texted(self, number: str, block: Block) -> str:
        """The sender that the person texted when they opted out, as the journal has it."""
        entries = self._store.consent.history(number, [block.scope])
        texted = [entry.detail.get("sender", "") for entry in entries if entry.kind == "opt_out"]
        return str(next((sender for sender in reversed(texted) if sender), ""))

    @staticmethod
    def _scope(account: Account, sender: str | None, audience: str | None) -> Scope:
        if sender:
            return Scope.of_account_sender(account.id, sender)
        if audience:
            return Scope.of_audience(account.id, audience)
        return Scope.of_account(account.id)

    @staticmethod
    def _known_sender(account: Account, sender: str | None) -> None:
        if sender and not any(known.address == sender for known in account.senders):
            raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")


def without_words(entry: JournalEntry) -> JournalEntry:
    """An entry of a shared sender as every account on it may see it: that and when, not the person's words (G8)."""
    return replace(entry, detail={name: entry.detail[name] for name in ("sender", "rule") if name in entry.detail})


def only_the_person(account: Account, block: Block, texted: str) -> NotAllowed:
    """The refusal to lift what only the person may lift, with the exact words and where to send them.

    texted: the sender that the person texted, or "" when nobody knows.
    """
    sender = _sender_to_text(account, texted or block.scope.sender)
    word = "UNSTOP" if sender and sender.kind == "toll_free" else "START"
    where = formatted(sender.address) if sender else "the number that texted them"
    by_carrier = block.source is Source.CARRIER
    sentence = "The carrier blocks this person." if by_carrier else "This person opted out by text."
    return NotAllowed(
        "opted_out_at_carrier" if by_carrier else "opted_out_by_person",
        f"{sentence} Only they can come back: ask them to text {word} to {where}.",
        word=word,
        text_to=sender.address if sender else None,
        **block_facts(block),
    )


def _sender_to_text(account: Account, texted: str) -> Sender | None:
    receiving = [sender for sender in account.senders if sender.kind not in {"alphanumeric", "messaging_service"}]
    named = [sender for sender in receiving if sender.address == texted]
    return next(iter(named or receiving), None)


def block_facts(block: Block) -> Mapping[str, Any]:
    """A block as the API and the command line show it."""
    return {
        "scope": block.scope.kind.value,
        "channel": block.channel.value,
        "source": block.source.label if block.source else "unknown",
        "since": written(block.since),
    }
