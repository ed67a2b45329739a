"""Lists of opt-outs over HTTP: pages by sort and filter, checks, exports; the slowest command of the store.

    python -m bench.lists [--numbers 1000000] [--rounds 15]

One account with an import of random North American numbers, a few hundred opt-outs by text and by the API besides. The
server is `stopgate web` on this machine; requests go over one kept-open connection, so each is what one caller waits.
"""

import argparse
import gc
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench.store.numbers import random_numbers
from bench.store.parts import load, note, table
from bench.webhook import running
from gateway.lists.writing import FORMATS
from gateway.services import Services, build
from gateway.settings import load_settings
from gateway.supervision.embedded import EmbeddedStore
from store.journal import Source

_ACCOUNT = """
[[accounts]]
id = "acme"
name = "Acme"
default_country = "US"
senders = [{ address = "+15005550006", carrier = "simulator", kind = "long_code" }]
"""
_SORTS = ("-date", "date", "number", "-number")
_FILTERS = {
    "none": {},
    "a whole number": {"number": "+12025550000"},
    "prefix of few (+1202555)": {"number": "+1202555*"},
    "prefix of many (+1212)": {"number": "+1212*"},
    "sender with few": {"sender": "+15005550006"},
    "scope account": {"scope": "account"},
    "channel": {"channel": "voice"},
    "type import": {"type": "import"},
    "added since a day": {"added_since": "2026-01-01"},
    "type program (few, no index)": {"type": "program"},
    "opted out in three hours (no index)": {"since": "2023-11-15T00:00:00Z", "until": "2023-11-15T03:00:00Z"},
}


class Caller:
    """One program that asks, over one connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> tuple[float, bytes]:
        """Seconds until all of the answer is there, and the answer."""
        data = json.dumps(body) if body is not None else None
        started = time.perf_counter()
        self._connection.request(method, f"/api/v1{path}", data, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        taken = time.perf_counter() - started
        assert response.status == 200, answer[:300]
        return taken, answer


def fill(services: Services, numbers: int) -> None:
    """The opt-outs."""
    store = services.store
    started = time.perf_counter()
    load(store, random_numbers(numbers))
    note(f"loaded {numbers:,} in {time.perf_counter() - started:.0f} s")
    account = store.directory.current().accounts["acme"]
    for index in range(300):
        sender = "+15005550006" if index % 3 == 0 else None
        services.consent.opt_out(account, f"+1202555{index:04d}", source=Source.API, actor="bench", sender=sender)
    started = time.perf_counter()
    store.listing.index.refresh("acme")
    note(f"indexed by number in {time.perf_counter() - started:.0f} s (followers do that beside the import)")


@contextmanager
def serving(numbers: int, port: int) -> Iterator[tuple[Services, Caller]]:
    """A filled store, its web server, and somebody who may ask."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-lists-") as folder,
        EmbeddedStore(Path(folder), "everysec") as server,
    ):
        environment = {
            **os.environ, "STOPGATE_STORE_URL": server.url, "STOPGATE_DATA": folder, "STOPGATE_SECRET_KEY": "s" * 32,
            "STOPGATE_DURABILITY": "everysec", "STOPGATE_SIMULATOR": "on", "STOPGATE_API_RATE": "off",
        }  # fmt: skip
        services = build(load_settings(environment))
        services.store.functions.ensure_loaded()
        services.configuration.apply(services.configuration.plan(services.configuration.read(_ACCOUNT)))
        fill(services, numbers)
        key = services.store.api_keys.create("acme", "admin", services.clock.now())
        command = [sys.executable, "-m", "gateway.cli", "web", "--port", str(port)]
        with running(command, port, "/healthz", environment):
            services.store.client.config_set("slowlog-log-slower-than", 1000)
            services.store.client.slowlog_reset()
            yield services, Caller(port, key)
        services.close()


def pages(caller: Caller, rounds: int) -> None:
    """First and second page of 50 for every filter and sort: medians, and the worst."""
    rows = []
    for name, chosen in _FILTERS.items():
        for sort in _SORTS:
            path = f"/opt-outs?{urlencode({**chosen, 'sort': sort})}"
            times, items = [], 0
            for _ in range(rounds):
                taken, answer = caller.ask("GET", path)
                times.append(taken)
                page = json.loads(answer)
                items = len(page["items"])
                if page["next"]:
                    times.append(caller.ask("GET", f"{path}&{urlencode({'cursor': page['next']})}")[0])
            rows.append((name, sort, items, f"{statistics.median(times) * 1000:.0f}", f"{max(times) * 1000:.0f}"))
    table("Pages of 50", ("filter", "sort", "items", "median ms", "worst ms"), rows)


def checks(caller: Caller, rounds: int) -> None:
    """A single check, and one of ten thousand numbers of which a tenth is blocked."""
    asked = [*random_numbers(1000), *random_numbers(9000, seed=7)]
    one = sorted(caller.ask("POST", "/opt-outs/check", {"numbers": [number]})[0] for number in asked[:1000])
    many = [caller.ask("POST", "/opt-outs/check", {"numbers": asked})[0] for _ in range(rounds)]
    counts = [caller.ask("GET", "/opt-outs/count")[0] for _ in range(rounds)]
    rows = [
        ("single check, p50", f"{one[len(one) // 2] * 1000:.1f}"),
        ("single check, p99", f"{one[len(one) * 99 // 100] * 1000:.1f}"),
        ("check of 10,000, median", f"{statistics.median(many) * 1000:.0f}"),
        ("count of all, median", f"{statistics.median(counts) * 1000:.0f}"),
    ]
    table("Checks and counts", ("what", "ms"), rows)


def exports(caller: Caller, prefix: str) -> None:
    """A part of the list in every format."""
    rows = []
    for name in FORMATS.keys() - {"pdf"}:
        for sort in ("-date", "number"):
            query = urlencode({"format": name, "sort": sort, "number": prefix})
            taken, answer = caller.ask("GET", f"/opt-outs/export?{query}")
            count = answer.count(b"\n") - 1
            rows.append(
                (
                    name,
                    sort,
                    f"{taken:.1f}",
                    f"{len(answer) / 1e6:.1f}",
                    f"{count / taken:,.0f}" if name != "xlsx" else "",
                )
            )
    table(f"Exports of {prefix}", ("format", "sort", "s", "MB", "rows/s"), sorted(rows))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--port", type=int, default=8811)
    options = parser.parse_args()
    with serving(options.numbers, options.port) as (services, caller):
        gc.collect()
        pages(caller, options.rounds)
        checks(caller, options.rounds)
        exports(caller, "+12*")
        slow = services.store.client.slowlog_get(3)
        worst = max((entry["duration"] for entry in slow), default=0)
        names = ", ".join(f"{entry['command'][:40]!r} {entry['duration'] / 1000:.1f} ms" for entry in slow)
        print(f"load {os.getloadavg()[0]:.1f}; commands over 1 ms, the newest: {worst / 1000:.1f} ms at most; {names}")


if __name__ == "__main__":
    main()
