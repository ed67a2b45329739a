"""The sweeper: finishes what was written but not done (a lost job, a dead worker, a retry that is due)."""

import threading
from collections.abc import Mapping
from datetime import timedelta

from gateway.clock import Clock
from gateway.logs import logger
from gateway.queueing import REPLIES, SEND, JobQueue, parts_of, queue_for
from store import Store
from store.errors import StoreError

log = logger(__name__)

_EVERY = 1.0
_LEASE = timedelta(seconds=30)
_MOST_OF_A_SHARD = 500


class Sweeper:
    """Nudges outbox entries whose time has come. Any number of sweepers may run: an entry is claimed by one."""

    def __init__(self, store: Store, queue: JobQueue, clock: Clock, queue_of_effect: Mapping[str, str]) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._queue_of_effect = queue_of_effect

    def sweep(self) -> int:
        """Queue what is due, once. Returns how much that was. Raises StoreError."""
        claimed = list(self._store.outbox.claim_due(self._clock.now(), lease=_LEASE, limit=_MOST_OF_A_SHARD))
        for effect in claimed:
            self._queue.submit(self._queue_for(effect), effect)
        if claimed:
            log.info("unfinished work queued again", entries=len(claimed))
        return len(claimed)

    def _queue_for(self, effect: str) -> str:
        kind, identifier = parts_of(effect)
        if kind != SEND:
            return self._queue_of_effect.get(kind, REPLIES)
        message = self._store.messages.get(identifier)
        return queue_for(message.kind if message else "")

    def run(self, stopping: threading.Event) -> None:
        """Sweep every second until told to stop. An unreachable store is waited for."""
        while not stopping.wait(_EVERY):
            try:
                self.sweep()
            except StoreError as error:
                log.warning("the sweeper could not reach the store", error=str(error))
