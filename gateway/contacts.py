"""Contacts of an account: taken from files and programs, read, changed and removed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.account_settings import setting_of
from gateway.audience_scopes import covering_scopes
from gateway.clock import Clock
from gateway.contact_rows import ContactRow, RowOutcome, overfull
from gateway.contact_taking import RowTaking
from gateway.errors import NotAllowed
from gateway.opt_out_reasons import Reason, reasons
from store import Store
from store.contact_listing import ORDERS
from store.contacts import FIRST_NAME, NAME, NUMBER, Contact, ContactPage, Phone, Rewrite, folded
from store.directory import Account
from store.errors import StoreError

_PATIENCE = 8


@dataclass(frozen=True, slots=True)
class ContactChange:
    """What is to be another way; None leaves it. properties: by name, None takes one away. phones: all of them."""

    contact_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phones: Sequence[Phone] | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TakenContact:
    """A contact that was taken, and what came of it. made: it is new."""

    contact: Contact
    outcome: RowOutcome
    made: bool


class Contacts:
    """Contacts of all accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._taking = RowTaking(store, clock)

    def take_rows(
        self,
        account: Account,
        rows: Sequence[ContactRow],
        *,
        audience: str,
        reset: bool,
        actor: str,
        batch: str,
        dry: bool = False,
    ) -> Sequence[RowOutcome]:
        """Take the rows of a block of a file: a few round trips, however many they are (some thousands are good).

        A row is matched by contact id, else by its numbers, else (when several share a number) by name and number; it
        is appended to the contact it matches. Its primary number joins the audience, unless something blocks it: such
        a row is `opted_out`, with who said so, where and when. With `enforce_global_opt_outs` it is not taken as a
        contact either when the block is the whole account's.

        Args:
            account: whose contacts they will be.
            rows: in the order of the file.
            audience: where they join; "" for nowhere.
            reset: first lift what an admin may lift; a person's own STOP and the carrier's blocks stay, and are named.
            actor, batch: who, and in which import; for the journal.
            dry: only say what would come of each row.

        Returns:
            what came of each row. Taking a row of a batch again changes nothing and answers the same.

        Raises:
            StoreError: some rows may have been taken; taking all again completes it.
        """
        taken = self._taking.take(account, rows, audience=audience, reset=reset, actor=actor, batch=batch, dry=dry)
        return [one.outcome for one in taken]

    def take(self, account: Account, row: ContactRow, *, audience: str, actor: str) -> TakenContact:
        """Take one contact that a program or colleague brings; as in a file, it is appended to one that is known.

        Raises:
            NotAllowed: invalid_contact, or opted_out when it is not taken (`enforce_global_opt_outs`).
            StoreError: it is unknown whether it was taken; repeating is safe.
        """
        (taken,) = self._taking.take(account, [row], audience=audience, reset=False, actor=actor, batch="")
        if taken.outcome.outcome == "invalid":
            raise NotAllowed("invalid_contact", taken.outcome.sentence, reason=taken.outcome.code)
        if taken.contact is None:
            number = row.phones[0].number
            reason = self._whole_account(account, [number]).get(number)
            raise _not_again(reason) if reason else NotAllowed("opted_out", taken.outcome.sentence)
        return TakenContact(taken.contact, taken.outcome, taken.made)

    def get(self, account: Account, identifier: str) -> Contact:
        """A contact. Raises NotAllowed: not_found; StoreError."""
        contact = self._store.contacts.get(account.id, identifier)
        if contact is None:
            raise NotAllowed("not_found", "There is no contact with this id.")
        return contact

    def page(
        self, account: Account, *, order: str, limit: int, after: str = "", descending: bool = False
    ) -> ContactPage:
        """Contacts in an order (see store.contact_listing.ORDERS). Raises StoreError."""
        return self._page(account, ORDERS[order], limit, after, "", descending=descending)

    def named(self, account: Account, name: str, *, limit: int, after: str = "") -> ContactPage:
        """Contacts whose last name begins so (or last and first together), then those whose first name does.

        Raises:
            StoreError: there is no answer.
        """
        prefix = folded(name)
        if after[:1] == FIRST_NAME:
            return self._page(account, FIRST_NAME, limit, after, prefix)
        found = self._page(account, NAME, limit, after, prefix)
        left = limit - len(found.items)
        if found.next:
            return found
        if left == 0:
            return replace(found, next=f"{FIRST_NAME}{prefix}")
        more = self._page(account, FIRST_NAME, left, "", prefix)
        known = {contact.id for contact in found.items}
        return ContactPage([*found.items, *(one for one in more.items if one.id not in known)], more.next)

    def _page(
        self, account: Account, letter: str, limit: int, after: str, prefix: str, *, descending: bool = False
    ) -> ContactPage:
        return self._store.contact_listing.page(
            account.id, letter, limit=limit, after=after, prefix=prefix, descending=descending
        )

    def with_number(
        self, account: Account, prefix: str, *, limit: int, after: str = "", descending: bool = False
    ) -> ContactPage:
        """Contacts that have a number that begins so, in the order of the numbers. Raises StoreError."""
        return self._page(account, NUMBER, limit, after, prefix, descending=descending)

    def change(self, account: Account, identifier: str, change: ContactChange) -> Contact:
        """Change a contact.

        Raises:
            NotAllowed: not_found, invalid_contact, contact_id_taken, opted_out (a number that is not to be taken
                again) or changed_meanwhile.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        self._check_contact_id(account, identifier, change.contact_id)

        def with_change(contact: Contact) -> Contact:
            after = _changed(contact, change)
            self._check_new_numbers(account, contact, after)
            if what := overfull(after):
                raise NotAllowed("invalid_contact", f"A contact has no room for so many {what}.", reason="too_many")
            return after

        return self._rewrite(account, identifier, with_change)

    def _check_contact_id(self, account: Account, identifier: str, contact_id: str | None) -> None:
        if not contact_id:
            return
        holders = self._store.contacts.with_own_ids(account.id, [contact_id])[contact_id]
        if any(holder.id != identifier for holder in holders):
            raise NotAllowed("contact_id_taken", "Another contact has this contact_id.", id=holders[0].id)

    def _check_new_numbers(self, account: Account, before: Contact, after: Contact) -> None:
        new = [number for number in after.numbers if number not in before.numbers]
        if not new or not setting_of(account.settings, "enforce_global_opt_outs"):
            return
        for reason in self._whole_account(account, new).values():
            raise _not_again(reason)

    def _whole_account(self, account: Account, numbers: Sequence[str]) -> Mapping[str, Reason]:
        return reasons(self._store, numbers, covering_scopes(account, "", None))

    def _rewrite(self, account: Account, identifier: str, change: Callable[[Contact], Contact]) -> Contact:
        for _ in range(_PATIENCE):
            before = self.get(account, identifier)
            after = change(before)
            if after == before:
                return before
            after = replace(after, version=before.version + 1, updated_at=self._clock.now())
            if self._store.contacts.write([Rewrite(before, after)])[0]:
                return after
        raise NotAllowed("changed_meanwhile", "Others keep changing this contact. Read it again and repeat the change.")

    def remove(self, account: Account, identifier: str) -> Contact:
        """Remove a contact; its numbers leave all audiences, unless another contact has them. Opt-outs stay.

        Raises:
            NotAllowed: not_found or changed_meanwhile.
            StoreError: it is unknown whether it was removed; repeating is safe.
        """
        for _ in range(_PATIENCE):
            contact = self.get(account, identifier)
            others = self._store.contacts.with_numbers(account.id, contact.numbers)
            alone = [number for number in contact.numbers if {one.id for one in others[number]} <= {contact.id}]
            self._store.audiences.leave_many(alone, account.id, account.audiences)
            if self._store.contacts.write([Rewrite(contact, None)])[0]:
                return contact
        raise NotAllowed("changed_meanwhile", "Others keep changing this contact. Read it again and repeat.")

    def drop_numbers(self, account: Account, numbers: Sequence[str]) -> int:
        """Take numbers away from the contacts that have them; one without any number left goes. How many changed.

        Raises:
            StoreError: some were changed; repeating is safe.
        """
        dropped, done = set(numbers), 0
        for _ in range(_PATIENCE):
            holders = self._store.contacts.with_numbers(account.id, numbers)
            contacts = {contact.id: contact for some in holders.values() for contact in some}
            rewrites = [Rewrite(one, _without(one, dropped, self._clock)) for one in contacts.values()]
            if not rewrites:
                return done
            done += sum(self._store.contacts.write(rewrites))
        raise StoreError("Others keep changing these contacts. Try once more.")

    def forget(self, account: Account, number: str) -> Mapping[str, int]:
        """Remove everything that contacts and audiences of an account keep of a number (GD-1); opt-outs stay.

        A contact that has it is removed whole, its other numbers too: it is about that person.

        Returns:
            how many contacts, and places in audiences, were removed.

        Raises:
            StoreError: some was removed; repeating completes it.
        """
        memberships = self._store.audiences.leave_many([number], account.id, account.audiences)[0]
        contacts = self._store.contacts.with_numbers(account.id, [number])[number]
        for contact in contacts:
            self.remove(account, contact.id)
        return {"contacts": len(contacts), "audience_memberships": memberships}


def _not_again(reason: Reason) -> NotAllowed:
    """The refusal to take an opted-out number as a contact again."""
    sentence = f"{reason.sentence} {reason.way_back} The contact was not taken (setting enforce_global_opt_outs)."
    return NotAllowed("opted_out", sentence, **reason.facts)


def _changed(contact: Contact, change: ContactChange) -> Contact:
    properties = {**contact.properties, **change.properties}
    return replace(
        contact,
        contact_id=contact.contact_id if change.contact_id is None else change.contact_id,
        first_name=contact.first_name if change.first_name is None else change.first_name,
        last_name=contact.last_name if change.last_name is None else change.last_name,
        phones=contact.phones if change.phones is None else tuple(change.phones),
        properties={name: value for name, value in properties.items() if value},
    )


def _without(contact: Contact, numbers: set[str], clock: Clock) -> Contact | None:
    left = tuple(phone for phone in contact.phones if phone.number not in numbers)
    return replace(contact, phones=left, version=contact.version + 1, updated_at=clock.now()) if left else None
