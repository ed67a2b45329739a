"""An import through the API, from the upload to its end, and its undo.

    python -m bench.imports_api [--rows 100000] [--rounds 3]

Everything is on this machine, as `stopgate up` starts it: web, workers, sweeper, the embedded Valkey with appendfsync
always. A round uploads a list of new numbers with names and dates, asks for its state until it has ended, and undoes it.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench.store.files import write_csv
from bench.store.numbers import random_numbers
from bench.store.parts import table

_PAUSE = 0.02


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def installation(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A running Stopgate: its address, and the headers of an admin's key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STOPGATE_", "TWILIO_"))}
    environment |= {"STOPGATE_DATA": str(folder / "data"), "STOPGATE_API_RATE": "off"}
    command, port = [sys.executable, "-m", "gateway.cli"], free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "up", "--port", str(port)], env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        while not _is_ready(url):
            time.sleep(0.2)
        made = subprocess.run(
            [*command, "keys", "create", "--account", "demo", "--role", "admin"],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        yield url, {"Authorization": f"Bearer {made.stdout.split()[-1]}"}
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def until(url: str, headers: Mapping[str, str], status: str) -> Any:
    """Ask for an import until it has a status."""
    while True:
        found = requests.get(url, headers=headers, timeout=30).json()
        if found["status"] == status:
            return found
        if found["status"] == "failed":
            raise SystemExit(f"The import failed: {found['problem']}")
        time.sleep(_PAUSE)


def run(rows: int, rounds: int) -> None:
    """Print how long an upload takes until it has ended, and its undo."""
    taken: dict[str, list[float]] = {"upload answered": [], "import, upload included": [], "undo": []}
    with tempfile.TemporaryDirectory(prefix="bench-imports-") as name:
        folder = Path(name)
        with installation(folder) as (url, headers):
            for number in range(rounds):
                path = folder / f"list{number}.csv"
                write_csv(path, list(random_numbers(rows, seed=100 + number)))
                started = time.perf_counter()
                with path.open("rb") as file:
                    made = requests.post(f"{url}/api/v1/imports", headers=headers, files={"file": file}, timeout=60)
                taken["upload answered"].append(time.perf_counter() - started)
                address = f"{url}/api/v1/imports/{made.json()['id']}"
                done = until(address, headers, "finished")
                taken["import, upload included"].append(time.perf_counter() - started)
                print(f"{done['rows']:,} rows: {done['counts']}", flush=True)
                started = time.perf_counter()
                requests.post(f"{address}/undo", headers=headers, timeout=60).raise_for_status()
                undone = until(address, headers, "undone")
                taken["undo"].append(time.perf_counter() - started)
                print(f"undone: {undone['undo']}", flush=True)
    results = [(what, f"{statistics.median(some):.2f}", f"{min(some):.2f}") for what, some in taken.items()]
    table(f"{rows:,} rows through the API, {rounds} rounds", ("what", "seconds (median)", "best"), results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    run(chosen.rows, chosen.rounds)
