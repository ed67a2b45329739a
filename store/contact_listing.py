"""Lists of contacts in order: every home shard keeps its own order, and a page is merged from all of them."""

import heapq
from collections.abc import Iterator

from store import keys
from store.bulk import read_many
from store.contacts import CREATED, NAME, NUMBER, SEPARATOR, Contact, ContactPage, ContactStore
from store.topology import Topology

_AT_ONCE = 4
_SOME = 64


class ContactListing:
    """Ordered lists of an account's contacts."""

    def __init__(self, topology: Topology, contacts: ContactStore) -> None:
        self._topology = topology
        self._contacts = contacts

    def count(self, account: str) -> int:
        """How many contacts an account has. Raises StoreError."""
        names = [keys.contact_order(shard, account) for shard in keys.SHARDS]
        # Each contact stands in the order of creation exactly once.
        bounds = (f"[{CREATED}".encode(), f"({chr(ord(CREATED) + 1)}".encode())
        return sum(read_many(self._topology, [(name, ("ZLEXCOUNT", name, *bounds)) for name in names]))

    def page(
        self,
        account: str,
        order: str = CREATED,
        *,
        limit: int,
        after: str = "",
        prefix: str = "",
        descending: bool = False,
    ) -> ContactPage:
        """Some contacts in order; those that come or go meanwhile do not move the others.

        Args:
            account: whose.
            order: CREATED, NAME, FIRST_NAME or NUMBER.
            limit: most contacts of a page.
            after: `next` of the page before.
            prefix: only those whose name (see store.contacts.folded) or number begins so.
            descending: last first.

        Raises:
            StoreError: there is no answer.
        """
        members = self._merged(account, order, prefix, after, limit, descending=descending)
        found: list[Contact] = []
        last = ""
        while len(found) < limit:
            some = [member for _, member in zip(range(limit + 1 - len(found)), members, strict=False)]
            if not some:
                return ContactPage(found, "")
            contacts = self._contacts.get_many(account, [_id_in(member) for member in some])
            for member in some:
                contact = contacts.get(_id_in(member))
                if len(found) == limit:
                    return ContactPage(found, last)
                last = member
                if contact is not None and _stands_here(contact, order, prefix, member):
                    found.append(contact)
        return ContactPage(found, last if next(members, None) else "")

    def every(self, account: str) -> Iterator[Contact]:
        """All contacts, in the order they were made; a page of them is in memory at a time. Raises StoreError."""
        after = ""
        while True:
            page = self.page(account, limit=1000, after=after)
            yield from page.items
            if not page.next:
                return
            after = page.next

    def _merged(
        self, account: str, order: str, prefix: str, after: str, limit: int, *, descending: bool
    ) -> Iterator[str]:
        """Members of one order of all shards, in order."""
        low = f"[{order}{prefix}".encode()
        high = f"({order}{prefix}".encode() + b"\xff"
        if after and descending:
            high = f"({after}".encode()
        elif after:
            low = f"({after}".encode()
        chunk = max(_AT_ONCE, min(_SOME, limit // 20))
        names = [keys.contact_order(shard, account) for shard in keys.SHARDS]
        command = "ZREVRANGEBYLEX" if descending else "ZRANGEBYLEX"
        bounds = (high, low) if descending else (low, high)
        first = read_many(self._topology, [(name, (command, name, *bounds, "LIMIT", 0, chunk)) for name in names])
        streams = [
            self._stream(name, members, command, bounds, chunk) for name, members in zip(names, first, strict=True)
        ]
        return (member.decode() for member in heapq.merge(*streams, reverse=descending))

    def _stream(
        self, name: str, members: list[bytes], command: str, bounds: tuple[bytes, bytes], chunk: int
    ) -> Iterator[bytes]:
        while members:
            yield from members
            if len(members) < chunk:
                return
            chunk = _SOME
            # What comes next begins behind the last one, in either direction.
            bounds = (b"(" + members[-1], bounds[1])
            (members,) = read_many(self._topology, [(name, (command, name, *bounds, "LIMIT", 0, chunk))])


def _id_in(member: str) -> str:
    return member.rpartition(SEPARATOR)[2]


def _stands_here(contact: Contact, order: str, prefix: str, member: str) -> bool:
    """False for a contact's further numbers: it stands in a list once, at its first number that is asked for."""
    if order != NUMBER:
        return True
    first = next((number for number in contact.numbers if number.startswith(prefix)), "")
    return member == f"{NUMBER}{first}{SEPARATOR}{contact.id}"


ORDERS = {"created": CREATED, "name": NAME, "number": NUMBER}
"""The orders that a list can be asked for, by name."""
