"""Memory per opted-out number, beside a Postgres table with a unique index."""

from collections.abc import Iterable, Sequence

from bench.postgres import Postgres
from bench.store.numbers import clustered_numbers, in_shards, random_numbers
from bench.store.parts import load, members, note, running_store, table
from store import Store, keys
from store.scopes import Channel

HEADER = ("numbers", "kind", "gate + details B", "with journal B", "resident B (all)", "disk (AOF) B", "keys per 1000")


def measure(name: str, numbers: Iterable[str], *, scale: int = 1) -> Sequence[object]:
    """Load numbers into an empty store and say what each takes. scale: what part of a larger store this stands for."""
    with running_store("everysec") as (server, store):
        info = store.client.info("memory")
        empty, resident = info["used_memory"], info["used_memory_rss"]
        load(store, numbers)
        count = members(store)
        store.client.bgrewriteaof()
        _wait_for_rewrite(store)
        info = store.client.info("memory")
        whole, resident = info["used_memory"] - empty, info["used_memory_rss"] - resident
        disk = sum(path.stat().st_size for path in server.data.glob("valkey/appendonlydir/*"))
        key_count = store.client.dbsize()
        _forget_journals(store)
        state = store.client.info("memory")["used_memory"] - empty
    figures = [f"{value / count:.1f}" for value in (state, whole, resident, disk)]
    return (f"{count * scale:,}", name, *figures, f"{1000 * key_count / count:.1f}")


def _wait_for_rewrite(store: Store) -> None:
    import time

    while store.client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.2)


def _forget_journals(store: Store) -> None:
    for shard in keys.SHARDS:
        store.client.unlink(keys.journal(shard, "acme"), keys.batch(shard, "load"))
    store.client.config_set("lazyfree-lazy-user-del", "no")
    while store.client.info("memory")["lazyfree_pending_objects"]:
        pass


def _postgres(count: int) -> Sequence[object]:
    with Postgres() as postgres:
        postgres.run_with_rows(
            "CREATE TABLE opt_outs (number bigint NOT NULL, since timestamptz NOT NULL DEFAULT now(),"
            " source smallint NOT NULL DEFAULT 7, channels smallint NOT NULL DEFAULT 3);",
            "COPY opt_outs (number) FROM stdin;",
            (number[1:] for number in set(random_numbers(count))),
            "CREATE UNIQUE INDEX ON opt_outs (number); VACUUM ANALYZE opt_outs;",
        )
        table_size, whole = (
            postgres.run("SELECT pg_table_size('opt_outs'), pg_total_relation_size('opt_outs');").strip().split("|")
        )
    per_number = f"{int(table_size) / count:.1f} + {(int(whole) - int(table_size)) / count:.1f} index"
    return (f"{count:,}", "Postgres 15, no history (disk)", per_number, "-", "-", f"{int(whole) / count:.1f}", "-")


def run(numbers: int, *, simulate: bool) -> None:
    """Print the table; with `simulate` also what larger stores take, measured on a hundredth of their shards."""
    rows = []
    note(f"{numbers:,} random numbers")
    rows.append(measure("random", random_numbers(numbers)))
    note(f"{numbers:,} clustered numbers")
    rows.append(measure("clustered", clustered_numbers(numbers)))
    if simulate:
        for size in (1_000_000, 10_000_000, 100_000_000, 1_000_000_000):
            note(f"{size:,} random numbers, as one of a hundred shards")
            in_one = in_shards(random_numbers(size // 100), 1)
            rows.append(measure("random, one shard of 100", in_one, scale=100))
    note(f"{numbers:,} numbers in Postgres")
    rows.append(_postgres(numbers))
    table(f"Memory per opted-out number (both channels blocked: {', '.join(Channel)})", HEADER, rows)
