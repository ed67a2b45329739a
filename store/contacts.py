"""Contacts: one record each, found by id, by number, by the customer's own id, and in order.

A record is the truth; what finds it is a hint that is written before it and checked against it when it is read, since
they lie in different shards: the record in the contact's home shard, which its id names, a hint in the shard of what is
looked up. A crash between the two leaves at most a hint that leads nowhere.
"""

import hashlib
import json
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store import keys
from store.addresses import place_of, shard_of
from store.bulk import read_many
from store.functions import Call, Functions
from store.journal import milliseconds, moment
from store.topology import Topology

_ID_PREFIX = "c"
_ID_LENGTH = 23
_ROWS_PER_CALL = 128
_CALLS_AT_ONCE = 4
_LONGEST_KEY = 80
_NEVER = moment(0)
SEPARATOR = "\t"
CREATED, NAME, FIRST_NAME, NUMBER = "c", "n", "f", "p"
"""The orders in which contacts are kept: by when they were made, last and first name, first and last name, number."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One number of a contact, in E.164 form, and what the customer calls it ("mobile")."""

    number: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as an account knows them.

    contact_id: the customer's own id of them. phones: the first is the primary one. version: how often it was written.
    made_by, touched_by: the row of an import ("batch:row") that made it, and the rows that changed it last
    ("batch:row,row"); so that a row that is taken once more after a crash says the same.
    """

    id: str
    account: str
    contact_id: str = ""
    first_name: str = ""
    last_name: str = ""
    phones: tuple[Phone, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime = _NEVER
    updated_at: datetime = _NEVER
    version: int = 0
    made_by: str = ""
    touched_by: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Its numbers, the primary one first."""
        return tuple(phone.number for phone in self.phones)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A contact as it was read and as it is to be; None for one that was not, or is no more."""

    before: Contact | None
    after: Contact | None


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Some contacts in order. next: what to ask with for what follows; "" at the end."""

    items: Sequence[Contact]
    next: str


def new_contact_id(account: str, home: str, *parts: str) -> str:
    """The id of a contact, the same for the same parts. It names its home shard, that of the address `home`."""
    digest = hashlib.sha256("\x00".join((account, *parts)).encode()).hexdigest()[: _ID_LENGTH - 3]
    return f"{_ID_PREFIX}{shard_of(home)}{digest}"


def home_of(identifier: str) -> str | None:
    """The home shard that a contact's id names, or None when it is no contact's id."""
    shard = identifier[1:3]
    good = len(identifier) == _ID_LENGTH and identifier[0] == _ID_PREFIX and identifier.isascii()
    return shard if good and identifier.isalnum() and shard.isdigit() else None


def folded(text: str) -> str:
    """A text as it is sorted and searched: without case, accents and needless spaces."""
    plain = text
    if not text.isascii():
        plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())[:_LONGEST_KEY]


def order_members(contact: Contact) -> set[str]:
    """Where a contact stands in the orders of its home shard."""
    names = {NAME + folded(f"{contact.last_name} {contact.first_name}")}
    if contact.first_name and contact.last_name:
        names.add(FIRST_NAME + folded(f"{contact.first_name} {contact.last_name}"))
    places = {f"{CREATED}{milliseconds(contact.created_at):013d}", *names}
    places |= {NUMBER + number for number in contact.numbers}
    return {place + SEPARATOR + contact.id for place in places}


def _value(contact: Contact) -> str:
    document = {
        "i": contact.contact_id,
        "f": contact.first_name,
        "l": contact.last_name,
        "p": [[phone.number, phone.label] if phone.label else [phone.number] for phone in contact.phones],
        "x": dict(contact.properties),
        "t": milliseconds(contact.created_at),
        "u": milliseconds(contact.updated_at),
        "m": contact.made_by,
        "b": contact.touched_by,
    }
    kept = {name: value for name, value in document.items() if value}
    return f"{contact.version} {json.dumps(kept, ensure_ascii=False, separators=(',', ':'))}"


