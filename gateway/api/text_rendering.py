"""Texts as the API shows them."""

from typing import Any

from gateway.api.models import BlockView
from gateway.api.text_models import IncomingItem, MessageItem
from gateway.clock import written
from gateway.message_words import REPLIES, decided, sentence_of
from store.consent import Block, Source, moment
from store.messages import Message
from store.scopes import Scope


def message_item(message: Message) -> MessageItem:
    """A text without its timeline."""
    incoming = message.direction == "in"
    return MessageItem(
        id=message.id,
        direction=message.direction,
        status=message.status,
        reason=message.reason or None,
        explanation=message.extra.get("explanation") if incoming else sentence_of(message),
        code=message.code or None,
        sender=message.address if incoming else message.sender,
        to=message.sender if incoming else message.address,
        body=message.body,
        kind=message.kind,
        audience=message.audience or None,
        sent_by=message.extra.get("sent_by"),
        created_at=message.created_at,
        updated_at=message.updated_at,
        blocked_by=_blocked_by(message),
    )


def _blocked_by(message: Message) -> dict[str, Any] | None:
    if message.blocked_by is None:
        return None
    return {
        "scope": Scope.parse(message.blocked_by["scope"]).kind.value,
        "source": Source(message.blocked_by["source"]).label if message.blocked_by["source"] else "unknown",
        "since": written(moment(message.blocked_by["since"])),
    }


def incoming_item(message: Message) -> IncomingItem:
    """A text that came in, with what was made of it."""
    made = decided(message)
    return IncomingItem(
        id=message.id,
        received_at=message.created_at,
        number=message.address,
        sender=message.sender,
        text=message.body,
        decision=made.action,
        certainty=made.certainty,
        rule=made.rule,
        explanation=made.explanation,
        outcome=made.outcome,
        reply=made.reply,
        reply_explanation=REPLIES.get(made.reply, ""),
        reply_id=made.reply_id or None,
        review=made.review or None,
    )


def block_view(block: Block) -> BlockView:
    """A block as the API shows it."""
    return BlockView(
        scope=block.scope.kind.value,
        channel=block.channel.value,
        source=block.source.label if block.source else "unknown",
        since=block.since,
        sender=block.scope.sender or None,
        audience=block.scope.audience or None,
    )
