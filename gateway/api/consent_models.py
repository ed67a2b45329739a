"""The bodies of the API's routes about reviews, subscriptions, keywords and replies."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from gateway.api.models import ChangeView, Strict
from store.directory import Keyword

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Audience = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_Reason = Annotated[str, StringConstraints(max_length=500)]


class LimitQuery(Strict):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ReviewView(BaseModel):
    """A text that a person is to read."""

    id: str
    state: str = Field(description="held: nothing was done yet. acted: opted out by free words; may be taken back.")
    number: str
    sender: str
    text: str
    explanation: str
    rule: str
    received_at: datetime
    deadline: datetime
    overdue: bool
    last_sent: str | None = Field(description="The last text this person got before.")


class ReviewList(BaseModel):
    """The review queue, oldest first."""

    items: list[ReviewView]


class DecideBody(Strict):
    """What was decided."""

    decision: Literal["opt_out", "not_opt_out", "wrong_number"]
    reason: _Reason = ""


class Decided(BaseModel):
    """What a decision changed."""

    id: str
    decision: str
    changes: list[ChangeView]


class SubscribeBody(Strict):
    """Who is to join what."""

    number: _Id
    audience: _Audience
    sender: _Id = Field(alias="from", description="The sender its texts come from.")


class SubscriptionView(BaseModel):
    """What came of it. pending: the person opted out before and has to text `word` to `text_to` within the window."""

    number: str
    audience: str
    status: str
    word: str | None = None
    text_to: str | None = None


class UnsubscribeQuery(Strict):
    """Who is to leave what."""

    number: _Id
    audience: _Audience


class PreviewBody(Strict):
    """A reply to look at."""

    name: str = Field(description="The setting's name, such as opt_out_message.")
    language: str = "en"
    body: Annotated[str, StringConstraints(max_length=1600)] | None = Field(
        None, description="A text to try instead of the account's own."
    )


class FindingView(BaseModel):
    """Something the linter found."""

    code: str
    severity: str
    where: str
    message: str


class PreviewView(BaseModel):
    """A reply as a person would get it."""

    text: str
    encoding: str
    segments: int
    findings: list[FindingView]


class KeywordView(BaseModel):
    """A built-in keyword. off_at: senders where its texts are held instead; "" stands for the whole account."""

    id: str
    words: list[str]
    action: str
    language: str | None
    mandatory: bool
    law: str | None
    off_at: list[str]


class OwnKeywordView(BaseModel):
    """A word of the account."""

    word: str
    action: str
    match: str
    audience: str | None
    reply: str | None


class KeywordList(BaseModel):
    """The built-in keywords, the account's own, and what the linter says of those."""

    items: list[KeywordView]
    own: list[OwnKeywordView]
    next: None = Field(None, description="There is one page.")
    findings: list[FindingView]


class KeywordPath(BaseModel):
    """A keyword in an address."""

    id: Annotated[str, StringConstraints(max_length=100)]


class SwitchBody(Strict):
    """On or off, at one sender or in the whole account."""

    on: bool
    sender: _Id | None = None
    understood: bool = Field(default=False, description="The law that asks for a mandatory word was read.")


def own_keyword_view(keyword: Keyword) -> OwnKeywordView:
    """A word of an account as the API shows it."""
    return OwnKeywordView(
        word=keyword.word,
        action=keyword.action,
        match=keyword.match,
        audience=keyword.audience or None,
        reply=keyword.reply or None,
    )


def finding_view(finding: Any) -> FindingView:
    """A linter's finding as the API shows it."""
    return FindingView(code=finding.code, severity=finding.severity.value, where=finding.where, message=finding.message)
