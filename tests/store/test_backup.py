"""Backup and restore, and the keyspace's version."""

from pathlib import Path

import pytest

from gateway.backups import back_up, restore
from gateway.clock import Clock
from gateway.supervision.embedded import EmbeddedStore
from store import Store, keys, open_store
from store.backup import BackupError
from store.errors import StoreMisconfigured
from store.upgrades import CURRENT
from tests.store.samples import ACME, drifts, import_rows, opt_out, person
from tests.store.servers import ClusterServers


def everything(store: Store) -> dict[bytes, bytes]:
    """All keys with their values, of all primaries."""
    return {name: server.dump(name) for server in store.topology.primaries() for name in server.scan_iter(count=1000)}


def fill(store: Store) -> None:
    import_rows(store, "b", [(person(index), 5) for index in range(300)])
    opt_out(store, person(1))
    store.client.set("{07}:seen:twilio:SM1", "x", px=10_000_000)
    store.keyspace.demand()


def test_a_backup_brings_everything_back_with_its_expiry(
    own_store: Store, running_valkey: EmbeddedStore, tmp_path: Path
) -> None:
    fill(own_store)
    before = everything(own_store)
    assert list(back_up(own_store, Clock(), tmp_path / "b.tar")) == [(1, 1)]
    store = open_store(running_valkey.url)
    assert list(restore(store, tmp_path / "b.tar"))[-1] == len(before)
    assert everything(store).keys() == before.keys()
    assert store.client.pttl("{07}:seen:twilio:SM1") > 9_000_000
    assert store.bulk.check([person(index) for index in range(301)], [ACME]) == [1] * 300 + [0]
    assert len(store.consent.history(person(1), [ACME])) == 2
    assert drifts(store) == []
    store.close()


@pytest.mark.processes
def test_a_backup_of_one_server_goes_into_a_cluster_and_back(own_store: Store, tmp_path: Path) -> None:
    fill(own_store)
    list(back_up(own_store, Clock(), tmp_path / "one.tar"))
    with ClusterServers(tmp_path / "cluster", replicas=0) as servers:
        store = open_store(servers.url)
        list(restore(store, tmp_path / "one.tar"))
        assert drifts(store) == []
        assert list(back_up(store, Clock(), tmp_path / "three.tar"))[-1] == (3, 3)
        store.close()
    before = everything(own_store)
    own_store.client.flushall()
    list(restore(own_store, tmp_path / "three.tar"))
    assert everything(own_store).keys() == before.keys()


def test_a_store_that_is_not_empty_is_never_restored_over(own_store: Store, tmp_path: Path) -> None:
    fill(own_store)
    list(back_up(own_store, Clock(), tmp_path / "b.tar"))
    with pytest.raises(StoreMisconfigured, match="not empty"):
        list(restore(own_store, tmp_path / "b.tar"))


@pytest.mark.parametrize("damage", ["flip", "cut", "other"])
def test_a_damaged_backup_is_refused_before_anything_is_written(own_store: Store, tmp_path: Path, damage: str) -> None:
    fill(own_store)
    path = tmp_path / "b.tar"
    list(back_up(own_store, Clock(), path))
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes({"flip": bytes(data), "cut": bytes(data[: len(data) // 2]), "other": b"hello"}[damage])
    own_store.client.flushall()
    with pytest.raises(BackupError):
        list(restore(own_store, path))
    assert own_store.client.dbsize() == 0


def test_an_empty_store_gets_this_version_and_a_newer_one_is_refused(own_store: Store) -> None:
    own_store.keyspace.demand()
    assert own_store.keyspace.version() == CURRENT
    own_store.client.set(keys.KEYSPACE, CURRENT + 1)
    with pytest.raises(StoreMisconfigured, match="newer Stopgate"):
        own_store.keyspace.demand()


def test_a_store_from_before_the_counts_is_refused_until_it_is_upgraded(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(200)])
    opt_out(own_store, "72975")
    counted = {shard: own_store.bulk.members(shard) for shard in keys.SHARDS}
    for shard in keys.SHARDS:
        own_store.client.delete(keys.members(shard))
    with pytest.raises(StoreMisconfigured, match="stopgate upgrade"):
        own_store.keyspace.demand()
    assert list(own_store.keyspace.upgrade()) == [2, 3, 4]
    assert {shard: own_store.bulk.members(shard) for shard in keys.SHARDS} == counted
    own_store.keyspace.demand()
    assert drifts(own_store) == []
    assert list(own_store.keyspace.upgrade()) == []
