"""Backup and restore of the whole store."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.clock import Clock
from gateway.supervision.embedded import scratch_server
from store import Store
from store.backup import copy_keys, demand_empty, unpack_backup, write_backup


def back_up(store: Store, clock: Clock, target: Path) -> Iterator[tuple[int, int]]:
    """Write everything into one file; yields (primaries done, primaries).

    Raises:
        StoreError: a primary could not send its part.
        OSError: the file cannot be written.
    """
    yield from write_backup(store.topology, target, clock.now(), store.keyspace.version())


def restore(store: Store, source: Path) -> Iterator[int]:
    """Read a backup into an empty store, of whatever topology; yields how many keys are done.

    Raises:
        StoreMisconfigured: the store is not empty.
        StoreError: the file is damaged, or a server failed: empty the store and begin again.
        EmbeddedStoreError: the server that reads the file cannot be started.
    """
    demand_empty(store.topology)
    with tempfile.TemporaryDirectory(prefix="stopgate-restore-", dir=source.resolve().parent) as folder:
        before = 0
        for part in unpack_backup(source, Path(folder)):
            with scratch_server(part) as server:
                done = 0
                for done in copy_keys(server, store.topology):
                    yield before + done
                before += done
