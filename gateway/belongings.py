"""What belongs to an account in a configuration file, besides its senders, keywords and settings.

Audiences with their names, people with their roles (no passwords), and addresses that events are sent to (no secrets).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.configuration_checks import Problems, no_repeats, one_of, tables, text
from gateway.events import EVENT_KINDS
from gateway.roles import ROLES
from gateway.users import folded, is_email

BELONGINGS = ("audiences", "users", "events")
"""The fields of an account's table that this module reads."""

_LONGEST = 80
_LONGEST_URL = 2000
_LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class NamedAudience:
    """An audience. id: what sends and keywords name. name: for people. sender: the one it is texted from, or ""."""

    id: str
    name: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a role in the account. name: what colleagues call them; "" leaves it as it is."""

    email: str
    role: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class EventAddress:
    """An address that events are sent to. kinds: which; empty for all."""

    url: str
    kinds: tuple[str, ...] = ()
    active: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to one account."""

    account: str
    audiences: tuple[NamedAudience, ...] = ()
    users: tuple[Member, ...] = ()
    events: tuple[EventAddress, ...] = ()


def belongings_in(place: str, account: str, table: Mapping[str, Any], problems: Problems) -> Belongings:
    """What an account's table says belongs to it; problems are collected with their places."""
    senders = [row.get("address") for row in table.get("senders", []) if isinstance(row, dict)]
    audiences = [
        _audience(f"{place}.audiences[{index}]", row, senders, problems)
        for index, row in enumerate(tables(place, table, "audiences", problems))
    ]
    users = [
        _member(f"{place}.users[{index}]", row, problems)
        for index, row in enumerate(tables(place, table, "users", problems))
    ]
    events = [
        _address(f"{place}.events[{index}]", row, problems)
        for index, row in enumerate(tables(place, table, "events", problems))
    ]
    no_repeats(f"{place}.audiences", [audience.id for audience in audiences], problems)
    no_repeats(f"{place}.users", [user.email for user in users], problems)
    no_repeats(f"{place}.events", [address.url for address in events], problems)
    return Belongings(account, tuple(audiences), tuple(users), tuple(events))


def _audience(place: str, row: Mapping[str, Any], senders: list[Any], problems: Problems) -> NamedAudience:
    problems.unknown(place, row, ("id", "name", "sender"))
    identifier = problems.field(place, row, "id", text(_LONGEST)) or ""
    sender = problems.field(place, row, "sender", text(_LONGEST), "")
    if sender and sender not in senders:
        problems.add(place, f"sender {sender!r} is not one of this account's senders.")
    return NamedAudience(identifier, problems.field(place, row, "name", text(_LONGEST), identifier), sender)


def _email(value: Any) -> str | None:
    return None if isinstance(value, str) and is_email(value) else "has to be an email address"


def _member(place: str, row: Mapping[str, Any], problems: Problems) -> Member:
    problems.unknown(place, row, ("email", "role", "name"))
    email = problems.field(place, row, "email", _email) or ""
    role = problems.field(place, row, "role", one_of(list(ROLES))) or ""
    return Member(folded(email), role, problems.field(place, row, "name", text(_LONGEST), ""))


def _kinds(value: Any) -> str | None:
    good = isinstance(value, list) and all(isinstance(kind, str) and kind in EVENT_KINDS for kind in value)
    return None if good else f"has to be a list of: {', '.join(EVENT_KINDS)}"


def _switch(value: Any) -> str | None:
    return None if isinstance(value, bool) else "has to be true or false"


def _address(place: str, row: Mapping[str, Any], problems: Problems) -> EventAddress:
    problems.unknown(place, row, ("url", "kinds", "active", "note"))
    return EventAddress(
        url=problems.field(place, row, "url", text(_LONGEST_URL)) or "",
        kinds=tuple(dict.fromkeys(problems.field(place, row, "kinds", _kinds, []))),
        active=problems.field(place, row, "active", _switch, default=True),
        note=problems.field(place, row, "note", text(_LONGEST_NOTE), ""),
    )
