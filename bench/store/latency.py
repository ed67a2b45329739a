"""The gate while an import runs beside it: how long a question takes, and whether a command ever takes 5 ms."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.store.files import write_csv
from bench.store.imports import _ours
from bench.store.numbers import random_numbers
from bench.store.parts import SENDER, load, note, running_store, table
from store import open_store
from store.scopes import scopes_of_send

_SLOW_MICROSECONDS = 5000


def ask(url: str, rate: int, stop: Path) -> None:
    """Ask the gate at a steady rate until a file appears, and print how long each answer took, in microseconds."""
    store, scopes, taken = open_store(url), scopes_of_send("acme", SENDER, None), []
    numbers = list(random_numbers(2000, seed=9))
    due = time.perf_counter()
    while not stop.exists():
        started = time.perf_counter()
        store.consent.blocks(numbers[len(taken) % len(numbers)], scopes)
        taken.append((time.perf_counter() - started) * 1e6)
        due = max(due + 1 / rate, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
    print(" ".join(f"{value:.0f}" for value in taken))


def _measure(url: str, rate: int, work: object) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"
        asking = subprocess.Popen(
            [sys.executable, "-m", "bench.store.latency", url, str(rate), str(stop)], stdout=subprocess.PIPE
        )
        assert callable(work)
        work()
        stop.touch()
        return sorted(float(value) for value in asking.communicate()[0].split())


def _figures(name: str, taken: list[float]) -> tuple[str, ...]:
    def at(part: float) -> str:
        return f"{taken[min(len(taken) - 1, int(len(taken) * part))] / 1000:.2f}"

    return (name, f"{len(taken):,}", at(0.5), at(0.95), at(0.99), f"{taken[-1] / 1000:.2f}")


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
        beside = _measure(url, rate, lambda: _ours(store, path, "csv"))
        calls = store.client.slowlog_get(128)
        longest = sorted(((call["duration"], call["command"][:12]) for call in calls), reverse=True)[:2]
        slow, events = store.client.slowlog_len(), store.client.execute_command("LATENCY", "LATEST")
    results = [_figures("alone", alone), _figures(f"while {rows:,} rows are imported", beside)]
    table("Gate: one question, milliseconds", ("when", "questions", "p50", "p95", "p99", "most"), results)
    print(f"commands over 5 ms: {slow}; the longest: {longest}")
    for event in events:
        print(f"latency monitor: {event[0].decode()} at most {event[3]} ms")


if __name__ == "__main__":
    ask(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
