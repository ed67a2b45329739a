"""The bodies of the API's routes about contacts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from gateway.api.models import BlockView, ChangeView, Strict
from gateway.api.paging import Paged, PageQuery
from gateway.contact_rows import LIMITS

_OwnId = Annotated[str, StringConstraints(max_length=LIMITS["contact_id"])]
_Name = Annotated[str, StringConstraints(max_length=LIMITS["name"])]
_Number = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Label = Annotated[str, StringConstraints(max_length=LIMITS["label"])]
_PropertyName = Annotated[str, StringConstraints(min_length=1, max_length=LIMITS["property_name"])]
_PropertyValue = Annotated[str, StringConstraints(max_length=LIMITS["property_value"])]
_Audience = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_Channel = Literal["text", "voice"]


class PhoneBody(Strict):
    """A phone number and what you call it."""

    number: _Number
    label: _Label = ""


_Phones = Annotated[list[PhoneBody], Field(max_length=LIMITS["phones"])]


class ContactsQuery(PageQuery):
    """Which contacts, in which order. One of number, name and contact_id at most."""

    number: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Whole, or how it begins (+1415)."
    )
    name: _Name | None = Field(None, description="How the last or the first name begins, or both in either order.")
    contact_id: _OwnId | None = Field(None, description="Your own id of the contact.")
    sort: Literal["created", "name", "number"] = "created"
    order: Literal["asc", "desc"] = "asc"


class ContactBody(Strict):
    """A contact. One that is known by its contact_id, else by its numbers, is appended to."""

    contact_id: _OwnId = Field("", description="Your own id.")
    first_name: _Name = ""
    last_name: _Name = ""
    phones: _Phones = Field(default_factory=list, description="The first is the primary one.")
    properties: dict[_PropertyName, _PropertyValue] = Field(default_factory=dict, max_length=LIMITS["properties"])
    audience: _Audience | None = Field(None, description="The audience that its primary number joins.")


class ContactChangeBody(Strict):
    """What is to change; what is left out stays."""

    contact_id: _OwnId | None = None
    first_name: _Name | None = None
    last_name: _Name | None = None
    phones: _Phones | None = Field(None, description="All of them: a phone that is not named is taken away.")
    properties: dict[_PropertyName, _PropertyValue | None] = Field(
        default_factory=dict, max_length=LIMITS["properties"], description="By name; null takes one away."
    )


class PhoneView(BaseModel):
    """A phone of a contact."""

    number: str
    label: str


class ContactView(BaseModel):
    """A contact."""

    id: str
    contact_id: str | None
    first_name: str
    last_name: str
    phones: list[PhoneView]
    properties: dict[str, str]
    created_at: datetime
    updated_at: datetime


class ContactTaken(ContactView):
    """A contact and what came of it.

    outcome: created, updated, unchanged, or opted_out (it is kept, and did not join the audience).
    """

    outcome: str
    code: str | None = Field(description="A stable word for what there is to say, or null.")
    explanation: str | None = Field(description="The same as a sentence.")


class ContactList(Paged):
    """Contacts in order."""

    items: list[ContactView]


class ContactPath(BaseModel):
    """A contact in an address."""

    id: Annotated[str, StringConstraints(max_length=64)]


class ContactOptOutBody(Strict):
    """An opt-out of a contact."""

    number: _Number | None = Field(None, description="One of its phones; all of them when left out.")
    channels: Annotated[list[_Channel], Field(min_length=1, max_length=2)] = Field(default=["text", "voice"])
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    occurred_at: AwareDatetime | None = Field(None, description="When the person said so; now, when left out.")


class ContactLiftQuery(Strict):
    """What to lift of a contact."""

    number: _Number | None = Field(None, description="One of its phones; all of them when left out.")
    channel: _Channel | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class RefusedView(BaseModel):
    """Why a block stays: only the person can come back, by texting `word` to `text_to`."""

    code: str
    detail: str
    word: str | None = None
    text_to: str | None = None


class PhoneOptOutView(BaseModel):
    """One phone of a contact: how it stands, and what the request changed."""

    number: str
    opted_out: bool
    opt_outs: list[BlockView]
    changes: list[ChangeView]
    refused: RefusedView | None = None


class ContactOptOutView(BaseModel):
    """The phones of a contact. Each stands for itself."""

    id: str
    phones: list[PhoneOptOutView]


def refused_view(code: str, detail: str, facts: Mapping[str, Any]) -> RefusedView:
    """A refusal to lift as the API shows it."""
    return RefusedView(code=code, detail=detail, word=facts.get("word"), text_to=facts.get("text_to"))
