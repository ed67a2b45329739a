"""The gate while an import runs beside it: how long a question takes, and whether a command ever takes 5 ms."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bench.store.files import write_csv
from bench.store.imports import _ours
from bench.store.numbers import random_numbers
from bench.store.parts import SENDER, load, note, running_store, table
from store import open_store
from store.scopes import scopes_of_send

_SLOW_MICROSECONDS = 5000


def ask(url: str, rate: int, stop: Path) -> None:
    """Ask the gate at a steady rate until a file appears, each time after a bare GET of a key that is not there.

    Prints how long both took, in microseconds. The process comes first on its core, where that is allowed: what is
    measured is the store, not how long the machine kept us waiting.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    store, scopes, taken = open_store(url), scopes_of_send("acme", SENDER, None), list[tuple[float, float]]()
    numbers = list(random_numbers(2000, seed=9))
    due = time.perf_counter()
    while not stop.exists():
        started = time.perf_counter()
        store.client.get("{00}:nothing")
        between = time.perf_counter()
        store.consent.blocks(numbers[len(taken) % len(numbers)], scopes)
        taken.append(((between - started) * 1e6, (time.perf_counter() - between) * 1e6))
        due = max(due + 1 / rate, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
    print("\n".join(f"{bare:.0f} {gate:.0f}" for bare, gate in taken))


def _measure(url: str, rate: int, work: Callable[[], object]) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"
        asking = subprocess.Popen(
            [sys.executable, "-m", "bench.store.latency", url, str(rate), str(stop)], stdout=subprocess.PIPE
        )
        work()
        stop.touch()
        pairs = [line.split() for line in asking.communicate()[0].splitlines()]
    bare, gate = zip(*pairs, strict=True)
    return {"a bare GET": sorted(map(float, bare)), "the gate": sorted(map(float, gate))}


def _figures(when: str, taken: dict[str, list[float]]) -> list[tuple[str, ...]]:
    return [
        (when, what, f"{len(values):,}", *(f"{_at(values, part) / 1000:.2f}" for part in (0.5, 0.95, 0.99, 1)))
        for what, values in taken.items()
    ]


def _at(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def run(numbers: int, rows: int, rate: int) -> None:
    """Print percentiles with and without the import, and what the server calls slow."""
    with running_store("aof") as (_, store), tempfile.TemporaryDirectory() as folder:
        note(f"loading {numbers:,}")
        load(store, random_numbers(numbers))
        path = Path(folder) / "list.csv"
        write_csv(path, list(random_numbers(rows, seed=5)))
        store.client.config_set("slowlog-log-slower-than", _SLOW_MICROSECONDS)
        store.client.config_set("latency-monitor-threshold", _SLOW_MICROSECONDS // 1000)
        store.client.slowlog_reset()
        url = f"unix://{store.client.connection_pool.connection_kwargs['path']}"
        alone = _measure(url, rate, lambda: time.sleep(10))
        started = time.perf_counter()
        os.nice(10)  # as the workers of lists are
        beside = _measure(url, rate, lambda: _ours(store, path, "csv"))
        taken = time.perf_counter() - started
        calls = store.client.slowlog_get(128)
        longest = sorted(((call["duration"], call["command"][:12]) for call in calls), reverse=True)[:2]
        slow, events = store.client.slowlog_len(), store.client.execute_command("LATENCY", "LATEST")
    results = _figures("alone", alone) + _figures(f"while {rows:,} rows are imported", beside)
    header = ("when", "what", "questions", "p50", "p95", "p99", "most")
    table("One question at a time, milliseconds", header, results)
    pace = f"the import made {rows / taken:,.0f} rows/s"
    print(
        f"{pace}; p99 of the gate over the bare GET: {_at(beside['the gate'], 0.99) / _at(beside['a bare GET'], 0.99):.2f}"
    )
    print(f"commands over 5 ms: {slow}; the longest: {longest}")
    for event in events:
        print(f"latency monitor: {event[0].decode()} at most {event[3]} ms")


if __name__ == "__main__":
    ask(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
