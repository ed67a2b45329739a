"""A cluster of three primaries against one server: the same list checked and imported."""

import tempfile
from pathlib import Path

from bench.store.numbers import random_numbers
from bench.store.parts import ACME, load, note, seconds, table
from store import Store, open_store
from tests.store.servers import ClusterServers, Server

_BLOCK = 250_000


def _check(store: Store, numbers: list[str]) -> None:
    blocks = (numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK))
    for _ in store.bulk.check_blocks(blocks, [ACME]):
        pass


def _measure(name: str, url: str, numbers: int, rows: int) -> tuple[str, ...]:
    store = open_store(url)
    store.functions.ensure_loaded()
    note(f"{name}: importing {numbers:,}")
    applied = seconds(lambda: load(store, random_numbers(numbers)))
    asked = list(random_numbers(rows, seed=2))
    checked = min(seconds(lambda: _check(store, asked)) for _ in range(3))
    store.close()
    return name, f"{numbers / applied:,.0f}", f"{rows / checked:,.0f}"


def run(numbers: int, rows: int) -> None:
    """Print both, and where the keys lie. On one machine the servers share its cores: what is seen is the cost."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "one").start()
        one = _measure("one server", server.url, numbers, rows)
        server.stop()
        with ClusterServers(Path(folder) / "cluster", replicas=0) as servers:
            three = _measure("cluster of 3 primaries", servers.url, numbers, rows)
            slots: dict[bytes, set[int]] = {}
            for primary in servers.primaries:
                for key in primary.client.scan_iter(count=10_000):
                    slot = int(primary.client.execute_command("CLUSTER", "KEYSLOT", key))
                    slots.setdefault(key.partition(b"}")[0], set()).add(slot)
    table("Apply and check", ("store", "rows applied/s", "numbers checked/s"), [one, three])
    print(f"{len(slots)} hash tags, each in one slot: {all(len(found) == 1 for found in slots.values())}")
