"""The form by which a person says what the columns of a file are, and what the import is to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from gateway.console.display import zone, zones
from gateway.console.forms import Draft, draft
from gateway.console.import_words import CHOICES
from gateway.errors import NotAllowed
from gateway.import_orders import ImportOrder
from gateway.import_previews import Preview
from gateway.lists.columns import targets_of
from gateway.lists.dates import DATE_ORDERS, DateReader
from gateway.lists.targets import CONTACTS, IGNORE, OPT_OUTS, PROPERTY, is_target
from gateway.phone import is_country
from store.consent import milliseconds, moment
from store.directory import Account
from store.scopes import ALL_CHANNELS, Channel

FIELDS = (
    "default_country", "date_order", "timezone", "opted_out_at", "scope", "channels", "audience", "new_audience",
    "reset", "note",
)  # fmt: skip
CHANNELS: Mapping[str, tuple[Channel, ...]] = {
    "both": ALL_CHANNELS,
    "text": (Channel.TEXT,),
    "voice": (Channel.VOICE,),
}
NEW_AUDIENCE = "*new"
"""The choice of an audience that does not exist yet."""
_LONGEST_AUDIENCE = 80


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """One column: its header, its first cells, what it is chosen to be, and the property's name if it is one."""

    place: int
    header: str
    samples: Sequence[str]
    target: str
    property_name: str

    @property
    def label(self) -> str:
        """What it is called on the page: its header, or its letter as in a spreadsheet."""
        return self.header.strip() or f"Column {letter(self.place)}"


