"""Opt-outs from the page of a contact: of all its phones or one, by channel (seeds 000 and 004)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.consent import Consent
from gateway.contacts import Contacts
from gateway.errors import NotAllowed
from store.consent import Block, Outcome, Source
from store.directory import Account
from store.scopes import ALL_CHANNELS, Channel


@dataclass(frozen=True, slots=True)
class PhoneOptOuts:
    """One phone of a contact: what blocks it, what was just changed, and why a lift of it was refused."""

    number: str
    blocks: tuple[Block, ...]
    outcomes: tuple[Outcome, ...] = ()
    refused: NotAllowed | None = None


class ContactOptOuts:
    """Opt-outs of the phones of contacts. Each phone stands for itself: none's block spreads to another."""

    def __init__(self, contacts: Contacts, consent: Consent) -> None:
        self._contacts = contacts
        self._consent = consent

    def get(self, account: Account, identifier: str) -> list[PhoneOptOuts]:
        """What blocks each phone of a contact. Raises NotAllowed: not_found; StoreError."""
        numbers = self._contacts.get(account, identifier).numbers
        return [PhoneOptOuts(number, self._consent.blocks(account, number)) for number in numbers]

    def opt_out(
        self,
        account: Account,
        identifier: str,
        *,
        actor: str,
        source: Source,
        number: str | None = None,
        channels: Sequence[Channel] = ALL_CHANNELS,
        note: str = "",
        occurred_at: datetime | None = None,
    ) -> list[PhoneOptOuts]:
        """Opt out the phones of a contact, or one of them, from all that the account sends.

        Raises:
            NotAllowed: not_found (the contact, or the number is not one of its), no_phone, in_the_future, too_long_ago.
            StoreError: some may be opted out; repeating is safe.
        """
        done = []
        for phone in self._phones(account, identifier, number):
            outcomes = self._consent.opt_out(
                account,
                phone,
                source=source,
                actor=actor,
                channels=channels,
                note=note,
                occurred_at=occurred_at,
            )
            done.append(PhoneOptOuts(phone, self._consent.blocks(account, phone), outcomes))
        return done

    def lift(
        self,
        account: Account,
        identifier: str,
        *,
        actor: str,
        source: Source,
        number: str | None = None,
        channels: Sequence[Channel] = ALL_CHANNELS,
        reason: str = "",
    ) -> list[PhoneOptOuts]:
        """Lift what this kind of actor may lift of the phones of a contact, or of one.

        Phones whose block only the person lifts are `refused`, and the others are lifted.

        Raises:
            NotAllowed: not_found, no_phone; opted_out_by_person or opted_out_at_carrier when not one could be lifted.
            StoreError: some may be lifted; repeating is safe.
        """
        done = []
        for phone in self._phones(account, identifier, number):
            outcomes: tuple[Outcome, ...] = ()
            refused = None
            try:
                outcomes = self._consent.lift(
                    account, phone, source=source, actor=actor, channels=channels, reason=reason
                )
            except NotAllowed as error:
                refused = error
            done.append(PhoneOptOuts(phone, self._consent.blocks(account, phone), outcomes, refused))
        for one in done:
            if one.refused is not None and all(other.refused is not None for other in done):
                raise one.refused
        return done

    def _phones(self, account: Account, identifier: str, number: str | None) -> Sequence[str]:
        numbers = self._contacts.get(account, identifier).numbers
        if number is not None:
            if number not in numbers:
                raise NotAllowed("not_found", "The contact does not have this number.")
            return [number]
        if not numbers:
            raise NotAllowed("no_phone", "The contact has no phone number. Opt-outs are about numbers.")
        return numbers
