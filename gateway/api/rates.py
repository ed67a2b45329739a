"""How many requests each API key may make: Flask-Limiter, counting in our store.

`limits` brings storages of its own. This one is used instead because theirs know neither unix://, rediss+cluster:// nor
our Sentinel URLs, open connections of their own, ask the store three times a request, and would make every read wait
for a disk: a count is a write, and our store flushes each. This one takes a hundredth of the limit from the store at a
time and counts inside that in the process. With one process the count is exact; with several a key may be refused a few
hundredths early, and never late.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import parse
from limits.storage import Storage

from gateway.api.problems import Problem
from gateway.clock import Clock
from gateway.logs import logger
from gateway.services import Services
from store.errors import StoreError
from store.rates import RateStore

log = logger(__name__)

_PARTS = 100
_MANY = 1000


@dataclass(slots=True)
class _Window:
    """What this process knows of one key's window. left: what it took and did not use; used: by all processes."""

    ends: float
    used: int
    left: int


class StoreCounters(Storage):
    """Fixed windows in our store, for Flask-Limiter.

    Args:
        uri: as `limits` wants it; not used.
        rates: the counters.
        clock: when a window ends.
        most: of the one limit there is.
    """

    STORAGE_SCHEME = ["stopgate"]  # noqa: RUF012 (as the base class declares it)

    def __init__(self, uri: str, *, rates: RateStore, clock: Clock, most: int, **options: Any) -> None:
        super().__init__(uri, **options)
        self._rates, self._clock, self._most = rates, clock, most
        self._block = math.ceil(most / _PARTS)
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the store raises."""
        return StoreError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request. Returns the count; more than `most` means no."""
        now = self._clock.now().timestamp()
        with self._lock:
            window = self._windows.get(key)
            if window is None or window.ends <= now:
                window = None
            elif window.left >= amount:
                window.left -= amount
                return window.used - window.left
            elif window.used >= self._most:
                return self._most + amount
        # Not under the lock: others go on with what is left meanwhile, or ask as well.
        taken = max(self._block, amount)
        used, left = self._rates.take(key, taken, timedelta(seconds=expiry))
        with self._lock:
            return self._note(key, amount, _Window(now + left.total_seconds(), used, taken), expiry / 2)

    def _note(self, key: str, amount: int, new: _Window, apart: float) -> int:
        new.left = max(0, min(new.left, self._most - (new.used - new.left)))
        new.used = min(new.used, self._most)
        known = self._windows.get(key)
        if known is not None and abs(new.ends - known.ends) < apart:  # another thread asked as well
            new.left += known.left
            new.used = max(new.used, known.used)
        if len(self._windows) >= _MANY:
            self._forget()
        self._windows[key] = new
        if new.left < amount:
            return self._most + amount
        new.left -= amount
        return new.used - new.left

    def _forget(self) -> None:
        now = self._clock.now().timestamp()
        self._windows = {key: window for key, window in self._windows.items() if window.ends > now}

    def get(self, key: str) -> int:
        """The count, as last heard of."""
        with self._lock:
            window = self._windows.get(key)
            return 0 if window is None else window.used - window.left

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        with self._lock:
            window = self._windows.get(key)
            return self._clock.now().timestamp() if window is None else window.ends

    def check(self) -> bool:
        """The store's health is looked at elsewhere."""
        return True

    def reset(self) -> int | None:
        """Forget what this process took; the windows in the store end by themselves."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def clear(self, key: str) -> None:
        """Forget what this process took of one window."""
        with self._lock:
            self._windows.pop(key, None)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may still do. reset: when the window ends, in seconds since 1970."""

    limit: int
    remaining: int
    reset: int


class KeyRates:
    """The limit of every API key; none when `rate` is None.

    Args:
        app: where Flask-Limiter keeps what it knows of a request. Only `count` is limited: webhooks cost nothing.
        services: the store and the clock.
        rate: such as "6000/minute".
    """

    def __init__(self, app: Flask, services: Services, rate: str | None) -> None:
        self._clock = services.clock
        self._counted: Callable[[], None] = _counted
        if rate is None:
            return
        counters: Any = {"rates": services.store.rates, "clock": services.clock, "most": parse(rate).amount}
        self._limiter = Limiter(
            key_func=lambda: str(g.api_key.id), app=app, storage_uri="stopgate://", storage_options=counters
        )
        self._limiter.request_filter(lambda: not request.path.startswith("/api/"))
        self._counted = self._limiter.shared_limit(rate, scope="api")(_counted)

    def count(self) -> None:
        """Count this request against its key (g.api_key), and note in g.allowance what is left.

        Raises:
            Problem: rate_limited.
        """
        if self._counted is _counted:
            return
        try:
            self._counted()
        except RateLimitExceeded:
            g.allowance = self._allowance()
            wait = max(1, math.ceil(g.allowance.reset - self._clock.now().timestamp()))
            raise Problem(
                "rate_limited",
                f"This key may make {g.allowance.limit} requests in this time. Wait {wait} seconds.",
                retry_after=wait,
            ) from None
        except StoreError as error:
            # The limit keeps a program that runs wild from taking the place of others. It guards no consent: the gate
            # fails closed by itself. So a count that cannot be written stops nobody.
            log.warning("requests are not counted", why=str(error))
            return
        g.allowance = self._allowance()

    def _allowance(self) -> Allowance:
        found = self._limiter.current_limit
        assert found
        return Allowance(found.limit.amount, found.remaining, found.reset_at)


def _counted() -> None:
    """What is limited: being here."""


def tell_allowance(response: Response) -> Response:
    """Say in the answer's headers what the key may still do."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers["X-RateLimit-Limit"] = str(allowance.limit)
        response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        response.headers["X-RateLimit-Reset"] = str(allowance.reset)
    return response
