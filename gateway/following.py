"""What is done after a consent change, whoever made it: everybody who follows the journals sees every entry, in order.

The change itself is done when it is written; nothing here decides whether a text may be sent. Whoever follows has to be
safe to repeat: after a crash the last entries come again.
"""

import threading
from collections.abc import Sequence
from typing import Protocol

from gateway.logs import logger
from store import Store
from store.errors import StoreError
from store.journal import JournalEntry
from store.leases import AlreadyRunning

log = logger(__name__)

_ENTRIES_AT_ONCE = 50
_EVERY = 0.5
_PAUSE = 5.0


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
    """Follows the journals of one shard at a time.

    It runs in the sweeper's process and not in a queue: a large import would hold up what else is in that queue, and
    what has to be followed stands in the store anyway. Any number may run; a lease keeps a shard's order.
    """

    def __init__(self, store: Store, followers: Sequence[Follower]) -> None:
        self._store = store
        self._followers = followers

    def run(self, stopping: threading.Event) -> None:
        """Follow what comes until told to stop. An unreachable store, or a follower's fault, is waited for."""
        while not stopping.wait(_EVERY):
            try:
                for shard in self._store.following.shards_behind():
                    if not stopping.is_set():
                        self.follow(shard, stopping)
            except StoreError as error:
                log.warning("the journals could not be followed; they will be", error=str(error))
            except Exception:
                log.exception("a follower failed; the entries come again")
                stopping.wait(_PAUSE)

    def follow(self, shard: str, stopping: threading.Event | None = None) -> int:
        """Show the entries of a shard to everybody who follows. Returns how many that were. Raises StoreError."""
        try:
            with self._store.following.following(shard) as lease:
                done = 0
                for owner in self._store.following.owners_behind(shard):
                    while count := self._some(shard, owner):
                        done += count
                        lease.renew()
                        if stopping is not None and stopping.is_set():
                            return done
                return done
        except AlreadyRunning:
            return 0  # whoever is at it sees these entries too

    def _some(self, shard: str, owner: str) -> int:
        last, entries = self._store.following.entries(shard, owner, limit=_ENTRIES_AT_ONCE)
        if not last:
            return 0
        for follower in self._followers:
            follower.follow(owner, entries)
        self._store.following.followed(shard, owner, last)
        return len(entries)
