"""The bodies of the API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Number = Annotated[str, StringConstraints(min_length=1, max_length=64)]
# Twilio refuses a longer text (21617), and no phone shows it as one.
_Body = Annotated[str, StringConstraints(min_length=1, max_length=1600)]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
_Audience = Annotated[str, StringConstraints(min_length=1, max_length=80)]

MOST_NUMBERS = 10_000


class Strict(BaseModel):
    """A body in which an unknown field is a mistake, not something to ignore."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SendBody(Strict):
    """A text to send."""

    sender: _Id = Field(alias="from", description="One of the account's senders.")
    to: _Number = Field(description="The number to text; national form where the account has a default country.")
    body: _Body
    kind: Literal["transactional", "broadcast"] = "transactional"
    audience: _Audience | None = None
    idempotency_key: _Key | None = Field(None, description="Repeating a request with its key sends one text.")


class MessageCreated(BaseModel):
    """A text that was taken."""

    id: str
    status: str


class TimelineItem(BaseModel):
    """One thing that happened to a text."""

    at: datetime
    event: str
    detail: str


class CheckBody(Strict):
    """Numbers to check."""

    numbers: Annotated[list[str], Field(min_length=1, max_length=MOST_NUMBERS)] = Field(
        description="One that is no number is answered as `invalid_number`, at its place."
    )
    sender: _Id | None = Field(None, alias="from")
    channel: Literal["text", "voice"] = "text"
    audience: _Audience | None = None


class CheckItem(BaseModel):
    """One number's answer. reason: opted_out or invalid_number."""

    number: str
    allowed: bool
    reason: str | None = None
    scope: str | None = None
    source: str | None = None
    since: datetime | None = None


class CheckResults(BaseModel):
    """The answers, in the order asked."""

    results: list[CheckItem]


class NumberPath(BaseModel):
    """A number in an address."""

    number: _Number


class MessagePath(BaseModel):
    """A message in an address."""

    id: Annotated[str, StringConstraints(max_length=64)]


class PutBody(Strict):
    """An opt-out to record."""

    channels: Annotated[list[Literal["text", "voice"]], Field(min_length=1, max_length=2)] = ["text", "voice"]
    sender: _Id | None = None
    audience: _Audience | None = None
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    occurred_at: AwareDatetime | None = Field(None, description="When the person said so; now, when left out.")


class DeleteQuery(Strict):
    """What to lift."""

    sender: _Id | None = None
    audience: _Audience | None = None
    channel: Literal["text", "voice"] | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class BlockView(BaseModel):
    """One opt-out of a number."""

    scope: str
    channel: str
    source: str
    since: datetime
    sender: str | None = None
    audience: str | None = None


class OptOutView(BaseModel):
    """A number's opt-outs in this account."""

    number: str
    opted_out: bool
    held: bool
    opt_outs: list[BlockView]


class ChangeView(BaseModel):
    """What a change did in one scope."""

    scope: str
    outcome: str


class ChangeResult(BaseModel):
    """What a request changed, and how the number stands now."""

    number: str
    changes: list[ChangeView]
    opted_out: bool
    opt_outs: list[BlockView]
