"""The connection to the store: one client, no silent retries, errors of our own."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from store.errors import StoreError, StoreUnreachable

SCHEMES = ("redis://", "rediss://", "unix://")
_TIMEOUT = 5.0


def open_client(url: str, *, timeout: float | None = _TIMEOUT) -> "redis.Redis":
    """A client for a server that speaks the Redis protocol. Connects at the first command.

    redis-py 8 repeats a command whose answer was lost, up to ten times and silently, so a push happens twice.
    This client never does: callers repeat what they know to be idempotent.

    Args:
        url: redis://, rediss:// or unix:// with an optional database number.
        timeout: seconds to wait for a connection and for each answer; None waits for ever.

    Raises:
        ValueError: the URL has another form.
    """
    if not url.startswith(SCHEMES):
        raise ValueError(f"the store URL has to start with one of {', '.join(SCHEMES)}")
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0), protocol=3
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into ours, so that nobody above has to know redis-py.

    Raises:
        StoreUnreachable: there was no connection, or none any more.
        StoreError: the server refused the command.
    """
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreUnreachable(f"The store did not answer: {error}") from error
    except redis.RedisError as error:
        raise StoreError(f"The store refused the command: {error}") from error
