"""Connections to the store: one client for each form of URL, no silent retries, errors of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from store.errors import StoreError, StoreUnreachable
from store.urls import CLUSTER, ONE_SERVER, SCHEMES

_TIMEOUT = 5.0


def open_client(url: str, *, timeout: float | None = _TIMEOUT) -> "redis.Redis":
    """A client for servers that speak the Redis protocol.

    redis-py 8 repeats a command whose answer was lost, up to ten times and silently, so a push happens twice.
    This client never does: callers repeat what they know to be idempotent.

    Args:
        url: one server: redis://, rediss:// or unix://, with an optional database number. A cluster:
            redis+cluster://[user:password@]host:port[,host:port...]. Sentinels: redis+sentinel://
            [user:password@]host:port[,host:port...]/name-of-the-primary[?database=0&sentinel_password=...].
            A leading "rediss" asks for TLS.
        timeout: seconds to wait for a connection and for each answer; None waits for ever.

    Raises:
        ValueError: the URL has another form.
        StoreUnreachable: no server of a cluster answers. One server and Sentinels are asked at the first command.
    """
    if not url.startswith(SCHEMES):
        raise ValueError(f"the store URL has to start with one of {', '.join(SCHEMES)}")
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 3,
    }
    if url.startswith(ONE_SERVER):
        return redis.Redis.from_url(url, **options)
    parts = urlsplit(url)
    options |= {"username": _unquoted(parts.username), "password": _unquoted(parts.password)}
    if parts.scheme.startswith("rediss"):
        options["ssl"] = True
    hosts = _hosts(parts.netloc.rpartition("@")[2])
    return _cluster(hosts, options) if url.startswith(CLUSTER) else _sentinel(hosts, parts.path, parts.query, options)


def _cluster(hosts: list[tuple[str, int]], options: dict[str, Any]) -> "redis.Redis":
    nodes = [_untyped(ClusterNode)(host, port) for host, port in hosts]
    with store_errors():
        # A cluster client has the same commands as a plain one, but not the same class.
        return cast("redis.Redis", RedisCluster(startup_nodes=nodes, require_full_coverage=False, **options))


def _sentinel(hosts: list[tuple[str, int]], path: str, query: str, options: dict[str, Any]) -> "redis.Redis":
    name, extra = path.strip("/"), parse_qs(query)
    if not name:
        raise ValueError(
            "a redis+sentinel:// URL has to end in the name of the primary: redis+sentinel://host:26379/name"
        )
    asked: dict[str, Any] = {
        key: options[key] for key in ("socket_timeout", "socket_connect_timeout") if key in options
    }
    if options["socket_timeout"] is None:
        asked = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}
    if "ssl" in options:
        asked["ssl"] = True
    if "sentinel_password" in extra:
        asked["password"] = extra["sentinel_password"][0]
    options["db"] = int(extra.get("database", ["0"])[0])
    return cast("redis.Redis", _untyped(Sentinel)(hosts, sentinel_kwargs=asked, **options).master_for(name))


def _untyped(redis_class: Any) -> Any:
    # These classes of redis-py have no type hints.
    return redis_class


def _hosts(netloc: str) -> list[tuple[str, int]]:
    found = []
    for part in netloc.split(","):
        host, _, port = part.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("the hosts of a cluster or Sentinel URL have to be host:port[,host:port...]")
        found.append((host.strip("[]"), int(port)))
    return found


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into ours, so that nobody above has to know redis-py.

    Raises:
        StoreUnreachable: there was no connection, or none any more.
        StoreError: the server refused the command.
    """
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.RedisClusterException) as error:
        raise StoreUnreachable(f"The store did not answer: {error}") from error
    except redis.RedisError as error:
        raise StoreError(f"The store refused the command: {error}") from error