@dataclass(slots=True)
class Wishes:
    """What a filled-in form asks for. orders: for gateway.imports.Imports.order. errors: by field."""

    orders: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def letter(place: int) -> str:
    """The letter of a column in a spreadsheet: A for 0, AA for 26."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """Countries with the code of their numbers."""
    return tuple(
        (code, f"{code} (+{phonenumbers.country_code_for_region(code)})")
        for code in sorted(phonenumbers.SUPPORTED_REGIONS)
    )


def timezones() -> tuple[str, ...]:
    """Time zones that dates may be in."""
    return ("UTC", *zones())


def columns_of_preview(preview: Preview, kind: str, sent: Draft | None = None) -> list[ColumnForm]:
    """The lines of the form: as they were sent, else as the file says."""
    columns = []
    for place, (header, target, samples) in enumerate(
        zip(preview.header, preview.targets, preview.samples, strict=True)
    ):
        chosen, name = _choice(target, kind), target.removeprefix(PROPERTY) if target.startswith(PROPERTY) else ""
        if sent is not None:
            chosen, name = sent.values[f"column-{place}"], sent.values[f"property-{place}"]
        columns.append(ColumnForm(place, header, samples, chosen, name or header.strip()[:60]))
    return columns


def _choice(target: str, kind: str) -> str:
    if target.startswith(PROPERTY):
        return "property"
    if target == "primary_phone":
        return "phone"
    return target if target in dict(CHOICES[kind]) else IGNORE


def sent_form(width: int) -> Draft:
    """What was sent, for a file with so many columns."""
    names = [f"{name}-{place}" for place in range(width) for name in ("column", "property")]
    return draft(*FIELDS, *names)


def first_form(account: Account) -> Draft:
    """The form before anybody filled it in."""
    return Draft(
        {
            "default_country": account.default_country,
            "timezone": zone().key,
            "channels": "both",
        }
    )


def form_of(order: ImportOrder, account: Account) -> Draft:
    """The form as it was filled in for an import that was tried."""
    channels = next((name for name, channels in CHANNELS.items() if channels == order.channels), "both")
    scope = f"sender:{order.sender}" if order.sender else ""
    audience = order.audience
    if order.kind == OPT_OUTS and audience:
        scope, audience = f"audience:{audience}", ""
    known = audience in account.audiences
    at = moment(order.opted_out_at).astimezone(ZoneInfo(order.timezone)) if order.dated else None
    values = {
        "default_country": order.default_country, "date_order": order.date_order, "timezone": order.timezone,
        "opted_out_at": f"{at:%Y-%m-%d}" if at else "", "scope": scope, "channels": channels,
        "audience": audience if known or not audience else NEW_AUDIENCE, "new_audience": "" if known else audience,
        "reset": "yes" if order.reset else "", "note": order.note,
    }  # fmt: skip
    if order.columns is not None:
        for place, target in enumerate(targets_of(order.header, order.columns)):
            values[f"column-{place}"] = _choice(target, order.kind)
            values[f"property-{place}"] = target.removeprefix(PROPERTY) if target.startswith(PROPERTY) else ""
    return Draft(values)


def wishes_of(form: Draft, columns: Sequence[ColumnForm], kind: str, account: Account, now: datetime) -> Wishes:
    """What a form asks for, with what is wrong in it."""
    wishes = Wishes()
    wishes.orders["mapping"] = _mapping(columns, kind, wishes.errors)
    values = form.values
    if values["default_country"] and not is_country(values["default_country"]):
        wishes.errors["default_country"] = "Choose a country of the list."
    if values["timezone"] not in timezones():
        wishes.errors["timezone"] = "Choose a time zone of the list."
    if values["date_order"] and values["date_order"] not in DATE_ORDERS:
        wishes.errors["date_order"] = "Choose one of the list."
    wishes.orders |= {
        "default_country": values["default_country"],
        "timezone": values["timezone"],
        "date_order": values["date_order"],
        "note": values["note"][:500],
    }
    if kind == CONTACTS:
        wishes.orders["reset"] = values["reset"] == "yes"
        wishes.orders["audience"] = _audience(values, account, wishes.errors)
    else:
        _scope(values, account, wishes)
        wishes.orders["channels"] = CHANNELS.get(values["channels"], ALL_CHANNELS)
        if "timezone" not in wishes.errors:
            wishes.orders["opted_out_at"] = _opted_out_at(values, wishes.errors, now)
    return wishes


def _mapping(columns: Sequence[ColumnForm], kind: str, errors: dict[str, str]) -> dict[str, str]:
    """Place of a column -> target field. Places, because headers may be empty or the same twice."""
    mapping: dict[str, str] = {}
    taken: dict[str, ColumnForm] = {}
    for column in columns:
        name, target = f"column-{column.place}", column.target
        if target not in dict(CHOICES[kind]):
            errors[name] = "Choose one of the list."
            continue
        if target == "property":
            target = f"{PROPERTY}{column.property_name.strip()}"
            if not is_target(target):
                errors[name] = "A property needs a name of 1 to 60 characters."
        if target in taken and target not in {IGNORE, "other_phone"}:
            errors[name] = f"“{taken[target].label}” is this already. Only one column can be."
        taken.setdefault(target, column)
        mapping[f"#{column.place + 1}"] = target
    if "phone" not in taken and (kind == OPT_OUTS or "contact_id" not in taken):
        errors["columns"] = "Choose the column that has the phone numbers."
    return mapping


def _scope(values: Mapping[str, str], account: Account, wishes: Wishes) -> None:
    kind, _, name = values["scope"].partition(":")
    known = {
        "": {""},
        "sender": {sender.address for sender in account.senders},
        "audience": set(account.audiences),
    }
    if name not in known.get(kind, set()):
        wishes.errors["scope"] = "Choose one of the list."
    elif kind:
        wishes.orders[kind] = name


def _audience(values: Mapping[str, str], account: Account, errors: dict[str, str]) -> str:
    chosen, new = values["audience"], values["new_audience"]
    if chosen != NEW_AUDIENCE:
        if new:
            errors["new_audience"] = "Choose “A new audience” above, or leave this empty."
        elif chosen and chosen not in account.audiences:
            errors["audience"] = "Choose one of the list."
        return chosen
    if not new:
        errors["new_audience"] = "Give the new audience a name."
    elif len(new) > _LONGEST_AUDIENCE or any(character in "/{}" or not character.isprintable() for character in new):
        errors["new_audience"] = f"A name has at most {_LONGEST_AUDIENCE} characters, and none of / {'{'} {'}'}."
    return new


def _opted_out_at(values: Mapping[str, str], errors: dict[str, str], now: datetime) -> int:
    """When the people opted out, in milliseconds; 0 when it is not said. A day counts to its end, today until now."""
    if not values["opted_out_at"]:
        return 0
    at = DateReader(zone=values["timezone"]).milliseconds(values["opted_out_at"])
    if at is None:
        errors["opted_out_at"] = "This is no date. Write it as 2026-01-31."
        return 0
    end_of_today = now.astimezone(ZoneInfo(values["timezone"])).replace(hour=23, minute=59, second=59, microsecond=0)
    return min(at, milliseconds(now)) if at <= milliseconds(end_of_today.astimezone(UTC)) else at


def refusal(form: Draft, wishes: Wishes, error: NotAllowed | None = None, problem: str = "") -> Draft:
    """The form with what is wrong with it."""
    refused = Draft(form.values, {**form.errors, **wishes.errors})
    if error is not None:
        refused = refused.refused(error, {"unknown_sender": "scope", "in_the_future": "opted_out_at"})
    if problem:
        refused = Draft(refused.values, {**refused.errors, "columns": problem})
    return refused