def _contact_from(identifier: str, account: str, value: bytes) -> Contact:
    version, _, text = value.decode().partition(" ")
    kept = json.loads(text)
    return Contact(
        id=identifier,
        account=account,
        contact_id=kept.get("i", ""),
        first_name=kept.get("f", ""),
        last_name=kept.get("l", ""),
        phones=tuple(Phone(*phone) for phone in kept.get("p", ())),
        properties=kept.get("x", {}),
        created_at=moment(kept.get("t", 0)),
        updated_at=moment(kept.get("u", 0)),
        version=int(version),
        made_by=kept.get("m", ""),
        touched_by=kept.get("b", ""),
    )


def _own_id_key(account: str, contact_id: str) -> str:
    checksum = zlib.crc32(contact_id.encode())
    return keys.contacts_of_id(f"{checksum % 100:02d}", account, f"{checksum // 100 % 256:02x}")


def _hints(contact: Contact | None) -> set[tuple[str, str]]:
    """What leads to a contact: the key and the field of each hint."""
    if contact is None:
        return set()
    places = [place_of(number) for number in contact.numbers]
    found = {(keys.contacts_of_number(place, contact.account), place.gate_member) for place in places}
    if contact.contact_id:
        found.add((_own_id_key(contact.account, contact.contact_id), contact.contact_id))
    return found


