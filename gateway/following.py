"""What is done after a consent change, whoever made it: everybody who follows the journals sees every entry, in order.

The change itself is done when it is written; nothing here decides whether a text may be sent. Whoever follows has to be
safe to repeat: after a crash the last entries come again.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.logs import logger
from store import Store
from store.journal import JournalEntry
from store.leases import AlreadyRunning

log = logger(__name__)

FOLLOW = "follow"
"""The kind of effect that follows the journals of a shard; its id is the shard."""

_ENTRIES_AT_ONCE = 50


class Follower(Protocol):
    """Somebody who has something to do after consent changes."""

    def follow(self, owner: str, entries: Sequence[JournalEntry]) -> None:
        """Do what is due after entries of one journal, oldest first.

        Args:
            owner: whose journal: an account id, "@" and a shared sender, or "*" for the whole installation.
            entries: one for each number; also those that changed nothing (see their outcome).

        Raises:
            StoreError: all of them come again later.
        """


class Following:
    """Follows the journals of one shard at a time."""

    def __init__(self, store: Store, followers: Sequence[Follower]) -> None:
        self._store = store
        self._followers = followers

    def follow(self, shard: str) -> int:
        """Show the entries of a shard to everybody who follows. Returns how many that were. Raises StoreError."""
        try:
            with self._store.following.following(shard) as lease:
                done = 0
                for owner in self._store.following.owners_behind(shard):
                    while count := self._some(shard, owner):
                        done += count
                        lease.renew()
                return done
        except AlreadyRunning:
            return 0  # whoever is at it sees these entries too, or the sweeper asks again

    def _some(self, shard: str, owner: str) -> int:
        last, entries = self._store.following.entries(shard, owner, limit=_ENTRIES_AT_ONCE)
        if not last:
            return 0
        for follower in self._followers:
            follower.follow(owner, entries)
        self._store.following.followed(shard, owner, last)
        return len(entries)
