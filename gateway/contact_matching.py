"""Whose contact a row is about: by the customer's own id, else by number, else by name and number."""

from collections.abc import Sequence

from gateway.contact_rows import ContactRow
from store import Store
from store.contacts import Contact, Rewrite, folded, new_contact_id


class KnownContacts:
    """The contacts that some rows may be about, as they become while the rows are taken one after the other."""

    def __init__(self, store: Store, account: str, rows: Sequence[ContactRow]) -> None:
        """Read them. Raises StoreError."""
        self._account = account
        numbers = [phone.number for row in rows for phone in row.phones]
        self._by_number: dict[str, list[str]] = {}
        self._by_own_id: dict[str, list[str]] = {}
        self._before: dict[str, Contact] = {}
        for number, contacts in store.contacts.with_numbers(account, numbers).items():
            self._by_number[number] = [self._note(contact) for contact in contacts]
        for own_id, contacts in store.contacts.with_own_ids(
            account, [row.contact_id for row in rows if row.contact_id]
        ).items():
            self._by_own_id[own_id] = [self._note(contact) for contact in contacts]
        self._now = dict(self._before)

    def _note(self, contact: Contact) -> str:
        self._before[contact.id] = contact
        return contact.id

    def find(self, row: ContactRow) -> Contact | None:
        """The contact that a row is about, as it is by now, or None for a new one."""
        own = self._by_own_id.get(row.contact_id) if row.contact_id else None
        if own:
            return self._now[own[0]]
        for phone in row.phones:
            candidates = [self._now[identifier] for identifier in self._by_number.get(phone.number, ())]
            if row.contact_id:
                # Whoever has another id of the customer's is another person, who shares the number.
                candidates = [contact for contact in candidates if not contact.contact_id]
            if found := _by_name(candidates, row):
                return found
        return None

    def new(self, row: ContactRow) -> Contact:
        """A new contact for a row; another process that makes one for the same row makes the same."""
        if row.contact_id:
            parts: tuple[str, ...] = ("id", row.contact_id)
            home = row.contact_id
        else:
            home = row.phones[0].number
            parts = ("number", home)
        identifier = new_contact_id(self._account, home, *parts)
        further = 0
        while identifier in self._now:
            further += 1
            identifier = new_contact_id(self._account, home, *parts, str(further))
        return Contact(id=identifier, account=self._account)

    def put(self, contact: Contact) -> None:
        """Note what a contact is by now."""
        self._now[contact.id] = contact
        for number in contact.numbers:
            _add(self._by_number.setdefault(number, []), contact.id)
        if contact.contact_id:
            _add(self._by_own_id.setdefault(contact.contact_id, []), contact.id)

    def rewrites(self) -> list[Rewrite]:
        """What is to be written."""
        return [
            Rewrite(self._before.get(identifier), contact)
            for identifier, contact in self._now.items()
            if contact != self._before.get(identifier)
        ]

    def meet(self, contacts: Sequence[Contact]) -> None:
        """Contacts that are there although nothing led to them: their ids are taken."""
        for contact in contacts:
            self._before[contact.id] = self._now[contact.id] = contact


def _add(ids: list[str], identifier: str) -> None:
    if identifier not in ids:
        ids.append(identifier)


def _by_name(candidates: Sequence[Contact], row: ContactRow) -> Contact | None:
    """The one that has the number; when several share it, the one with the row's name."""
    name = folded(f"{row.first_name} {row.last_name}")
    if len(candidates) < 2 or not name:
        return candidates[0] if candidates else None
    return next((one for one in candidates if folded(f"{one.first_name} {one.last_name}") == name), None)
