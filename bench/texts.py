"""Pages of the incoming report, of conversations and of a home page over many texts: medians and the slowest command.

    python -m bench.texts [--texts 200000]

The texts are written as the product keeps them (record, thread, lists), by pipelines and not through webhooks.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.supervision.embedded import EmbeddedStore
from gateway.texts import TextQuery, Texts
from store import Store, keys, open_store
from store.enlisting import day_keys
from store.message_records import Message, fields_of, message_id

_BODIES = ("What time do you open?", "Thank you!", "HELP", "see you at five", "please take me off your list")
_PAGES = 40


def fill(store: Store, count: int, now: datetime) -> None:
    """Texts of a third as many people over thirty days, the last one now."""
    pipeline = store.client.pipeline(transaction=False)
    for index in range(count):
        number = f"+1{2_000_000_000 + index // 3 * 7919 % 7_999_999_999}"
        at = now - timedelta(days=30) * (count - index) / count
        text = Message(
            id=message_id(number, str(index)), account="acme", direction="in", sender="+12025550100", address=number,
            body=f"{_BODIES[index % len(_BODIES)]} {index}", kind="inbound", status="received", created_at=at,
            extra={"action": "none", "rule": "none", "explanation": "Nothing in it asks for anything.", "results": "[]"},
        )  # fmt: skip
        shard, milliseconds = number[-2:], round(at.timestamp() * 1000)
        fields = fields_of(text)
        pipeline.hset(keys.message(shard, text.id), mapping=dict(zip(fields[::2], fields[1::2], strict=True)))
        pipeline.xadd(keys.thread(shard, "acme", number), {"id": text.id, "direction": "in"})
        pipeline.zadd(keys.texts(shard, "acme", "in"), {text.id: milliseconds})
        pipeline.zadd(keys.conversations(shard, "acme"), {number: milliseconds})
        days, day = day_keys(shard, "acme", at)
        pipeline.hincrby(days, f"{day}:in", 1)
        if index % 2000 == 1999:
            pipeline.execute()
    pipeline.execute()


def timed(name: str, ask: Callable[[str], str], pages: int = _PAGES) -> None:
    """Walk some pages and print what one takes. ask: a cursor to the next one."""
    taken, cursor = [], ""
    for _ in range(pages):
        start = time.perf_counter()
        cursor = ask(cursor)
        taken.append((time.perf_counter() - start) * 1000)
    print(f"{name:44} {statistics.median(taken):8.1f} {max(taken):8.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedStore(Path(folder), "everysec") as server:
        store, now = open_store(server.url), datetime.now(UTC)
        fill(store, options.texts, now)
        store.client.config_set("slowlog-log-slower-than", 1000)
        store.client.slowlog_reset()
        texts = Texts(store)
        print(f"{options.texts:,} texts, 50 a page{'':22} {'median':>8} {'most ms':>8}")
        rows = {
            "newest": TextQuery(),
            "one number": TextQuery(number=f"+1{2_000_000_000}"),
            "a day in the middle": TextQuery(since=now - timedelta(days=15), until=now - timedelta(days=14)),
            "words that one text in five has": TextQuery(contains="take me off"),
            "words that none has (5,000 looked at)": TextQuery(contains="never"),
        }
        for name, query in rows.items():
            timed(name, lambda after, query=query: texts.page("acme", query, limit=50, after=after).next)  # type: ignore[misc]
        timed("conversations", lambda after: store.texts.conversations("acme", limit=50, after=after).next)
        today = now.date()
        timed("figures of 30 days", lambda _: str(store.days.between("acme", today - timedelta(days=29), today))[:0])
        slow = store.client.slowlog_get(100)
        most = max((entry["duration"] for entry in slow), default=0) / 1000
        print(f"commands over 1 ms: {len(slow)}, the slowest {most:.1f} ms")
        store.close()


if __name__ == "__main__":
    main()
