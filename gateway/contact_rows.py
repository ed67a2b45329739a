"""Rows that bring contacts: what may stand in them, and what becomes of a contact when one is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.phone import SENTENCES, NumberProblem
from store.addresses import is_number
from store.contacts import Contact, Phone

LIMITS: Mapping[str, int] = {
    "contact_id": 100,
    "name": 100,
    "label": 40,
    "property_name": 60,
    "property_value": 1000,
    "phones": 10,
    "properties": 60,
}
"""How long texts may be, and how many phones and properties a contact has at most."""

SENTENCES_OF_CODES: Mapping[str, str] = {
    "no_number": "A new contact needs a phone number; no contact with this id is known yet.",
    "too_long": "A value in this row is longer than contacts have room for: {what}.",
    "too_many": "The contact would have more {what} than it has room for.",
    "phone_invalid": "The contact was taken without {what}, which is no phone number.",
    "phone_opted_out": "The contact was taken without {what}, which is opted out.",
    "opted_out": "{what}",
    "changed": "Changed: {what}.",
    **{problem.value: sentence for problem, sentence in SENTENCES.items()},
}
"""What the code of a row's outcome means."""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact of a file.

    row: its row in the file. contact_id: the customer's own id. phones: numbers in E.164 form, or a NumberProblem where
    a cell is no number; the first is the primary one. properties: by name; empty values count as not there.
    """

    row: int
    contact_id: str = ""
    first_name: str = ""
    last_name: str = ""
    phones: Sequence[Phone] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What came of a row.

    outcome: created, updated, unchanged, opted_out (it did not join, or was not taken at all) or invalid. code: a
    stable word for what there is to say, "" for nothing. sentence: the same for people.
    """

    row: int
    outcome: str
    code: str = ""
    sentence: str = ""


def said(row: int, outcome: str, code: str = "", what: str = "") -> RowOutcome:
    """An outcome with the sentence of its code."""
    return RowOutcome(row, outcome, code, SENTENCES_OF_CODES[code].format(what=what) if code else "")


def problem_of(number: str) -> NumberProblem | None:
    """What is wrong with the number of a row, or None."""
    if isinstance(number, NumberProblem):
        return number
    return None if is_number(number) else NumberProblem.NOT_A_NUMBER


def problem_in(row: ContactRow) -> RowOutcome | None:
    """Why a row cannot be taken, whatever is known of its contact; None when it can."""
    if row.phones and (problem := problem_of(row.phones[0].number)):
        return said(row.row, "invalid", problem.value)
    if not row.phones and not row.contact_id:
        return said(row.row, "invalid", NumberProblem.EMPTY.value)
    sizes = [
        ("contact_id", "the contact id", row.contact_id),
        ("name", "the first name", row.first_name),
        ("name", "the last name", row.last_name),
        *(("label", "a phone's label", phone.label) for phone in row.phones),
        *(("property_name", "a property's name", name) for name in row.properties),
        *(("property_value", f"the property {name[:40]!r}", value) for name, value in row.properties.items()),
    ]
    for limit, what, value in sizes:
        if len(value) > LIMITS[limit]:
            return said(row.row, "invalid", "too_long", f"{what} has at most {LIMITS[limit]} characters")
    return None


def merged(contact: Contact, row: ContactRow, now: datetime) -> tuple[Contact, list[str]]:
    """A contact after a row was taken, and what of it was replaced by something else.

    Empty cells leave what is there; phones are added behind the known ones, never taken away.
    """
    replaced: list[str] = []
    phones = {phone.number: phone for phone in contact.phones}
    for phone in row.phones:
        known = phones.get(phone.number)
        phones[phone.number] = known if known is not None and not phone.label else phone
    properties = dict(contact.properties)
    for name, value in row.properties.items():
        if value:
            if properties.get(name, value) != value:
                replaced.append(f"property {name}")
            properties[name] = value
    for name, old, new in (
        ("first name", contact.first_name, row.first_name),
        ("last name", contact.last_name, row.last_name),
    ):
        if old and new and old != new:
            replaced.append(name)
    after = replace(
        contact,
        contact_id=contact.contact_id or row.contact_id,
        first_name=row.first_name or contact.first_name,
        last_name=row.last_name or contact.last_name,
        phones=tuple(phones.values()),
        properties=properties,
    )
    return (contact if after == contact else replace(after, updated_at=now)), replaced


def overfull(contact: Contact) -> str:
    """What a contact has too many of, or ""."""
    counts = {"phones": len(contact.phones), "properties": len(contact.properties)}
    return next((name for name, count in counts.items() if count > LIMITS[name]), "")
