"""The same store on a cluster and behind Sentinels; what a failover loses (nothing that was acknowledged)."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import load_settings
from store import Store, keys, open_store
from store.consent import Source
from store.contacts import NUMBER, Contact, Phone, Rewrite, new_contact_id
from store.errors import StoreError, StoreMisconfigured
from store.functions import library_version
from store.idempotency import Answer
from store.journal_listing import JournalFilter
from store.listed import Order, Wanted
from store.scopes import ALL_CHANNELS, Channel
from tests.store.samples import ACME, at, drifts, import_rows, is_blocked, lift, opt_out, person, undo
from tests.store.servers import ClusterServers, SentinelServers, roles, wait_until
from tests.store.test_texts import bodies, days, receive, send
from tests.store.test_texts import opt_out as agents_opt_out

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("topologies")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServers]:
    with ClusterServers(tmp_path_factory.mktemp("cluster"), fsync="everysec") as servers:
        yield servers


@pytest.fixture
def cluster_store(cluster: ClusterServers) -> Iterator[Store]:
    store = open_store(cluster.url, replicas=1)
    for server in cluster.primaries:
        server.client.flushall()
    yield store
    store.close()


def retried(work: Callable[[], object], timeout: float = 30.0) -> int:
    """Repeat something until the store takes it, as a carrier would. Returns how often it was refused."""
    deadline, refused = time.monotonic() + timeout, 0
    while True:
        try:
            work()
        except StoreError:
            refused += 1
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return refused


def test_all_that_a_store_does_works_on_a_cluster(cluster_store: Store) -> None:
    numbers = [person(index) for index in range(400)]
    assert import_rows(cluster_store, "b", [(number, 5) for number in numbers]) == ["opted_out"] * 400
    opt_out(cluster_store, person(500))
    lift(cluster_store, person(1), Source.ADMIN, 10)
    scopes = [ACME]
    assert cluster_store.bulk.check([*numbers, person(500), person(600)], scopes) == [1, 0, *[1] * 399, 0]
    assert [bool(found) for found in cluster_store.consent.check(numbers[:3], scopes)] == [True, False, True]
    assert len(list(cluster_store.bulk.all_blocked(lambda scope: scope == ACME))) == 2 * 400
    for by_number in (True, False):
        page = cluster_store.listing.page("acme", Wanted(), Order(by_number=by_number), limit=500)
        assert sorted(item.number for item in page.items) == sorted(
            [number for number in numbers if number != person(1)] + [person(500)]
        )
        assert all(cluster_store.listing.origins(page.items))
    assert cluster_store.listing.counts("acme", Wanted()) == {Channel.TEXT: 400, Channel.VOICE: 400}
    assert undo(cluster_store, "b") == (399, 1)
    assert [item.number for item in cluster_store.listing.items("acme", Wanted(), Order(by_number=True))] == [
        person(500)
    ]
    cluster_store.batches.finish("b")
    assert drifts(cluster_store) == []
    assert cluster_store.health.counters()["import_rows"] == 400
    cluster_store.health.demand("replica:1")
    cluster_store.keyspace.demand()


def test_erased_numbers_stay_blocked_on_a_cluster(cluster: ClusterServers, cluster_store: Store) -> None:
    with_key = open_store(cluster.url, replicas=1, erasure_keys=[b"k" * 32])
    numbers = [person(index) for index in range(60)]
    import_rows(with_key, "b", [(number, 5) for number in numbers])
    for number in numbers[:5]:
        done = with_key.erasure.erase_journal(number, "acme", now=at(9), detail={"actor": "test"})
        assert (done.entries, done.blocks) == (1, 1)
        assert with_key.erasure.owners(number) == ["acme"]
        assert with_key.erasure.erase_texts(number, "acme", senders=["55555"], audiences=["news"]) == 0
    assert with_key.bulk.check([*numbers, person(900)], [ACME]) == [*[1] * 60, 0]
    assert [bool(found) for found in with_key.consent.check(numbers[:6], [ACME])] == [True] * 6
    assert import_rows(with_key, "c", [(number, 6) for number in numbers[:6]])[:5] == ["already"] * 5
    assert drifts(with_key) == []
    with_key.close()


def test_lists_of_texts_figures_and_confirmed_opt_outs_work_on_a_cluster(cluster_store: Store) -> None:
    for index in range(40):
        receive(cluster_store, person(index), index)
    send(cluster_store, person(3), 50, audience="news")
    assert bodies(cluster_store, 9) == ["text 50", *(f"text {index}" for index in range(39, -1, -1))]
    assert len(cluster_store.texts.conversations("acme", limit=100, unanswered=True).items) == 39
    assert agents_opt_out(cluster_store, person(4), 60).reply == "queued"
    (day,) = days(cluster_store)
    assert (day.texts_in, day.texts_out, day.opt_outs) == (40, {"queued": 2}, {"agent": 1})


def test_contacts_and_audiences_work_on_a_cluster(cluster_store: Store) -> None:
    numbers = [person(index) for index in range(300)]
    contacts = [
        Contact(
            new_contact_id("acme", one, one), "acme", phones=(Phone(one), Phone(two)), version=1, contact_id=one[-4:]
        )
        for one, two in pairwise(numbers)
    ]
    assert all(cluster_store.contacts.write([Rewrite(None, contact) for contact in contacts]))
    assert cluster_store.contact_listing.count("acme") == 299
    assert [one.numbers[0] for one in cluster_store.contact_listing.page("acme", NUMBER, limit=5).items] == sorted(
        numbers[:-1]
    )[:5]
    assert {len(found) for found in cluster_store.contacts.with_numbers("acme", numbers[1:-1]).values()} == {2}
    opt_out(cluster_store, numbers[7])
    joined = cluster_store.audiences.join_many("acme", "news", numbers, [ACME])
    assert (joined.count("joined"), joined[7]) == (299, "blocked")
    opt_out(cluster_store, numbers[8])
    blocked = [hit for hits in cluster_store.audience_members.blocked("acme", "news", [ACME]) for hit in hits]
    assert blocked == [(numbers[8], ACME)]
    left = cluster_store.audiences.leave_many(numbers[:20], "acme", ["news"], while_blocked_by=ACME)
    assert [count for count in left if count >= 0] == [0, 1]
    assert cluster_store.audience_members.sizes("acme", ["news"]) == {"news": 298}
    page = cluster_store.audience_members.page("acme", "news", limit=200)
    rest = cluster_store.audience_members.page("acme", "news", limit=200, after=page.next)
    assert sorted([*page.numbers, *rest.numbers]) == sorted(set(numbers) - set(numbers[7:9]))


def test_all_keys_of_a_shard_lie_in_one_slot_and_the_shards_are_spread(
    cluster: ClusterServers, cluster_store: Store
) -> None:
    import_rows(cluster_store, "b", [(person(index), 5) for index in range(300)])
    opt_out(cluster_store, person(3))
    slots: dict[bytes, set[int]] = {}
    sizes = []
    for server in cluster.primaries:
        names = list(server.client.scan_iter(count=1000))
        sizes.append(len(names))
        for name in names:
            shard = name.partition(b"}")[0]
            slots.setdefault(shard, set()).add(int(server.client.execute_command("CLUSTER", "KEYSLOT", name)))
    assert {len(found) for found in slots.values()} == {1}
    assert len({slot for found in slots.values() for slot in found}) > 90
    assert min(sizes) > sum(sizes) / 6


def test_a_primary_that_lacks_the_functions_gets_them(cluster: ClusterServers, cluster_store: Store) -> None:
    opt_out(cluster_store, person(1))
    for server in cluster.primaries:
        server.client.function_flush("SYNC")
    for index in range(30):
        opt_out(cluster_store, person(index))
    import_rows(cluster_store, "b", [(person(index), 5) for index in range(100, 200)])
    name = f"stopgate_{library_version()}"
    assert all(server.client.function_list(library=name) for server in cluster.primaries)
    assert drifts(cluster_store) == []


def test_durability_that_the_servers_cannot_give_is_refused(cluster: ClusterServers, own_store: Store) -> None:
    store = open_store(cluster.url, replicas=1)
    with pytest.raises(StoreMisconfigured, match="2 have to"):
        store.health.demand("replica:2")
    with pytest.raises(StoreMisconfigured, match="appendfsync is 'everysec'"):
        store.health.demand("aof")
    store.close()
    with pytest.raises(StoreMisconfigured, match="0 replicas follow"):
        own_store.health.demand("replica:1")


def test_a_write_that_too_few_replicas_have_is_not_acknowledged(own_valkey: object, own_store: Store) -> None:
    store = open_store(own_valkey.url, replicas=1)  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match="0 of the 1 replicas"):
        opt_out(store, person(1))
    store.close()


def test_a_cluster_needs_a_queue_elsewhere() -> None:
    environment = {"STOPGATE_STORE_URL": "redis+cluster://a:7000,b:7000", "STOPGATE_SECRET_KEY": "s" * 32}
    with pytest.raises(SettingsError) as refused:
        load_settings(environment)
    (problem,) = refused.value.problems
    assert problem == "STOPGATE_QUEUE_URL has to be set when the store is a cluster, on which job queues cannot run."
    settings = load_settings(
        {**environment, "STOPGATE_QUEUE_URL": "redis://q:6379", "STOPGATE_DURABILITY": "replica:2"}
    )
    assert (settings.queue_url, settings.replicas) == ("redis://q:6379", 2)


def test_a_killed_primary_of_a_cluster_loses_no_acknowledged_stop(tmp_path: Path) -> None:
    with ClusterServers(tmp_path, replicas=2, fsync="everysec") as servers:
        store = open_store(servers.url, replicas=1)
        stopped = [person(index) for index in range(200)]
        for number in stopped[:100]:
            opt_out(store, number)
        servers.primaries[0].kill()
        refused = sum(retried(lambda number=number: opt_out(store, number)) for number in stopped[100:])
        assert refused > 0
        retried(lambda: store.bulk.check(stopped, [ACME]))
        assert store.bulk.check(stopped, [ACME]) == [1] * 200
        assert all(is_blocked(store, number, channel) for number in stopped for channel in ALL_CHANNELS)
        assert drifts(store) == []
        store.close()


def test_sentinels_lead_to_the_replica_that_has_every_acknowledged_stop(tmp_path: Path) -> None:
    with SentinelServers(tmp_path) as servers:
        store = open_store(servers.url, replicas=1)
        store.health.demand("replica:1")
        stopped = [person(index) for index in range(100)]
        for number in stopped[:50]:
            opt_out(store, number)
        import_rows(store, "b", [(number, 5) for number in stopped])
        servers.primary.kill()
        with pytest.raises(StoreError):
            is_blocked(store, stopped[0])
        wait_until(lambda: roles([servers.replica]) == ["master"], "the replica is promoted")
        alone = open_store(servers.url)
        retried(lambda: alone.bulk.check(stopped, [ACME], Channel.TEXT))
        assert alone.bulk.check(stopped, [ACME]) == [1] * 100
        with pytest.raises(StoreError, match="replicas"):
            retried(lambda: opt_out(store, "+14155559907"), timeout=1)
        assert [len(alone.consent.history(number, [ACME])) for number in stopped[:3]] == [1, 1, 1]
        assert drifts(alone) == []
        alone.close()
        store.close()


def test_every_function_name_carries_the_version(own_store: Store) -> None:
    own_store.client.function_flush("SYNC")
    own_store.client.function_load(
        "#!lua name=stopgate_older\nredis.register_function('sg_change', function() return 1 end)"
    )
    opt_out(own_store, person(1))
    assert is_blocked(own_store, person(1))
    assert own_store.client.exists(keys.members(person(1)[-2:]))


def test_what_the_api_keeps_works_on_a_cluster(cluster_store: Store) -> None:
    """Counts of requests, answers by idempotency key, API keys, and the journals of all shards as one list."""
    assert [cluster_store.rates.take("key", 3, timedelta(minutes=1))[0] for _ in range(2)] == [3, 6]
    answers = cluster_store.idempotency
    assert answers.claim("acme", "a", "f") is None
    assert answers.claim("acme", "a", "f") == Answer("f")
    answers.keep("acme", "a", Answer("f", 202, "application/json", "", b"{}"))
    assert answers.claim("acme", "a", "f") == Answer("f", 202, "application/json", "", b"{}")
    answers.release("acme", "a")
    assert answers.claim("acme", "a", "g") is None
    key = cluster_store.api_keys.create("acme", "read", at(0), name="x")
    found = cluster_store.api_keys.find(key, at(1))
    assert found
    assert [known.id for known in cluster_store.api_keys.all("acme")] == [found.id]
    for index in range(30):
        opt_out(cluster_store, person(index))
    listed, after = [], ""
    while True:
        page = cluster_store.journal_listing.newest("acme", JournalFilter(), limit=7, after=after)
        listed += [entry.number for _, entry in page.items]
        after = page.next
        if not after:
            break
    assert sorted(listed) == sorted(person(index) for index in range(30))
