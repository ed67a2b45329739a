"""Lists whose state is in their address: filters, sort and page, so that a view can be sent to a colleague."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request, url_for

CHOICE, TEXT, DAY = "choice", "text", "day"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column. sort: the name to sort by, "" for one that cannot be sorted. numeric: to the right."""

    label: str
    sort: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter.

    words: how it is said in the heading, with {} for the value ("by {}"). choices: value and label. anything: what a
    choice is called when nothing is chosen. formerly: the name it had in addresses that people may have kept.
    """

    name: str
    label: str
    kind: str = TEXT
    words: str = "{}"
    choices: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""
    anything: str = "Any"
    formerly: str = ""

    def say(self, value: str) -> str:
        """The filter with a value, in words."""
        return self.words.format(dict(self.choices).get(value, value))


@dataclass(frozen=True, slots=True)
class Listing:
    """What was asked of a list. values: of the filters that are set. sort: a name, "-" before it for downwards."""

    filters: Sequence[Filter]
    values: Mapping[str, str]
    sort: str = ""
    cursor: str = ""

    @property
    def words(self) -> str:
        """The filters that are set, in words; "" for none."""
        return ", ".join(each.say(self.values[each.name]) for each in self.filters if each.name in self.values)

    def url(self, **changes: str) -> str:
        """This list's address with other values; an empty one leaves it out. At the first page, but for `cursor`."""
        asked: dict[str, Any] = {**self.values, "sort": self.sort, **changes}
        kept = {name: value for name, value in asked.items() if value}
        return url_for(request.endpoint or "", **{**(request.view_args or {}), **kept})

    def sorted_url(self, column: Column) -> str:
        """The address that sorts by a column; downwards when it is sorted upwards already."""
        return self.url(sort=f"-{column.sort}" if self.sort == column.sort else column.sort)

    def direction(self, column: Column) -> str:
        """aria-sort of a column: ascending, descending or ""."""
        return {column.sort: "ascending", f"-{column.sort}": "descending"}.get(self.sort, "") if column.sort else ""


def listing(filters: Sequence[Filter] = (), *, sorts: Sequence[str] = (), default_sort: str = "") -> Listing:
    """What the request asks of a list. Values that make no sense are left out.

    Args:
        filters: those the list has.
        sorts: names to sort by.
        default_sort: the sort when none is asked for, "-" before it for downwards.
    """
    values = {}
    for each in filters:
        value = request.args.get(each.name, request.args.get(each.formerly, "")).replace("\0", "").strip()[:_LONGEST]
        if value and _fits(each, value):
            values[each.name] = value
    sort = request.args.get("sort", "")
    known = sort.removeprefix("-") in sorts and bool(sort)
    return Listing(filters, values, sort if known else default_sort, request.args.get("cursor", "")[:_LONGEST])


def _fits(each: Filter, value: str) -> bool:
    if each.kind == CHOICE:
        return value in dict(each.choices)
    if each.kind == DAY:
        try:
            return bool(date.fromisoformat(value))
        except ValueError:
            return False
    return True
