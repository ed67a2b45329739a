"""A text comes in: decide, and write everything that follows from it in one step (design §7)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.account_settings import setting_of
from gateway.carriers.base import CarrierTraits, InboundText
from gateway.clock import Clock
from gateway.directory import owners_of
from gateway.logs import logger
from gateway.phone import can_be_answered, formatted
from gateway.queueing import JobQueue, queue_for
from gateway.reply_policy import Handling, Who, Words, handling_of, who_answers
from gateway.reply_texts import reply_text
from keywords import Action, Certainty, Context, Decision, Match, Rule, decide
from store import Store
from store.consent import Change, Source, owner_of
from store.directory import Account, Sender
from store.inbound import LoopGuard, Receipt, Received, Reply
from store.messages import Message, message_id
from store.scopes import ALL_CHANNELS, Channel, Scope

log = logger(__name__)

# US-10: a confirmation within five minutes is presumed to be covered; later it is not sent at all.
CONFIRMATION_EXPIRES = timedelta(minutes=5)
_ANSWER_EXPIRES = timedelta(minutes=30)
# US-12: one confirmation per number and sender in a day, however often STOP is repeated.
_CONFIRM_ONCE_FOR = timedelta(hours=24)
# Machines that answer each other: well under the carrier's own limit (14107).
_LOOP_GUARD = LoopGuard(limit=5, window=timedelta(minutes=10))
# How long the enqueuing of the reply may take before the sweeper does it.
_GRACE = timedelta(seconds=5)
_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class _Situation:
    """One text with everything that decides what to do about it."""

    text: InboundText
    owners: Sequence[tuple[Account, Sender]]
    decision: Decision
    handling: Handling
    words: Words
    now: datetime

    @property
    def happened_at(self) -> datetime:
        """When the person texted: by the carrier's clock for a text that comes late, else now (G7)."""
        return min(self.text.received_at or self.now, self.now)

    @property
    def owner(self) -> str:
        """Whose the conversation is: the account, or the sender itself when it is shared or unknown."""
        return self.owners[0][0].id if len(self.owners) == 1 else f"@{self.text.sender}"

    def setting(self, name: str) -> Any:
        """The account's setting; the default for a shared or unknown sender."""
        return setting_of(self.owners[0][0].settings if len(self.owners) == 1 else {}, name)


