"""Which opt-outs of an account somebody wants to see: the filter, reading a number for it, and the filter in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import phonenumbers

from gateway.opt_out_notes import WHO
from gateway.phone import InvalidNumber, NumberProblem, formatted, is_short_code, normalise
from store.journal import Source, milliseconds
from store.listed import Order, Wanted
from store.scopes import Channel, ScopeKind

_NORTH_AMERICA = 1


class Sort(StrEnum):
    """Orders of the list: by when it was recorded or by number; "-" begins with the newest or highest."""

    NEWEST = "-date"
    OLDEST = "date"
    LOWEST = "number"
    HIGHEST = "-number"

    @property
    def order(self) -> Order:
        """The order as the store names it."""
        return Order(by_number=self in {Sort.LOWEST, Sort.HIGHEST}, descending=self.value.startswith("-"))


@dataclass(frozen=True, slots=True)
class OptOutFilter:
    """Which opt-outs; what is left out takes all.

    number: this one (E.164, or a short code). prefix: how the number begins ("+1202"). sender, audience, kind: of the
    scope. source: how it came. who: person, carrier, staff, program or import. since, until: when the person said so.
    added_since, added_until: when it was recorded. Each begins with the former and ends before the latter.
    """

    number: str = ""
    prefix: str = ""
    kind: ScopeKind | None = None
    sender: str | None = None
    audience: str | None = None
    channel: Channel | None = None
    source: Source | None = None
    who: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    added_since: datetime | None = None
    added_until: datetime | None = None

    @property
    def wanted(self) -> Wanted:
        """The same as the store takes it."""
        return Wanted(
            number=self.number,
            prefix=self.prefix,
            kind=self.kind,
            sender=self.sender,
            audience=self.audience,
            channel=self.channel,
            sources=self._sources,
            added_from=_milliseconds(self.added_since),
            added_until=_milliseconds(self.added_until),
            since_from=_milliseconds(self.since),
            since_until=_milliseconds(self.until),
        )

    @property
    def _sources(self) -> frozenset[Source] | None:
        if self.source is None and self.who is None:
            return None
        return frozenset(
            source for source, who in WHO.items() if self.source in {None, source} and self.who in {None, who}
        )

    @property
    def is_counted(self) -> bool:
        """True when the store keeps count of what this takes: nothing narrows it but scope and channel."""
        other = (self.number, self.prefix, self.source, self.who, self.since, self.until)
        return not any(other) and self.added_since is None and self.added_until is None


def _milliseconds(at: datetime | None) -> int | None:
    return milliseconds(at) if at else None


def read_number(text: str, default_country: str | None) -> tuple[str, str]:
    """What somebody typed to look for: (number, "") for a whole number, ("", prefix) for the beginning of one.

    A whole number may be written in any form. Anything shorter is a beginning, and so is what ends in "*"; without a
    country code the default country's is put in front. An address may have "%20" or a blank for the plus. A short code,
    which looks like a beginning, is written "=72975".

    Raises:
        InvalidNumber: there are no digits in it, or letters.
    """
    typed = f"+{text.strip()}" if re.match(r"\s+\d", text) else text.strip()
    forced = typed.endswith("*")
    typed = typed.rstrip("*").rstrip()
    if not forced:
        try:
            return normalise(typed, default_country), ""
        except InvalidNumber:
            if typed[:1] == "=" and is_short_code(typed[1:].strip()):
                return typed[1:].strip(), ""
    digits = re.sub(r"\D", "", typed)
    if not digits.isascii() or not digits or re.search(r"[^\W\d_]", typed):
        raise InvalidNumber(NumberProblem.LETTERS if re.search(r"[^\W\d_]", typed) else NumberProblem.NOT_A_NUMBER)
    return "", _prefix(typed, digits, default_country)[:16]


def _prefix(typed: str, digits: str, default_country: str | None) -> str:
    if typed.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00") and not default_country:
        return f"+{digits[2:]}"
    code = phonenumbers.country_code_for_region(default_country) if default_country else 0
    if not code or (code == _NORTH_AMERICA and digits[0] == "1"):
        return f"+{digits}"
    return f"+{code}{digits.lstrip('0')}"


_WHO_SAYS = {
    "person": "by the people themselves",
    "carrier": "by the carrier",
    "staff": "by colleagues",
    "program": "by programs",
    "import": "by imports",
}
_SOURCE_SAYS: Mapping[Source, str] = {
    Source.KEYWORD: "by text",
    Source.LINK: "by link",
    Source.CARRIER: "by the carrier",
    Source.AGENT: "by an agent",
    Source.ADMIN: "by an admin",
    Source.API: "by the API",
    Source.IMPORT: "by import",
    Source.CONFIRMED: "by confirmation",
}
_KIND_SAYS = {
    ScopeKind.GLOBAL: "for the whole installation",
    ScopeKind.SENDER: "at shared senders",
    ScopeKind.ACCOUNT: "for everything",
    ScopeKind.ACCOUNT_SENDER: "for one sender",
    ScopeKind.ACCOUNT_AUDIENCE: "for one audience",
}


def in_words(chosen: OptOutFilter) -> str:
    """A filter as a person would say it: "Opt-outs by text since 1 March 2026, from numbers that begin with +1202"."""
    parts = ["Opt-outs"]
    if chosen.channel:
        parts[0] = {Channel.TEXT: "Opt-outs from texts", Channel.VOICE: "Opt-outs from calls"}[chosen.channel]
    if chosen.source:
        parts.append(_SOURCE_SAYS[chosen.source])
    elif chosen.who:
        parts.append(_WHO_SAYS[chosen.who])
    parts += _between("", chosen.since, chosen.until) + _between("added ", chosen.added_since, chosen.added_until)
    said = " ".join(parts)
    if chosen.kind and not chosen.sender and not chosen.audience:
        said += f", {_KIND_SAYS[chosen.kind]}"
    if chosen.sender:
        said += f", for texts from {formatted(chosen.sender)}"
    if chosen.audience:
        said += f", for the audience {chosen.audience}"
    if chosen.number:
        said += f", of {formatted(chosen.number)}"
    if chosen.prefix:
        said += f", of numbers that begin with {chosen.prefix}"
    return said if said != "Opt-outs" else "All opt-outs"


def _between(what: str, since: datetime | None, until: datetime | None) -> list[str]:
    if since and until:
        return [f"{what}from {_day(since)} until {_day(until)}"]
    if since:
        return [f"{what}since {_day(since)}"]
    return [f"{what}before {_day(until)}"] if until else []


def _day(at: datetime) -> str:
    day = f"{at.day} {at:%B %Y}"
    return day if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{day} {at:%H:%M}"
