"""HTTP to addresses that customers choose: never to our own network (SSRF), never redirected, the answer hardly read.

The name is looked up once and the connection goes to the very address that was checked, so that a name which changes
its address in between (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util import connection as sockets

_TIMEOUT = (5, 10)
_MOST_READ = 2000

Resolve = Callable[[str, int], list[str]]
"""Looks a name up: host and port to IP addresses. Raises OSError."""


class AddressRefused(OSError):
    """An address that nothing of ours may be sent to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered. status: 0 when there was no answer, and then `text` says why."""

    status: int
    text: str


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """True for an address of the internet: not private, loopback, link-local, shared, reserved or multicast."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if mapped is not None:
        return is_public(str(mapped))
    return parsed.is_global and not parsed.is_multicast


def problem_with(url: str, *, private_allowed: bool) -> str | None:
    """What is wrong with an address that events are to be sent to, as the end of "The url ...", or None."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not an address such as https://example.com/hook."
    if parts.scheme not in {"https", "http"} or not host:
        return "has to be an address such as https://example.com/hook."
    if parts.scheme == "http" and not private_allowed:
        return "has to begin with https://."
    if parts.username or parts.password:
        return "has to be without user and password."
    if parts.fragment:
        return "has to be without a # part."
    return None


class GuardedHttp:
    """Sends JSON to customers' addresses."""

    def __init__(self, *, private_allowed: bool, resolve: Resolve = resolve) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = _GuardedAdapter(private_allowed, resolve)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; what came back, also when nothing did. Raises nothing."""
        try:
            with self._session.post(
                url, data=body, headers=dict(headers), timeout=_TIMEOUT, allow_redirects=False, stream=True
            ) as response:
                text = response.raw.read(_MOST_READ, decode_content=True).decode("utf-8", "replace")
                return Answer(response.status_code, text)
        except requests.RequestException as error:
            return Answer(0, _sentence(error))
        except OSError as error:
            return Answer(0, f"The connection broke: {type(error).__name__}.")

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _sentence(error: Exception) -> str:
    reason: Any = error
    while reason is not None:
        if isinstance(reason, AddressRefused):
            return str(reason)
        if isinstance(reason, socket.gaierror):
            return "The name of the host has no address."
        reason = _reason_of(reason)
    if isinstance(error, requests.exceptions.SSLError):
        return "The certificate of the host cannot be trusted."
    if isinstance(error, requests.Timeout):
        return "There was no answer in time."
    return f"There was no connection: {type(error).__name__}."


def _reason_of(error: Any) -> Any:
    inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
    if inner is None and error.args and isinstance(error.args[0], Exception):
        inner = error.args[0]
    return inner if isinstance(inner, Exception) else None


class _GuardedAdapter(HTTPAdapter):
    """An adapter whose connections ask before they are made."""

    def __init__(self, private_allowed: bool, resolve: Resolve) -> None:  # noqa: FBT001 (of this module alone)
        self._pools = _guarded_pools(private_allowed=private_allowed, resolve=resolve)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _guarded_pools(*, private_allowed: bool, resolve: Resolve) -> dict[str, type[HTTPConnectionPool]]:
    def connect(connection: HTTPConnection) -> socket.socket:
        try:
            addresses = resolve(connection.host, connection.port)
            usable = [address for address in addresses if private_allowed or is_public(address)]
            if not usable:
                raise AddressRefused("The host is in a private network; events are not sent there.")
            return sockets.create_connection(
                (usable[0], connection.port), connection.timeout, socket_options=connection.socket_options
            )
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