class Inbound:
    """Inbound texts of all carriers."""

    def __init__(self, store: Store, queue: JobQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    def receive(self, text: InboundText, traits: CarrierTraits) -> Received:
        """Handle one text, once, however often it is delivered (G3).

        Args:
            text: as the carrier's adapter parsed it.
            traits: what the carrier does by itself.

        Raises:
            StoreError: it is unknown whether it was written. Answer 503, so that the carrier tries again (G1).
        """
        situation = self._situation(text, traits)
        if not situation.owners:
            self._keep_unrouted(situation)
        receipt = self._receipt(situation)
        received = self._store.inbound.receive(receipt)
        if received.reply == "queued" and not received.duplicate:
            assert receipt.reply is not None
            self._queue.submit(queue_for(receipt.reply.message.kind), receipt.reply.message.id)
        log.info(
            "text received",
            carrier=text.carrier,
            carrier_id=text.carrier_id,
            sender=text.sender,
            address=text.address,
            owner=situation.owner,
            action=str(situation.decision.action),
            rule=situation.decision.rule,
            outcomes=[outcome.outcome for outcome in received.outcomes],
            reply=received.reply,
            duplicate=received.duplicate,
        )
        return received

    def _situation(self, text: InboundText, traits: CarrierTraits) -> _Situation:
        text = replace(text, body=text.body[:_LONGEST_BODY])
        owners = owners_of(self._store.directory, text.sender, text.service)
        decision = decide(text.body, context_for(owners, text.carrier_action))
        sender = owners[0][1] if owners else None
        handling = handling_of(
            sender.kind if sender else "long_code",
            sender.keywords_handled_by if sender else "carrier",
            carrier_acted=bool(text.carrier_action),
        )
        words = _whose_words(text, decision.action, traits, handling)
        return _Situation(text, owners, decision, handling, words, self._clock.now())

    def _receipt(self, situation: _Situation) -> Receipt:
        text, decision, now = situation.text, situation.decision, situation.now
        changes = changes_for(situation)
        held = _is_held(situation)
        reply, no_reply = (None, "held") if held else self._reply(situation)
        return Receipt(
            inbound=_inbound_message(situation),
            carrier=text.carrier,
            carrier_id=text.carrier_id,
            action="held" if held else decision.action.value,
            changes=changes,
            occurred_at=situation.happened_at,
            now=now,
            detail=journal_detail(text, decision),
            reply=reply,
            no_reply=no_reply,
            loop_guard=_LOOP_GUARD,
            hold=situation.owner if held else None,
            due_at=now + _GRACE,
        )

    def _reply(self, situation: _Situation) -> tuple[Reply | None, str]:
        """The reply, or None and why there is none."""
        decision = situation.decision
        if not decision.acts:
            return None, "nothing_to_answer"
        if not situation.owners:
            return None, "unrouted"
        if not can_be_answered(situation.text.address):
            return None, "machine"
        if who_answers(situation.handling, decision.action, situation.words) is Who.SILENT:
            return None, "carrier_answers"
        body = _reply_body(situation)
        if not body:
            return None, "nothing_to_answer"
        message = _reply_message(situation, body)
        if message.expires_at and message.expires_at <= situation.now:
            # It would never be sent, and its mark would keep a later STOP from being confirmed.
            return None, "too_late"
        return Reply(message, _ONCE_FOR.get(decision.action), _ONLY_IF.get(decision.action)), ""

    def _keep_unrouted(self, situation: _Situation) -> None:
        text = situation.text
        self._store.inbound.keep_unrouted(
            {
                "carrier": text.carrier,
                "carrier_id": text.carrier_id,
                "sender": text.sender,
                "service": text.service,
                "address": text.address,
                "body": text.body,
                "received_at": situation.happened_at.isoformat(),
            }
        )
        log.warning("text to a sender that no account has", carrier=text.carrier, sender=text.sender)


def context_for(owners: Sequence[tuple[Account, Sender]], carrier_action: str = "") -> Context:
    """What the engine may know of a conversation: the words of the accounts on the sender, and the carrier's view."""
    rules = tuple(
        Rule(
            id=f"{account.id}.{keyword.word.casefold().replace(' ', '_')}",
            words=keyword.word,
            action=Action(keyword.action),
            match=Match(keyword.match),
            audience=keyword.audience or None,
            reply=keyword.reply or None,
        )
        for account, _ in owners
        for keyword in account.keywords
    )
    return Context(rules=rules, carrier_action=Action(carrier_action) if carrier_action else None)


def _whose_words(text: InboundText, action: Action, traits: CarrierTraits, handling: Handling) -> Words:
    if text.carrier_action:
        return Words.CARRIERS
    by_action = {
        Action.OPT_OUT: traits.opt_out_words,
        Action.OPT_IN: traits.opt_in_words,
        Action.HELP: traits.help_words,
    }
    # Whether blanks around a word keep the carrier from acting on it is not documented (carriers reference 9.1).
    # They are taken to be ignored: a second confirmation would break the law, a missing one would not.
    known = text.body.strip().casefold() in by_action.get(action, frozenset())
    return Words.CARRIERS if known and handling is not Handling.GATEWAY else Words.OURS


def _is_held(situation: _Situation) -> bool:
    """True when a person has to decide: the engine is unsure, or the account does not want to act by itself."""
    decision = situation.decision
    if decision.held:
        return bool(situation.setting("free_text") != "off")
    if decision.action is not Action.OPT_OUT or situation.text.carrier_action:
        return False
    free_words = decision.certainty is Certainty.CLEAR and situation.setting("free_text") != "act"
    return bool(free_words or not situation.setting("automated_opt_outs"))


def changes_for(situation: _Situation) -> tuple[Change, ...]:
    """The consent changes a text asks for (design §4)."""
    if not situation.decision.acts or _is_held(situation):
        return ()
    match situation.decision.action:
        case Action.OPT_OUT:
            return _opt_out_changes(situation)
        case Action.OPT_IN:
            return _opt_in_changes(situation)
    return ()


def _opt_out_changes(situation: _Situation) -> tuple[Change, ...]:
    channels = ALL_CHANNELS if situation.setting("text_stop_blocks_voice") else (Channel.TEXT,)
    scope = _stop_scope(situation)
    changes = [Change("opt_out", scope, owner_of(scope), Source.KEYWORD, channels)]
    if situation.text.carrier_action == Action.OPT_OUT:
        # The carrier said that it blocks this sender; only START to it lifts that.
        changes += [
            Change("opt_out", Scope.of_account_sender(account.id, sender.address), account.id, Source.CARRIER,
                   (Channel.TEXT,))
            for account, sender in situation.owners
        ]  # fmt: skip
    return tuple(changes)


def _stop_scope(situation: _Situation) -> Scope:
    if len(situation.owners) != 1:
        return Scope.of_sender(situation.text.sender)
    account, sender = situation.owners[0]
    if situation.setting("stop_scope") == "sender":
        return Scope.of_account_sender(account.id, sender.address)
    return Scope.of_account(account.id)


def _opt_in_changes(situation: _Situation) -> tuple[Change, ...]:
    """START lifts the person's own blocks for the sender texted and its account (design §4)."""
    scopes = [Scope.of_sender(situation.text.sender)]
    for account, sender in situation.owners:
        scopes += [Scope.of_account(account.id), Scope.of_account_sender(account.id, sender.address)]
    if len(situation.owners) == 1:
        scopes.append(scopes.pop(0))  # the account's own scope first: it is the one that usually changes
    return tuple(Change("lift", scope, owner_of(scope), Source.KEYWORD) for scope in scopes)


def _inbound_message(situation: _Situation) -> Message:
    text, decision = situation.text, situation.decision
    return Message(
        id=message_id(text.address, text.carrier, text.carrier_id, "in"),
        account=situation.owner,
        direction="in",
        sender=text.sender,
        address=text.address,
        body=text.body,
        kind="inbound",
        status="received",
        created_at=situation.happened_at,
        carrier=text.carrier,
        carrier_id=text.carrier_id,
        extra={
            "action": decision.action.value,
            "certainty": decision.certainty.value,
            "rule": decision.rule,
            "explanation": decision.explanation,
            "media": str(text.media),
        },
    )


def journal_detail(text: InboundText, decision: Decision) -> dict[str, Any]:
    """What the journal keeps of a text that changed consent (G6, US-21): the exact words and the rule."""
    return {
        "text": text.body,
        "matched": decision.matched,
        "rule": decision.rule,
        "certainty": decision.certainty.value,
        "language": decision.language,
        "explanation": decision.explanation,
        "sender": text.sender,
        "message": message_id(text.address, text.carrier, text.carrier_id, "in"),
        "carrier": text.carrier,
        "carrier_id": text.carrier_id,
        **{
            name: value for name, value in (("service", text.service), ("carrier_action", text.carrier_action)) if value
        },
    }


def _reply_body(situation: _Situation) -> str:
    decision = situation.decision
    if decision.reply:
        return decision.reply
    name = _TEXT_OF_ACTION.get(decision.action)
    if name is None:
        return ""
    shared = len(situation.owners) != 1
    account = situation.owners[0][0]
    values = {
        "brand": formatted(situation.text.sender) if shared else situation.setting("brand") or account.name,
        "sender": situation.text.sender,
        "help_contact": situation.setting("help_contact"),
        "keyword": decision.matched,
    }
    return reply_text(name, {} if shared else account.settings, decision.language, values)


_TEXT_OF_ACTION = {
    Action.OPT_OUT: "opt_out_message",
    Action.OPT_IN: "opt_in_message",
    Action.HELP: "help_message",
}
_KIND_OF_ACTION = {
    Action.OPT_OUT: "confirmation",
    Action.OPT_IN: "welcome_back",
    Action.HELP: "help",
    Action.JOIN: "keyword_reply",
    Action.REPLY: "keyword_reply",
}
# Answers to the person's own words pass the gate by a permit; an account's own words do not buy one.
_PERMITTED = {Action.OPT_OUT, Action.OPT_IN, Action.HELP}
# A confirmation once a day; "welcome back" only to somebody who had left.
_ONCE_FOR = {Action.OPT_OUT: _CONFIRM_ONCE_FOR}
_ONLY_IF = {Action.OPT_IN: "lifted"}


def _reply_message(situation: _Situation, body: str) -> Message:
    text, action = situation.text, situation.decision.action
    expires = CONFIRMATION_EXPIRES if action is Action.OPT_OUT else _ANSWER_EXPIRES
    return Message(
        id=message_id(text.address, text.carrier, text.carrier_id, "reply"),
        account=situation.owner,
        direction="out",
        sender=text.sender,
        address=text.address,
        body=body,
        kind=_KIND_OF_ACTION[action],
        status="queued",
        created_at=situation.now,
        permit=action in _PERMITTED,
        expires_at=situation.happened_at + expires,
        carrier=text.carrier,
        in_reply_to=message_id(text.address, text.carrier, text.carrier_id, "in"),
    )
