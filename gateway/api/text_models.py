"""The bodies of the API's routes about lists of texts, the incoming report, conversations and statistics."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.models import BlockView, ChangeView, Strict, TimelineItem
from gateway.api.paging import Paged, PageQuery
from gateway.lists.writing import FORMATS
from gateway.message_words import OUTCOMES
from gateway.statistics import MOST_DAYS
from gateway.texts import DECISIONS

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Status = Literal[
    "received", "queued", "handing_over", "accepted", "sent", "delivered", "read", "undelivered", "failed", "canceled",
    "unknown", "suppressed", "expired",
]  # fmt: skip
_MANY = "A page may hold fewer texts than asked for, and none, while it has a next one."


class MessageItem(BaseModel):
    """A text and what became of it."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    direction: str
    status: str
    reason: str | None = Field(description="A stable word for why it did not go out, or null.")
    explanation: str | None = Field(description="The same as a sentence; for a text in, what was read in it and why.")
    code: str | None = Field(description="The carrier's error code, or null.")
    sender: str = Field(alias="from")
    to: str
    body: str
    kind: str
    audience: str | None
    sent_by: str | None = Field(description="Who asked for it, when somebody did.")
    created_at: datetime
    updated_at: datetime | None
    blocked_by: dict[str, Any] | None = Field(description="The block that suppressed it, or null.")


class MessageView(MessageItem):
    """A text, what became of it, and each thing that happened to it."""

    timeline: list[TimelineItem]


class _Times(PageQuery):
    number: _Id | None = Field(None, description="With this number only.")
    sender: _Id | None = Field(None, description="From or to this sender of the account.")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    contains: _Words | None = Field(None, description=f"Words in the text, large or small. {_MANY}")


class MessagesQuery(_Times):
    """Which texts."""

    direction: Literal["in", "out"] | None = None
    status: _Status | None = Field(None, description=_MANY)


class MessageList(Paged):
    """Texts, newest first."""

    items: list[MessageItem]


class IncomingQuery(_Times):
    """Which texts that came in."""

    decision: Literal[DECISIONS] | None = Field(  # type: ignore[valid-type]
        None, description="What the engine read in it."
    )
    outcome: Literal[tuple(OUTCOMES)] | None = Field(  # type: ignore[valid-type]
        None, description="What it did; held: a person had to read it first."
    )
    rule: _Words | None = Field(None, description="How the rule's id begins.")


class IncomingItem(BaseModel):
    """A text that came in, what was made of it and why."""

    id: str
    received_at: datetime
    number: str
    sender: str
    text: str
    decision: str
    certainty: str
    rule: str
    explanation: str
    outcome: str = Field(description=f"What it did: {', '.join(OUTCOMES)}.")
    reply: str = Field(description="queued, or a stable word for why none was sent.")
    reply_explanation: str
    reply_id: str | None
    review: str | None = Field(description="What a person decided about it since.")


class IncomingList(Paged):
    """The incoming report, newest first."""

    items: list[IncomingItem]


class ExportQuery(IncomingQuery):
    """Which texts that came in, and as what file."""

    format: Literal[tuple(FORMATS)] = "csv"  # type: ignore[valid-type]


class ConversationsQuery(PageQuery):
    """Which conversations."""

    unanswered: bool = Field(default=False, description="Only those whose last own words wait for an answer.")


class ConversationItem(BaseModel):
    """A conversation in the list."""

    number: str
    last: MessageItem
    unanswered_since: datetime | None
    opted_out: bool
    block: BlockView | None


class ConversationList(Paged):
    """Conversations, those with the newest texts first."""

    items: list[ConversationItem]


class ThreadQuery(Strict):
    """How much of it."""

    limit: Annotated[int, Field(ge=1, le=500, description="The newest so many texts.")] = 50


class ThreadView(BaseModel):
    """A conversation. messages: oldest first."""

    number: str
    sender: str | None = Field(description="What an answer comes from; null when it has to be named.")
    may_reply: bool
    block: BlockView | None = Field(description="What refuses an answer.")
    held: bool
    unanswered_since: datetime | None
    messages: list[MessageItem]


class ReplyBody(Strict):
    """An answer."""

    body: Annotated[str, StringConstraints(min_length=1, max_length=1600)]
    sender: _Id | None = Field(None, alias="from", description="The conversation's last sender, when left out.")


class ConversationOptOutBody(Strict):
    """An opt-out that a colleague enters in a conversation."""

    channels: list[Literal["text", "voice"]] = Field(["text", "voice"], min_length=1, max_length=2)
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    sender: _Id | None = Field(None, alias="from", description="The conversation's last sender, when left out.")
    language: Annotated[str, StringConstraints(max_length=20)] | None = Field(None, description="Of the confirmation.")
    confirm: bool = Field(default=True, description="Send the one confirmation.")


class ConversationOptOutView(BaseModel):
    """What it did. confirmation: queued, or a stable word for why none is sent."""

    number: str
    changes: list[ChangeView]
    confirmation: str
    explanation: str | None
    confirmation_id: str | None


class StatisticsQuery(Strict):
    """Of how many days, today included."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 30


class DayView(BaseModel):
    """One day, in UTC. A text out counts on the day it was made, under what it is now."""

    day: date
    texts_in: int
    texts_out: dict[str, int] = Field(description="By status.")
    opt_outs: dict[str, int] = Field(description="New opt-outs by source.")
    held: int = Field(description="Texts put before a person.")


class AudienceRateView(BaseModel):
    """An audience. opt_outs: of people whom it was texted for last. rate: opt-outs for each text."""

    audience: str
    texts: int
    opt_outs: int
    rate: float | None


class WaitingView(BaseModel):
    """What waits for a person. deadline: by when the oldest held text has to be decided."""

    held: int
    overdue: int
    oldest: datetime | None
    deadline: datetime | None
    unanswered: int


class StatisticsView(BaseModel):
    """The figures of an account. shared_senders: new opt-outs to each sender it shares with other accounts."""

    days: list[DayView]
    audiences: list[AudienceRateView]
    shared_senders: dict[str, int]
    waiting: WaitingView
