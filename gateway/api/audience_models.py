"""The bodies of the API's routes about audiences."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.models import Strict
from gateway.api.paging import Paged
from gateway.audiences import MOST_MEMBERS_AT_ONCE

_NewId = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\s/{}][^/{}\x00-\x1f\x7f]*$")]
_Name = Annotated[str, StringConstraints(max_length=100)]
_Sender = Annotated[str, StringConstraints(max_length=64)]
_Number = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_ContactId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class AudienceBody(Strict):
    """An audience."""

    id: _NewId = Field(description="What sends, opt-outs and keywords name.", examples=["newsletter"])
    name: _Name = Field("", description="For people; the id when left out.")
    sender: _Sender = Field(
        "", alias="from", description="The sender that its texts come from; empty when that may be any."
    )


class AudienceChange(Strict):
    """What is to change; what is left out stays."""

    name: _Name | None = None
    sender: _Sender | None = Field(None, alias="from")


class AudienceView(BaseModel):
    """An audience. members: the numbers in it, suppressed ones too; see /sendable for those that may be texted."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    name: str
    sender: str | None = Field(alias="from")
    members: int
    used_by_keyword: bool
    created_at: datetime | None = Field(description="Null for one that a keyword or a request named.")
    updated_at: datetime | None


class AudienceList(Paged):
    """The account's audiences, by id."""

    items: list[AudienceView]


class AudiencePath(BaseModel):
    """An audience in an address."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=80)]


class MemberPath(AudiencePath):
    """A member in an address."""

    number: _Number


class MemberView(BaseModel):
    """A number in an audience, and the contact that has it."""

    number: str
    contact: str | None = Field(description="The contact's id, when there is one.")


class MemberList(Paged):
    """Members, in the order of the last digits of their numbers."""

    items: list[MemberView]


class MembersBody(Strict):
    """Who is to join: numbers, and contacts (by their primary number)."""

    numbers: Annotated[list[str], Field(max_length=MOST_MEMBERS_AT_ONCE)] = Field(default_factory=list)
    contacts: Annotated[list[_ContactId], Field(max_length=MOST_MEMBERS_AT_ONCE)] = Field(default_factory=list)


class AddedView(BaseModel):
    """What came of one.

    outcome: joined, already_member, opted_out, invalid_number, unknown_contact or no_phone.
    """

    number: str | None
    contact: str | None = None
    outcome: str
    scope: str | None = None
    source: str | None = None
    since: datetime | None = None
    explanation: str | None = None


class AddedList(BaseModel):
    """What came of each, in the order asked (numbers, then contacts), and how many of each there are."""

    results: list[AddedView]
    counts: dict[str, int]


class SendableQuery(Strict):
    """From which sender."""

    sender: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, alias="from", description="Else the audience's own, or the account's only one."
    )


class SuppressedView(BaseModel):
    """Members that are not texted, and why. reason: opted_out, or held (a text of theirs waits for a person)."""

    reason: str
    scope: str
    source: str | None
    count: int


class SendableView(BaseModel):
    """Who of an audience would get a text now. members = sendable + the counts of suppressed."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    sender: str | None = Field(
        alias="from", description="Null: any sender; blocks of single senders are then not counted."
    )
    members: int
    sendable: int
    suppressed: list[SuppressedView]
