"""Conversations: an account's texts with one number, and what a colleague may do in them: answer, and opt out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.account_scopes import scopes_for
from gateway.account_settings import setting_of
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.outbound import Outbound, SendRequest
from gateway.phone import can_be_answered
from gateway.queueing import SEND, JobQueue, effect_of, queue_for
from gateway.replies import CONFIRM_ONCE_FOR, CONFIRMATION_EXPIRES
from gateway.reply_texts import reply_text
from store import Store
from store.confirming import Confirmed, ConfirmedOptOut
from store.consent import Block, Change, Source
from store.directory import Account, Sender
from store.inbound import REPLY_GRACE
from store.messages import Message, message_id
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.texts import Conversation

NO_CONFIRMATION = {
    "calls_only": "Only calls were stopped; the confirmation is about texts.",
    "machine": "The number looks like a machine, which is not answered.",
    "not_wanted": "No confirmation was asked for.",
    "opted_out_already": "The person got no texts any more already, so none was sent.",
    "nothing_changed": "Nothing changed, so there was nothing to confirm.",
}
"""Why an opt-out in a conversation was not confirmed to the person."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in the list. block: what stops the account's texts to the person, whatever the sender, or None."""

    conversation: Conversation
    block: Block | None


@dataclass(frozen=True, slots=True)
class ConversationList:
    """Some conversations. next: what to ask with for what follows; "" at the end."""

    items: Sequence[Listed]
    next: str


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation. messages: oldest first. sender: what an answer comes from, "" when it has to be chosen.

    block: what refuses an answer, or None. held: broadcasts wait until somebody has read a text of the person.
    """

    number: str
    messages: Sequence[Message]
    sender: str
    block: Block | None
    held: bool
    waits_since: datetime | None


class Conversations:
    """The conversations of accounts."""

    def __init__(
        self, store: Store, outbound: Outbound, queue: JobQueue, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._outbound = outbound
        self._queue = queue
        self._clock = clock
        self._new_id = new_id

    def page(self, account: Account, *, limit: int, after: str = "", unanswered: bool = False) -> ConversationList:
        """Some conversations of an account, those with the newest texts first.

        Args:
            account: whose.
            limit: most of a page.
            after: `next` of the page before.
            unanswered: only those in which the person's last own words wait for an answer, by when they came.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor of this list.
        """
        page = self._store.texts.conversations(account.id, limit=limit, after=after, unanswered=unanswered)
        numbers = [conversation.address for conversation in page.items]
        blocks = self._store.consent.check(numbers, scopes_for(account)) if numbers else []
        items = [
            Listed(conversation, found[0] if found else None)
            for conversation, found in zip(page.items, blocks, strict=True)
        ]
        return ConversationList(items, page.next)

    def thread(self, account: Account, number: str, *, limit: int = 50) -> Thread:
        """One conversation with its newest texts.

        Raises:
            NotAllowed: no_conversation.
            StoreError: there is no answer.
        """
        conversation = self._store.texts.conversation(account.id, number)
        if conversation is None:
            raise NotAllowed("no_conversation", "There are no texts with this number in this account.")
        messages = self._store.messages.thread(account.id, number, limit=limit)
        sender = _sender_of(account, messages)
        scopes = scopes_for(account, sender.address) if sender else scopes_for(account)
        blocks = self._store.consent.blocks(number, scopes, Channel.TEXT)
        return Thread(
            number=number,
            messages=messages,
            sender=sender.address if sender else "",
            block=blocks[0] if blocks else None,
            held=self._store.consent.is_held(number, account.id),
            waits_since=conversation.waits_since,
        )

    def reply(
        self, account: Account, number: str, body: str, *, actor: str, sender: str = "", idempotency_key: str = ""
    ) -> Message:
        """Answer somebody. It goes out through the gate like every text.

        Args:
            account: whose conversation.
            number: with whom.
            body: the answer.
            actor: who answers.
            sender: what it comes from; what the conversation was with last, when left out.
            idempotency_key: repeating the request with it sends one text.

        Raises:
            NotAllowed: opted_out, no_conversation, sender_needed, unknown_sender or idempotency_key_reused.
            StoreError: it is unknown whether it was taken; repeat it with the same idempotency key.
        """
        chosen = self._sender(account, number, sender)
        request = SendRequest(chosen.address, number, body, idempotency_key=idempotency_key, sent_by=actor)
        return self._outbound.accept(account, request)

    def opt_out(
        self,
        account: Account,
        number: str,
        *,
        actor: str,
        channels: Sequence[Channel] = ALL_CHANNELS,
        note: str = "",
        sender: str = "",
        language: str | None = None,
        confirm: bool = True,
    ) -> Confirmed:
        """Opt somebody out of everything the account sends, and tell them, in one step (design §4; G4).

        The confirmation is the account's opt_out_message. It passes the gate by a permit, goes out within five minutes
        or not at all, and only to somebody who could still be texted until now.

        Args:
            account: whose conversation.
            number: with whom.
            actor: who opts them out.
            channels: what it stops.
            note: why, in the actor's words.
            sender: what the confirmation comes from; what the conversation was with last, when left out.
            language: of the confirmation; the default one, when left out.
            confirm: send the confirmation.

        Raises:
            NotAllowed: no_conversation, sender_needed or unknown_sender.
            StoreError: it is unknown whether it was written; repeating is safe, and confirms once.
        """
        chosen = self._sender(account, number, sender)
        now = self._clock.now()
        no_reply = _no_confirmation(number, channels, confirm=confirm)
        reply = None if no_reply else self._confirmation(account, number, chosen, language, actor, now)
        scope = Scope.of_account(account.id).entered_side
        last = self._last_words(account, number)
        done = self._store.confirming.opt_out(
            ConfirmedOptOut(
                account=account.id,
                address=number,
                sender=chosen.address,
                changes=[Change("opt_out", scope, account.id, Source.AGENT, tuple(channels))],
                covering=scopes_for(account, chosen.address),
                reply=reply,
                no_reply=no_reply,
                once_for=CONFIRM_ONCE_FOR,
                detail={
                    "actor": actor,
                    "note": note,
                    "sender": chosen.address,
                    **({"text": last.body, "message": last.id} if last else {}),
                },
            ),
            now=now,
            due_at=now + REPLY_GRACE,
        )
        if done.reply_id:
            self._queue.submit(queue_for("confirmation"), effect_of(SEND, done.reply_id))
        return done

    def _last_words(self, account: Account, number: str) -> Message | None:
        thread = self._store.messages.thread(account.id, number)
        return next((message for message in reversed(thread) if message.direction == "in"), None)

    def _sender(self, account: Account, number: str, named: str) -> Sender:
        if named:
            found = next((sender for sender in account.senders if sender.address == named), None)
            if found is None:
                raise NotAllowed("unknown_sender", f"{named} is not a sender of this account.")
            return found
        messages = self._store.messages.thread(account.id, number)
        if not messages:
            raise NotAllowed("no_conversation", "There are no texts with this number in this account.")
        chosen = _sender_of(account, messages)
        if chosen is None:
            raise NotAllowed(
                "sender_needed", "The sender of this conversation is not the account's any more. Name one."
            )
        return chosen

    def _confirmation(
        self, account: Account, number: str, sender: Sender, language: str | None, actor: str, now: datetime
    ) -> Message:
        values = {
            "brand": str(setting_of(account.settings, "brand") or account.name),
            "sender": sender.address,
            "help_contact": str(setting_of(account.settings, "help_contact")),
            "keyword": "",
        }
        return Message(
            id=message_id(number, self._new_id()),
            account=account.id,
            direction="out",
            sender=sender.address,
            address=number,
            body=reply_text("opt_out_message", account.settings, language, values),
            kind="confirmation",
            status="queued",
            created_at=now,
            permit=True,
            expires_at=now + CONFIRMATION_EXPIRES,
            carrier=sender.carrier,
            extra={"sent_by": actor},
        )


def _no_confirmation(number: str, channels: Sequence[Channel], *, confirm: bool) -> str:
    if Channel.TEXT not in channels:
        return "calls_only"
    if not can_be_answered(number):
        return "machine"
    return "" if confirm else "not_wanted"


def _sender_of(account: Account, messages: Sequence[Message]) -> Sender | None:
    """The sender of the newest text that is one of the account's; its only messaging service for numbers of one."""
    own = {sender.address: sender for sender in account.senders}
    for message in reversed(messages):
        for address in (message.configured_sender, message.sender):
            if address in own:
                return own[address]
    services = [sender for sender in account.senders if sender.kind == "messaging_service"]
    return services[0] if len(services) == 1 else None
