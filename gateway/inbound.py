"""A text comes in: decide, and write everything that follows from it in one step (design §7)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway.account_scopes import scopes_for
from gateway.account_settings import setting_of
from gateway.carriers.base import CarrierTraits, InboundText
from gateway.clock import Clock
from gateway.consent_rules import changes_for
from gateway.logs import logger
from gateway.phone import masked
from gateway.queueing import SEND, JobQueue, effect_of, queue_for
from gateway.replies import question_of, replies_for
from gateway.reply_policy import Handling, Who, who_answers
from gateway.situation import CLARIFICATION, OpenQuestion, Situation, SituationReader
from keywords import Action
from store import Store
from store.inbound import Join, LoopGuard, Question, Receipt, Received, Reply, Review
from store.messages import Message, message_id
from store.scopes import Scope

log = logger(__name__)

# Machines that answer each other: well under the carrier's own limit (14107).
_LOOP_GUARD = LoopGuard(limit=5, window=timedelta(minutes=10))


class Inbound:
    """Inbound texts of all carriers."""

    def __init__(self, store: Store, queue: JobQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._reader = SituationReader(store, clock)

    def receive(self, text: InboundText, traits: CarrierTraits) -> Received:
        """Handle one text, once, however often it is delivered (G3).

        Args:
            text: as the carrier's adapter parsed it.
            traits: what the carrier does by itself.

        Raises:
            StoreError: it is unknown whether it was written. Answer 503, so that the carrier tries again (G1).
        """
        situation = self._reader.read(text, traits)
        if not situation.owners:
            self._keep_unrouted(situation)
        receipt = self._receipt(situation)
        received = self._store.inbound.receive(receipt)
        if received.reply_id and not received.duplicate:
            kind = next(reply.message.kind for reply in receipt.replies if reply.message.id == received.reply_id)
            self._queue.submit(queue_for(kind), effect_of(SEND, received.reply_id))
        _log(situation, received)
        return received

    def _receipt(self, situation: Situation) -> Receipt:
        clarifying = self._clarifying(situation)
        replies, no_reply = replies_for(situation, clarifying)
        window = timedelta(minutes=situation.setting("clarification_window"))
        return Receipt(
            inbound=_inbound_message(situation),
            carrier=situation.text.carrier,
            carrier_id=situation.text.carrier_id,
            action="held" if situation.held else situation.decision.action.value,
            changes=changes_for(situation),
            occurred_at=situation.occurred_at,
            now=situation.now,
            detail=journal_detail(situation),
            replies=replies,
            no_reply=no_reply,
            loop_guard=_LOOP_GUARD,
            review=_review(situation),
            join=_join(situation, replies),
            ask=Question(clarifying.text(), window) if clarifying and replies else None,
            answers_question=situation.answers_question,
            question_at=situation.question_at,
            welcome=_welcome_scopes(situation),
            closes_question=situation.answers_question or situation.decision.action is Action.OPT_OUT,
        )

    def _clarifying(self, situation: Situation) -> OpenQuestion | None:
        """The question which audiences were meant, when the account asks it and the person is in several (US-11)."""
        account, decision = situation.account, situation.decision
        asks = account is not None and decision.action is Action.OPT_OUT and not situation.held
        if not asks or account is None or not situation.setting("clarify_opt_outs"):
            return None
        if who_answers(situation.handling, decision.action, situation.words) is Who.SILENT:
            return None
        audiences = self._store.audiences.memberships(situation.text.address, account.id, account.audiences)
        if len(audiences) < 2:
            return None
        options = tuple((audience.upper(), audience) for audience in audiences)
        return OpenQuestion(CLARIFICATION, account.id, options=options, scope=situation.stop_scope.key)

    def _keep_unrouted(self, situation: Situation) -> None:
        text = situation.text
        self._store.inbound.keep_unrouted(
            {
                "carrier": text.carrier,
                "carrier_id": text.carrier_id,
                "sender": text.sender,
                "service": text.service,
                "address": text.address,
                "body": text.body,
                "received_at": situation.occurred_at.isoformat(),
            }
        )
        log.warning("text to a sender that no account has", carrier=text.carrier, sender=text.sender)


def _log(situation: Situation, received: Received) -> None:
    text, decision = situation.text, situation.decision
    log.info(
        "text received",
        carrier=text.carrier,
        carrier_id=text.carrier_id,
        owner=situation.owner,
        address=masked(text.address),
        rule=decision.rule,
        outcomes=[outcome.outcome for outcome in received.outcomes],
        reply=received.reply if not received.duplicate else "duplicate",
    )


def _welcome_scopes(situation: Situation) -> tuple[Scope, ...]:
    account = situation.account
    if situation.decision.action is not Action.OPT_IN or account is None:
        return ()
    return scopes_for(account, situation.sender)


def _review(situation: Situation) -> Review | None:
    """Held texts wait for a person; opt-outs by free words may be taken back for a while by one."""
    return Review(situation.owner, hold=situation.held) if situation.is_to_be_read else None


def _join(situation: Situation, replies: Sequence[Reply]) -> Join | None:
    account, question = situation.meant, situation.question
    if account is None or situation.held:
        return None
    if situation.decision.rule == "pending.yes" and question is not None:
        scopes = scopes_for(account, situation.sender, question.audience)
        return Join(account.id, question.audience, scopes, question=None) if question.audience else None
    if situation.decision.action is not Action.JOIN or situation.answers_question or not situation.decision.audience:
        return None
    audience = situation.decision.audience
    window = timedelta(hours=setting_of(account.settings, "confirm_window"))
    may_ask = bool(replies) and situation.handling is not Handling.TOLL_FREE
    return Join(
        account.id,
        audience,
        scopes_for(account, situation.sender, audience),
        # Who cannot be asked is not opened a question; a toll-free network lets nothing through but START (TF-1).
        question=question_of(account.id, audience, window, asked=True) if may_ask else None,
        always_ask=setting_of(account.settings, "double_opt_in") == "always",
    )


def _inbound_message(situation: Situation) -> Message:
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
        created_at=situation.occurred_at,
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


def journal_detail(situation: Situation) -> dict[str, Any]:
    """What the journal keeps of a text that changed consent (G6, US-21): the exact words and the rule."""
    text, decision = situation.text, situation.decision
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
        # What the carrier itself made of the text, and in which pool: drift.py reads them.
        **{
            name: value for name, value in (("service", text.service), ("carrier_action", text.carrier_action)) if value
        },
    }
