"""The bodies of the API's routes about lists of opt-outs."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from gateway.api.models import Strict
from gateway.api.paging import Paged, PageQuery
from gateway.exports import EXPORT_FORMATS
from gateway.opt_out_adding import MOST_ADDED
from gateway.opt_out_filters import OptOutFilter
from gateway.opt_out_notes import WHO
from store.journal import Source
from store.scopes import Channel, ScopeKind

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Audience = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_Number = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Moment = AwareDatetime | date
_WHO = tuple(dict.fromkeys(WHO.values()))
_DAY = "A date is a whole day, in UTC."


class FilterQuery(Strict):
    """Which opt-outs."""

    number: _Number | None = Field(
        None, description='A whole number in any form, or how it begins: "+1202", "415 555*". A short code: "=72975".'
    )
    sender: _Id | None = Field(None, description="Those for one sender.")
    audience: _Audience | None = Field(None, description="Those for one audience.")
    scope: Literal[tuple(kind.value for kind in ScopeKind)] | None = Field(  # type: ignore[valid-type]
        None, description="How far they reach."
    )
    channel: Literal[tuple(channel.value for channel in Channel)] | None = None  # type: ignore[valid-type]
    source: Literal[tuple(source.label for source in Source)] | None = Field(  # type: ignore[valid-type]
        None, description="How they came."
    )
    type: Literal[_WHO] | None = Field(None, description="Who said so.")  # type: ignore[valid-type]
    since: _Moment | None = Field(None, description=f"Opted out from this time on. {_DAY}")
    until: _Moment | None = Field(None, description=f"Opted out before this time; a date is included. {_DAY}")
    added_since: _Moment | None = Field(None, description=f"Recorded from this time on. {_DAY}")
    added_until: _Moment | None = Field(None, description=f"Recorded before this time; a date is included. {_DAY}")

    def as_filter(self, number: str, prefix: str) -> OptOutFilter:
        """The filter as the use case takes it; the number was read already."""
        return OptOutFilter(
            number=number,
            prefix=prefix,
            kind=ScopeKind(self.scope) if self.scope else None,
            sender=self.sender,
            audience=self.audience,
            channel=Channel(self.channel) if self.channel else None,
            source=Source[self.source.upper()] if self.source else None,
            who=self.type,
            since=_begin(self.since),
            until=_end(self.until),
            added_since=_begin(self.added_since),
            added_until=_end(self.added_until),
        )


def _begin(at: datetime | date | None) -> datetime | None:
    return at if at is None or isinstance(at, datetime) else datetime.combine(at, time(), UTC)


def _end(at: datetime | date | None) -> datetime | None:
    if at is None or isinstance(at, datetime):
        return at
    return datetime.combine(at if at == date.max else at + timedelta(days=1), time(), UTC)


_Sort = Literal["-date", "date", "number", "-number"]
_SORT = "By when it was recorded, or by number; with a minus the newest or highest first."


class OptOutsQuery(FilterQuery, PageQuery):
    """A page of opt-outs. Filters that no index knows may give pages with fewer items than asked for, even none."""

    sort: _Sort = Field("-date", description=_SORT)


class ExportQuery(FilterQuery):
    """A file of opt-outs."""

    format: Literal[tuple(EXPORT_FORMATS)] = "csv"  # type: ignore[valid-type]
    sort: _Sort = Field("-date", description=_SORT)
    bom: bool = Field(default=False, description="Begin csv and tab with the mark by which Excel knows UTF-8.")
    plain: bool = Field(
        default=False,
        description="Leave cells of csv and tab as they are, for programs. Without it, an apostrophe stands before "
        "cells that a spreadsheet would run or take for a number, +1... among them.",
    )


class OptOutItem(BaseModel):
    """One opt-out. Channels with different stories are items of their own."""

    number: str
    channels: list[str]
    scope: str
    sender: str | None
    audience: str | None
    source: str
    type: str = Field(description="Who said so: person, carrier, staff, program or import.")
    since: datetime = Field(description="When they said so.")
    added: datetime = Field(description="When it was recorded; when said again, the last time.")
    note: str = Field(description="What somebody wrote, or how it came.")
    actor: str | None
    text: str | None = Field(description="The person's own words.")
    matched: str | None
    rule: str | None = Field(description="The rule by which the words were understood.")


class OptOutList(Paged):
    """A page of opt-outs. Only `next: null` is the end."""

    items: list[OptOutItem]


class OptOutCountView(BaseModel):
    """How many opt-outs a filter takes; one of texts and calls counts in both. exact: false means at least so many."""

    text: int | None = Field(description="null when only calls were asked for.")
    voice: int | None = Field(description="null when only texts were asked for.")
    exact: bool
    filter: str = Field(description="The filter in words.")


class AddBody(Strict):
    """Opt-outs to record."""

    numbers: (
        Annotated[list[str], Field(min_length=1, max_length=MOST_ADDED)]
        | Annotated[str, StringConstraints(min_length=1, max_length=40_000)]
    ) = Field(description="A list, or one text with commas or line ends between the numbers. 1,000 at most.")
    channels: Annotated[list[Literal["text", "voice"]], Field(min_length=1, max_length=2)] = Field(
        default=["text", "voice"]
    )
    sender: _Id | None = Field(None, description="Only for what is sent from this sender.")
    audience: _Audience | None = Field(None, description="Only for what is sent to this audience.")
    note: Annotated[str, StringConstraints(max_length=500)] = Field("", description="Left out, one is written.")
    occurred_at: AwareDatetime | None = Field(None, description="When the person said so; now, when left out.")


class AddedView(BaseModel):
    """What came of one number."""

    given: str
    number: str | None
    outcome: str = Field(
        description="opted_out, strengthened, refreshed, already, stronger_kept, stale, duplicate or invalid_number."
    )
    problem: str | None


class AddResult(BaseModel):
    """What came of each number, in their order."""

    results: list[AddedView]
    opted_out: int = Field(description="How many are newly opted out.")


class ScrubQuery(Strict):
    """How to scrub."""

    sender: _Id | None = Field(None, alias="from", description="The sender the texts would come from.")
    audience: _Audience | None = Field(None, description="The audience they would go to.")
    channel: Literal["text", "voice"] = "text"
    phone: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Header of the column with the numbers; guessed when left out."
    )
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        None, description="For numbers without a country code; the account's when left out."
    )
