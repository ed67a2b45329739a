"""The bodies of the API's routes about broadcasts."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.audience_models import SuppressedView
from gateway.api.models import Strict
from gateway.api.paging import Paged
from gateway.broadcast_texts import MOST_CHARACTERS

_Name = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
_Audience = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_Sender = Annotated[str, StringConstraints(max_length=64)]
_Body = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class BroadcastBody(Strict):
    """A draft."""

    name: _Name = Field("", description="For colleagues; the audience when left out.", examples=["Book fair"])
    audience: _Audience = Field(description="Who is to get it: the id of an audience.")
    sender: _Sender = Field(
        "", alias="from", description="The sender it comes from; when empty, the audience's own or the account's only."
    )
    body: _Body = Field(
        "",
        description="The text. `{brand}` becomes the account's name, `{opt_out_link}` each person's own link.",
        examples=["{brand}: book fair on Saturday. Reply STOP to opt out."],
    )


class BroadcastChange(Strict):
    """What is to change in a draft; what is left out stays."""

    name: _Name | None = Field(None, examples=["Book fair"])
    audience: _Audience | None = None
    sender: _Sender | None = Field(None, alias="from")
    body: _Body | None = None


class BroadcastPath(BaseModel):
    """A broadcast in an address."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class CountsView(BaseModel):
    """Texts by what became of them.

    waiting: to be handed over. sent: the carrier has it. delivered: or read. failed: also undelivered. suppressed: the
    person opted out, or was held, after the text was made. unknown: the carrier did not say.
    """

    waiting: int
    sent: int
    delivered: int
    failed: int
    suppressed: int
    expired: int
    unknown: int


class ReasonView(BaseModel):
    """How many texts ended so, and why: the `status` and `reason` of a message."""

    status: str
    reason: str
    count: int


class BroadcastView(BaseModel):
    """A broadcast.

    status: draft, sending, stopped or finished (everybody's text was handed over or stopped). members: of the audience;
    while it is gone through, those at the start. skipped: members for whom no text was made, and why. opted_out: people
    who opted out by text or link within seven days of it; opt_out_rate is per text that left. alarm: more than
    the setting opt_out_rate_alarm allows. problem: why it was stopped, when nobody asked for that.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str
    status: str
    name: str
    audience: str
    sender: str | None = Field(alias="from")
    body: str
    members: int | None = Field(description="Null for a draft; see /audiences/{id}/sendable.")
    progress: float
    counts: CountsView
    reasons: list[ReasonView] = Field(description="Texts that ended with a reason, by status and reason.")
    skipped: list[SuppressedView]
    opted_out: int
    opt_out_rate: float | None
    alarm: bool
    problem: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    started_at: datetime | None
    started_by: str | None
    stopped_by: str | None
    resumed_by: str | None
    ended_at: datetime | None


class LeftView(BaseModel):
    """Somebody who opted out within seven days of a broadcast."""

    number: str | None = Field(description="Null when the person was erased, or the text is not kept any more.")
    opted_out_at: datetime
    message: str = Field(description="The text of the broadcast that they had got.")


class LeftList(Paged):
    """Who opted out after a broadcast, newest first."""

    items: list[LeftView]


class BroadcastList(Paged):
    """The account's broadcasts, newest first."""

    items: list[BroadcastView]
