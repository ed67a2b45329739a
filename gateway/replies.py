"""The replies that a text may get; at most one of them goes out."""

from datetime import timedelta

from gateway.account_settings import setting_of
from gateway.phone import can_be_answered, formatted
from gateway.reply_policy import Handling, Who, Words, who_answers
from gateway.reply_texts import reply_text
from gateway.situation import CLARIFICATION, DOUBLE_OPT_IN, OpenQuestion, Situation
from keywords import Action, Certainty
from store.inbound import Question, Reply
from store.messages import Message, message_id

# US-10: a confirmation within five minutes is presumed to be covered; later it is not sent at all.
CONFIRMATION_EXPIRES = timedelta(minutes=5)
_ANSWER_EXPIRES = timedelta(minutes=30)
# US-12: one confirmation per number and sender in a day, however often STOP is repeated.
CONFIRM_ONCE_FOR = timedelta(hours=24)


def replies_for(situation: Situation, clarifying: OpenQuestion | None) -> tuple[tuple[Reply, ...], str]:
    """The replies a text may get, by what comes of it; or none, and why.

    Args:
        situation: the text.
        clarifying: the question which audiences were meant, when the confirmation is to ask it.
    """
    replies, no_reply = _replies(situation, clarifying)
    # One that expired already would never be sent, and its mark would keep a later STOP from being confirmed.
    timely = tuple(reply for reply in replies if not _has_expired(reply, situation))
    return (timely, "too_late") if replies and not timely else (timely, no_reply)


def _has_expired(reply: Reply, situation: Situation) -> bool:
    expires = reply.message.expires_at
    return expires is not None and expires <= situation.now


def _replies(situation: Situation, clarifying: OpenQuestion | None) -> tuple[tuple[Reply, ...], str]:
    decision = situation.decision
    if situation.held:
        return (), "held"
    if not decision.acts:
        return (), "nothing_to_answer"
    if not situation.owners:
        return (), "unrouted"
    if not can_be_answered(situation.text.address):
        return (), "machine"
    if situation.text.channel:
        return (), "other_channel"  # what we send are texts; an answer would come from a stranger there
    if situation.answers_question:
        return _after_an_answer(situation)
    if who_answers(situation.handling, decision.action, situation.words) is Who.SILENT:
        return (), "carrier_answers"
    return _WRITERS[decision.action](situation, clarifying), ""


def _after_an_answer(situation: Situation) -> tuple[tuple[Reply, ...], str]:
    question = situation.question
    if question is None or question.kind == CLARIFICATION:
        # The one confirmation is spent (US-9): narrowing it is not answered.
        return (), "nothing_to_answer"
    if situation.words is Words.CARRIERS and situation.handling is Handling.CARRIER:
        return (), "carrier_answers"  # YES is START to the carrier, which answers it by itself
    body = _text(situation, "join_message", audience=question.audience)
    return (Reply(_message(situation, body, "join", "joined", permit=True), only_if="joined"),), ""


def _opt_out(situation: Situation, clarifying: OpenQuestion | None) -> tuple[Reply, ...]:
    body = situation.decision.reply or _text(situation, "opt_out_message")
    if clarifying:
        options = ", ".join(word for word, _ in clarifying.options)
        body = _text(situation, "clarification_message", options=options)
    message = _message(situation, body, "confirmation", "confirmation", permit=True)
    return (Reply(message, once_for=CONFIRM_ONCE_FOR),)


def _opt_in(situation: Situation, _: OpenQuestion | None) -> tuple[Reply, ...]:
    if situation.decision.certainty is not Certainty.EXACT:
        # Free words do not lift an opt-out (behaviour 22); the person is told the word that does.
        return (Reply(_message(situation, _text(situation, "opt_in_hint_message"), "help", "hint", permit=True)),)
    body = situation.decision.reply or _text(situation, "opt_in_message")
    return (Reply(_message(situation, body, "welcome_back", "welcome", permit=True), only_if="lifted"),)


def _help(situation: Situation, _: OpenQuestion | None) -> tuple[Reply, ...]:
    body = situation.decision.reply or _text(situation, "help_message")
    return (Reply(_message(situation, body, "help", "help", permit=True)),)


def _join(situation: Situation, _: OpenQuestion | None) -> tuple[Reply, ...]:
    """A question to who is blocked, a welcome to who joined, a polite word to who was there already."""
    audience, own = situation.decision.audience or "", situation.decision.reply
    question = own or _text(situation, "double_opt_in_message", audience=audience)
    welcome = own or _text(situation, "join_message", audience=audience)
    already = _text(situation, "already_member_message", audience=audience)
    return (
        # The person texted first, so the question passes the gate although they are blocked (design §4).
        Reply(_message(situation, question, "double_opt_in", "question", permit=True), only_if="asked"),
        Reply(_message(situation, welcome, "join", "joined", permit=False), only_if="joined"),
        Reply(_message(situation, already, "join", "already", permit=False), only_if="already_member"),
    )


def _own_reply(situation: Situation, _: OpenQuestion | None) -> tuple[Reply, ...]:
    body = situation.decision.reply or ""
    return (Reply(_message(situation, body, "keyword_reply", "reply", permit=False)),) if body else ()


_WRITERS = {
    Action.OPT_OUT: _opt_out,
    Action.OPT_IN: _opt_in,
    Action.HELP: _help,
    Action.JOIN: _join,
    Action.REPLY: _own_reply,
}


def _text(situation: Situation, name: str, **more: str) -> str:
    account = situation.meant
    settings = account.settings if account else {}
    owners = [account] if account else [owner for owner, _ in situation.owners]
    brands = dict.fromkeys(setting_of(owner.settings, "brand") or owner.name for owner in owners)
    contacts = dict.fromkeys(setting_of(owner.settings, "help_contact") for owner in owners)
    values = {
        "brand": " / ".join(brands) or formatted(situation.text.sender),
        "sender": situation.text.sender,
        "help_contact": " / ".join(filter(None, contacts)),
        "keyword": situation.decision.matched,
        **more,
    }
    return reply_text(name, settings, situation.decision.language, values)


def _message(situation: Situation, body: str, kind: str, part: str, *, permit: bool) -> Message:
    text = situation.text
    expires = CONFIRMATION_EXPIRES if kind == "confirmation" else _ANSWER_EXPIRES
    return Message(
        id=message_id(text.address, text.carrier, text.carrier_id, part),
        account=situation.meant.id if situation.meant and not permit else situation.owner,
        direction="out",
        sender=text.sender,
        configured_sender=situation.sender if situation.sender != text.sender else "",
        address=text.address,
        body=body,
        kind=kind,
        status="queued",
        created_at=situation.now,
        permit=permit,
        expires_at=situation.occurred_at + expires,
        carrier=text.carrier,
        in_reply_to=message_id(text.address, text.carrier, text.carrier_id, "in"),
    )


def question_of(account: str, audience: str, window: timedelta, *, asked: bool) -> Question:
    """The question of a double opt-in, as it is kept.

    asked: it is sent to the person, who may just say yes. A person who was not asked has to name the audience: a
    "yes" of theirs is about something else.
    """
    words = () if asked else (audience.upper(),)
    return Question(OpenQuestion(DOUBLE_OPT_IN, account, audience=audience, words=words).text(), window)
