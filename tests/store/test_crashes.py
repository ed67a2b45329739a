"""kill -9 at random moments: what was acknowledged is there, the journal explains it, and imports go on."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.imports import Imports, Progress, summary_of
from gateway.supervision.embedded import EmbeddedStore
from store import open_store
from store.directory import Account
from store.errors import StoreError
from tests.store.samples import ACME, drifts, is_blocked, opt_out

pytestmark = pytest.mark.processes
_ACCOUNT = Account("acme", "Acme", "US")
_ROWS = 6000


def write_list(path: Path) -> None:
    """Rows with a duplicate in another form, an invalid one, and a blank line, again and again."""
    with path.open("w", encoding="utf-8") as file:
        file.write("Phone,Opt Out Date\n")
        for index in range(_ROWS):
            number = f"415{index * 7 % 10_000_000:07d}"
            row = {3: "n/a,", 4: ","}.get(index % 100, f"+1{number},2024-05-01")
            file.write(row + "\n")
            if index % 100 == 5:
                file.write(f"({number[:3]}) {number[3:6]}-{number[6:]},2024-06-01\n")


def kill(server: EmbeddedStore) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while server.is_alive():
        time.sleep(0.01)


def test_an_import_and_stops_survive_kills_of_the_server_at_any_moment(
    running_valkey: EmbeddedStore, tmp_path: Path
) -> None:
    path, rng = tmp_path / "list.csv", random.Random(11)
    write_list(path)
    store = open_store(running_valkey.url)
    imports = Imports(store, Clock())
    order = imports.order(_ACCOUNT, path, actor="test", rows_in_block=500)
    imports.create(_ACCOUNT, "i", order)
    acknowledged: list[str] = []
    done = threading.Event()

    def people() -> None:
        number = 0
        while not done.is_set():
            address = f"+1212555{number % 10_000:04d}"
            try:
                opt_out(store, address)
                acknowledged.append(address)
                number += 1
            except StoreError:
                time.sleep(0.05)

    stopping = threading.Thread(target=people)
    stopping.start()
    kills, last = 0, None
    try:
        while last is None or last.record.status != "finished":
            timer = threading.Timer(rng.uniform(0.02, 0.5), kill, [running_valkey])
            if kills < 6:
                timer.start()
                kills += 1
            try:
                for last in imports.run("i", path):
                    assert isinstance(last, Progress)
            except StoreError:
                timer.join()
                running_valkey.restart()
            timer.cancel()
            if not running_valkey.is_alive():
                running_valkey.restart()
    finally:
        done.set()
        stopping.join()
    counts = summary_of(last.record.counts)
    invalid = _ROWS // 100 * 2
    assert counts == {
        "opted_out": _ROWS - invalid,
        "already": 0,
        "stronger_kept": 0,
        "would_readd": 0,
        "duplicate": _ROWS // 100,
        "invalid": invalid,
        "skipped": 0,
    }
    assert drifts(store) == []
    assert all(is_blocked(store, address) for address in acknowledged)
    assert len(acknowledged) > 10
    assert len(list(store.bulk.all_blocked(lambda scope: scope == ACME))) == 2 * (
        _ROWS - invalid + len(set(acknowledged))
    )
    store.close()
