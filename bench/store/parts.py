"""What the benches share: a loaded store, a stopwatch, tables."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from gateway.supervision.embedded import EmbeddedStore
from store import Store, open_store
from store.batches import Batch, Rows
from store.scopes import Scope

ACME = Scope.of_account("acme")
SENDER = "+15005550006"
_SINCE = 1_700_000_000
_BLOCK = 1_000_000


@contextmanager
def running_store(durability: str = "aof") -> Iterator[tuple[EmbeddedStore, Store]]:
    """An empty embedded store in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-store-") as folder,
        EmbeddedStore(Path(folder), durability) as server,
    ):
        store = open_store(server.url)
        store.functions.ensure_loaded()
        yield server, store
        store.close()


def load(store: Store, numbers: Iterable[str], batch: str = "load", scope: Scope = ACME) -> int:
    """Opt numbers out as one import; returns how many rows that were."""
    rows, source, made = Batch(batch, scope), iter(numbers), 0
    while block := list(islice(source, _BLOCK)):
        times = [(_SINCE + index % 10_000_000) * 1000 for index in range(len(block))]
        store.batches.apply(rows, str(made), Rows(block, times, range(made, made + len(block))))
        made += len(block)
    store.batches.finish(batch)
    return made


def members(store: Store, scope: Scope = ACME) -> int:
    """How many numbers a scope blocks for texts."""
    from store import keys

    return sum(
        count
        for shard in keys.SHARDS
        for (channel, found), count in store.bulk.members(shard).items()
        if found == scope and channel.value == "text"
    )


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides that did the same in turns: seconds (medians), processor seconds of this process for ours, and the
    median of the rounds' ratios, above 1 when ours is faster."""

    ours: float
    theirs: float
    processor: float
    ratio: float


def compare(ours: Callable[[int], object], theirs: Callable[[int], object], rounds: int) -> Compared:
    """Let two sides do the same in turns, round by round, so that whatever else the machine does meets both."""
    taken = []
    for index in range(rounds):
        processor = time.process_time()
        first = seconds(partial(ours, index))
        processor = time.process_time() - processor
        taken.append((first, seconds(partial(theirs, index)), processor))
        note(f"round {index + 1}: {taken[-1][0]:.2f} s and {taken[-1][1]:.2f} s (load {os.getloadavg()[0]:.1f})")
    first_all, second_all, processors = zip(*taken, strict=True)
    ratio = median(second / first for first, second, _ in taken)
    return Compared(median(first_all), median(second_all), median(processors), ratio)


def note(text: str) -> None:
    """Say what goes on."""
    print(f"... {text}", flush=True)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown, to be copied into a page."""
    print(f"\n**{title}**\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "|".join("---" for _ in header) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)
