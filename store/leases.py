"""Work that one process at a time may do: a token with a lifetime, renewed while the work goes on."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import redis
from redis.exceptions import LockError

from store.client import store_errors
from store.errors import StoreError


class AlreadyRunning(StoreError):
    """Somebody else has the lease, or took it because we were silent for too long."""


class Lease:
    """The right to do something, held by a token that expires."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def renew(self) -> None:
        """Keep it for as long again.

        Raises:
            AlreadyRunning: it expired and belongs to somebody else, or to nobody.
            StoreError: the store did not answer.
        """
        try:
            with store_errors():
                _own_errors(self._lock.reacquire)
        except _Lost:
            raise AlreadyRunning("Another run took over: this one was silent for too long.") from None


class _Lost(Exception):
    """The lock is no longer ours."""


def _own_errors(step: Any) -> Any:
    """Call `step`, with the lock's own errors kept apart from those of the connection."""
    try:
        return step()
    except LockError as error:
        raise _Lost from error


@contextmanager
def held(client: "redis.Redis", key: str, duration: timedelta, said: str) -> Iterator[Lease]:
    """Hold a lease.

    Args:
        client: the store.
        key: the lease's key.
        duration: after this long without `renew` somebody else may begin.
        said: what AlreadyRunning says.

    Raises:
        AlreadyRunning: somebody else has it now.
        StoreError: the store did not answer.
    """
    lock: Any = client.lock(key, timeout=duration.total_seconds(), blocking=False, thread_local=False)
    with store_errors():
        if not lock.acquire():
            raise AlreadyRunning(said)
    try:
        yield Lease(lock)
    finally:
        # A lease that cannot be given back now expires by itself.
        with suppress(_Lost, StoreError), store_errors():
            _own_errors(lock.release)