class ContactStore:
    """The contacts of all accounts."""

    def __init__(self, topology: Topology, functions: Functions) -> None:
        self._topology = topology
        self._functions = functions

    def get(self, account: str, identifier: str) -> Contact | None:
        """One contact, or None. Raises StoreError."""
        return self.get_many(account, [identifier]).get(identifier)

    def get_many(self, account: str, identifiers: Sequence[str]) -> dict[str, Contact]:
        """The contacts that there are, by id, in one round trip. Raises StoreError."""
        groups: dict[str, list[str]] = {}
        for identifier in dict.fromkeys(identifiers):
            home = home_of(identifier)
            if home is not None:
                groups.setdefault(keys.contacts(home, account, identifier[3:5]), []).append(identifier)
        found = {}
        answers = self._read([(name, ("HMGET", name, *group)) for name, group in groups.items()])
        for group, values in zip(groups.values(), answers, strict=True):
            for identifier, value in zip(group, values, strict=True):
                if value is not None:
                    found[identifier] = _contact_from(identifier, account, value)
        return found

    def with_numbers(self, account: str, numbers: Sequence[str]) -> dict[str, list[Contact]]:
        """The contacts that have each number; two round trips. Raises StoreError."""
        asked = {}
        for number in dict.fromkeys(numbers):
            place = place_of(number)
            asked[number] = (keys.contacts_of_number(place, account), place.gate_member)
        return self._hinted(account, asked, lambda contact, number: number in contact.numbers)

    def with_own_ids(self, account: str, contact_ids: Sequence[str]) -> dict[str, list[Contact]]:
        """The contacts with each of the customer's own ids; two round trips. Raises StoreError."""
        asked = {wanted: (_own_id_key(account, wanted), wanted) for wanted in dict.fromkeys(contact_ids)}
        return self._hinted(account, asked, lambda contact, wanted: contact.contact_id == wanted)

    def _hinted(self, account: str, asked: Mapping[str, tuple[str, str]], true: Any) -> dict[str, list[Contact]]:
        groups: dict[str, list[tuple[str, str]]] = {}
        for wanted, (name, member) in asked.items():
            groups.setdefault(name, []).append((wanted, member))
        commands = [(name, ("HMGET", name, *(member for _, member in group))) for name, group in groups.items()]
        ids: dict[str, list[str]] = {}
        for group, values in zip(groups.values(), self._read(commands), strict=True):
            ids |= {wanted: value.decode().split() for (wanted, _), value in zip(group, values, strict=True) if value}
        contacts = self.get_many(account, [identifier for some in ids.values() for identifier in some])
        return {
            wanted: [
                contacts[identifier]
                for identifier in ids.get(wanted, ())
                if identifier in contacts and true(contacts[identifier], wanted)
            ]
            for wanted in asked
        }

    def write(self, rewrites: Sequence[Rewrite]) -> list[bool]:
        """Write contacts, each as it was read or not at all.

        Returns:
            for each: True when it was written, False when somebody else was quicker.

        Raises:
            StoreError: some may have been written; reading and writing again completes it.
        """
        self._hint([(hint, identifier, True) for hint, identifier in _changed_hints(rewrites, new=True)])
        calls: list[Call] = []
        positions: list[list[int]] = []
        for shard, group in _by_home(rewrites).items():
            for start in range(0, len(group), _ROWS_PER_CALL):
                some = group[start : start + _ROWS_PER_CALL]
                calls.append(_write_call(shard, [rewrites[index] for index in some]))
                positions.append(some)
        written = [False] * len(rewrites)
        for some, answer in zip(positions, self._call(calls), strict=True):
            for index, flag in zip(some, answer.decode(), strict=True):
                written[index] = flag == "1"
        done = [rewrite for rewrite, flag in zip(rewrites, written, strict=True) if flag]
        self._hint([(hint, identifier, False) for hint, identifier in _changed_hints(done, new=False)])
        return written

    def _hint(self, changes: Sequence[tuple[tuple[str, str], str, bool]]) -> None:
        shards: dict[str, list[tuple[tuple[str, str], str, bool]]] = {}
        for change in changes:
            shards.setdefault(change[0][0][:4], []).append(change)
        calls: list[Call] = []
        for group in shards.values():
            for start in range(0, len(group), _ROWS_PER_CALL):
                some = group[start : start + _ROWS_PER_CALL]
                names = list(dict.fromkeys(hint[0] for hint, _, _ in some))
                rows = [
                    {"key": names.index(name) + 1, "field": member, "id": identifier, "on": on}
                    for (name, member), identifier, on in some
                ]
                calls.append(("sg_contacts_index", names, [json.dumps(rows, ensure_ascii=False)]))
        self._call(calls)

    def _call(self, calls: Sequence[Call]) -> Iterator[Any]:
        answers: list[Any] = []
        for start in range(0, len(calls), _CALLS_AT_ONCE):
            answers += self._functions.start(calls[start : start + _CALLS_AT_ONCE]).answers()
        return iter(answers)

    def _read(self, commands: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        return read_many(self._topology, commands) if commands else []


def _changed_hints(rewrites: Sequence[Rewrite], *, new: bool) -> Iterator[tuple[tuple[str, str], str]]:
    for rewrite in rewrites:
        before, after = _hints(rewrite.before), _hints(rewrite.after)
        contact = rewrite.after if new else rewrite.before
        for hint in sorted(after - before if new else before - after):
            if contact is not None:
                yield hint, contact.id


def _by_home(rewrites: Sequence[Rewrite]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, rewrite in enumerate(rewrites):
        contact = rewrite.after or rewrite.before
        if contact is not None:
            groups.setdefault(contact.id[1:3], []).append(index)
    return groups


def _write_call(shard: str, rewrites: Sequence[Rewrite]) -> Call:
    account = next(contact.account for rewrite in rewrites for contact in (rewrite.after, rewrite.before) if contact)
    names = [keys.contact_order(shard, account)]
    rows = []
    for rewrite in rewrites:
        before, after = rewrite.before, rewrite.after
        identifier = after.id if after else before.id if before else ""
        bucket = keys.contacts(shard, account, identifier[3:5])
        if bucket not in names:
            names.append(bucket)
        had, has = (order_members(contact) if contact else set() for contact in (before, after))
        rows.append(
            {
                "bucket": names.index(bucket) + 1,
                "id": identifier,
                "version": before.version if before else 0,
                "value": _value(after) if after else "",
                "add": sorted(has - had),
                "drop": sorted(had - has),
            }
        )
    return "sg_contacts_write", names, [json.dumps(rows, ensure_ascii=False)]
