"""A Valkey for the store's tests: of this test process alone, in an empty folder, on its own socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.supervision.embedded import EmbeddedStore
from store import Store, open_store


@pytest.fixture(scope="session")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One server for all tests that do not kill it."""
    with EmbeddedStore(tmp_path_factory.mktemp("store"), "aof") as server:
        yield server


@pytest.fixture
def own_store(own_valkey: EmbeddedStore) -> Iterator[Store]:
    """An empty store."""
    store = open_store(own_valkey.url)
    store.client.flushall()
    yield store
    store.close()


@pytest.fixture
def running_valkey(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A server of one test's own, which may kill it."""
    with EmbeddedStore(tmp_path / "killable", "aof") as server:
        yield server
