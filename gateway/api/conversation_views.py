"""The API's routes about conversations and statistics."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.models import ChangeView, MessageCreated, NumberPath
from gateway.api.paging import next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rendering import address_in, as_json
from gateway.api.text_models import (
    AudienceRateView,
    ConversationItem,
    ConversationList,
    ConversationOptOutBody,
    ConversationOptOutView,
    ConversationsQuery,
    DayView,
    ReplyBody,
    StatisticsQuery,
    StatisticsView,
    ThreadQuery,
    ThreadView,
    WaitingView,
)
from gateway.api.text_rendering import block_view, message_item
from gateway.conversations import NO_CONFIRMATION, Listed
from gateway.reply_texts import LANGUAGES
from store.scopes import Channel

_CONVERSATIONS = Tag(name="conversations", description="The texts with one number, and what is done in them.")
_STATISTICS = Tag(name="statistics", description="What happened, by day, and what waits for a person.")

conversations_api = APIBlueprint("api_conversations", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
conversations_api.before_request(check_key)


@conversations_api.get("/conversations", tags=[_CONVERSATIONS], responses={200: ConversationList})
def list_conversations(query: ConversationsQuery) -> Response:
    """The account's conversations, those with the newest texts first."""
    page = services().conversations.page(
        account(), limit=query.limit, after=place_of(query), unanswered=query.unanswered
    )
    items = [_conversation_item(listed) for listed in page.items]
    return as_json(ConversationList(items=items, next=next_of(query, page.next)))


def _conversation_item(listed: Listed) -> ConversationItem:
    conversation = listed.conversation
    return ConversationItem(
        number=conversation.address,
        last=message_item(conversation.last),
        unanswered_since=conversation.waits_since,
        opted_out=listed.block is not None,
        block=block_view(listed.block) if listed.block else None,
    )


@conversations_api.get("/conversations/<number>", tags=[_CONVERSATIONS], responses={200: ThreadView})
def get_conversation(path: NumberPath, query: ThreadQuery) -> Response:
    """One conversation: its newest texts with what became of them, and whether an answer is allowed."""
    thread = services().conversations.thread(account(), address_in(path.number), limit=query.limit)
    view = ThreadView(
        number=thread.number,
        sender=thread.sender or None,
        may_reply=thread.block is None,
        block=block_view(thread.block) if thread.block else None,
        held=thread.held,
        unanswered_since=thread.waits_since,
        messages=[message_item(message) for message in thread.messages],
    )
    return as_json(view)


@conversations_api.post("/conversations/<number>/replies", tags=[_CONVERSATIONS], responses={202: MessageCreated})
def reply_in_conversation(path: NumberPath, body: ReplyBody) -> Response:
    """Answer somebody, from the sender the conversation was with last. 409 `opted_out`: it was not taken."""
    message = services().conversations.reply(
        account(), address_in(path.number), body.body, actor=actor(), sender=body.sender or ""
    )
    return as_json(MessageCreated(id=message.id, status=message.status), 202)


@conversations_api.post(
    "/conversations/<number>/opt-out", tags=[_CONVERSATIONS], responses={200: ConversationOptOutView}
)
def opt_out_in_conversation(path: NumberPath, body: ConversationOptOutBody) -> Response:
    """Opt somebody out of everything the account sends, and send them the one confirmation, in one step."""
    if body.language is not None and body.language not in LANGUAGES:
        raise Problem("invalid_request", f"language: has to be one of {', '.join(LANGUAGES)}")
    number = address_in(path.number)
    done = services().conversations.opt_out(
        account(),
        number,
        actor=actor(),
        channels=tuple(Channel(channel) for channel in dict.fromkeys(body.channels)),
        note=body.note,
        sender=body.sender or "",
        language=body.language,
        confirm=body.confirm,
    )
    view = ConversationOptOutView(
        number=number,
        changes=[ChangeView(scope=outcome.scope.kind.value, outcome=outcome.outcome) for outcome in done.outcomes],
        confirmation=done.reply,
        explanation=NO_CONFIRMATION.get(done.reply),
        confirmation_id=done.reply_id or None,
    )
    return as_json(view)


@conversations_api.get("/statistics", tags=[_STATISTICS], responses={200: StatisticsView})
def get_statistics(query: StatisticsQuery) -> Response:
    """Texts in and out, opt-outs by source and held texts of the last days, and what waits for a person now."""
    found = services().statistics.read(account(), days=query.days)
    waiting = found.waiting
    view = StatisticsView(
        days=[
            DayView(
                day=day.day,
                texts_in=day.texts_in,
                texts_out=dict(day.texts_out),
                opt_outs=dict(day.opt_outs),
                held=day.held,
            )
            for day in found.days
        ],
        audiences=[
            AudienceRateView(audience=rate.audience, texts=rate.sent, opt_outs=rate.left, rate=rate.rate)
            for rate in found.audiences
        ],
        shared_senders=dict(found.shared),
        waiting=WaitingView(
            held=waiting.held,
            overdue=waiting.overdue,
            oldest=waiting.oldest,
            deadline=waiting.deadline,
            unanswered=waiting.unanswered,
        ),
    )
    return as_json(view)
