"""The bodies of the API's routes about events."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from gateway.api.models import Strict
from gateway.api.paging import Paged, PageQuery

_Kinds = Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=20)]
_Url = Annotated[str, StringConstraints(max_length=2000)]
_Note = Annotated[str, StringConstraints(max_length=200)]
_Id = Annotated[str, StringConstraints(max_length=80)]


class FeedQuery(PageQuery):
    """Which events."""

    kind: _Kinds = Field([], description="Only these kinds; may be given more than once.")


class EventView(BaseModel):
    """Something that happened."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


class Feed(Paged):
    """Events, oldest first. `next` is there at the end too: ask with it again later for what came since."""

    items: list[EventView]


class EndpointBody(Strict):
    """An address that events are to be sent to. kinds: which; all when left out."""

    url: _Url
    kinds: _Kinds = Field(default_factory=list)
    note: _Note = ""


class EndpointChange(Strict):
    """What is to change; what is left out stays."""

    url: _Url | None = None
    kinds: _Kinds | None = None
    active: bool | None = None
    note: _Note | None = None


class EndpointView(BaseModel):
    """An endpoint."""

    id: str
    url: str
    kinds: list[str]
    active: bool
    note: str
    created_at: datetime


class EndpointMade(EndpointView):
    """A new endpoint with its secret, which is shown this once."""

    secret: str


class EndpointList(BaseModel):
    """The endpoints of the account."""

    items: list[EndpointView]
    next: str | None = None


class EndpointPath(BaseModel):
    """An endpoint in an address."""

    id: _Id


class DeliveryPath(EndpointPath):
    """A delivery in an address."""

    event: _Id


class DeliveryView(BaseModel):
    """One event on its way to an endpoint. status: waiting, delivered or dead (given up; may be replayed)."""

    event: str
    type: str
    status: str
    attempts: int
    answer: str = Field(description="The status that came back last, or why there was none.")
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = Field(description="When it is tried next; null when it is over.")


class DeliveryList(Paged):
    """The delivery log of an endpoint, newest first."""

    items: list[DeliveryView]
