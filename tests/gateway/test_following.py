"""Every consent change is seen once more by whoever follows the journals: in order, after crashes too."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime

import pytest

from gateway.following import Following
from gateway.services import Services
from store.batches import Batch, Row
from store.consent import Source, milliseconds
from store.errors import StoreError
from store.journal import JournalEntry
from store.scopes import Scope
from tests.conftest import FakeClock
from tests.webhooks import PERSON


class Watcher:
    """Follows, and remembers; fails when told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.failing = False

    def follow(self, owner: str, entries: Sequence[JournalEntry]) -> None:
        if self.failing:
            raise StoreError("not now")
        self.seen += [(owner, entry.number, entry.outcome) for entry in entries]


def opt_out(services: Services, number: str, at: datetime | None = None) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, number, source=Source.ADMIN, actor="ann", occurred_at=at)


def lift(services: Services, number: str) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.lift(acme, number, source=Source.ADMIN, actor="ann", reason="mistake")


def test_changes_are_followed_in_order_and_once(services: Services, clock: FakeClock) -> None:
    watcher = Watcher()
    following = Following(services.store, [watcher])
    opt_out(services, PERSON)
    clock.sleep(1)
    lift(services, PERSON)
    (shard,) = services.store.following.shards_behind()
    assert shard == PERSON[-2:]
    following.follow(shard)
    following.follow(shard)
    assert watcher.seen == [("acme", PERSON, "opted_out"), ("acme", PERSON, "lifted")]
    assert services.store.following.shards_behind() == []


def test_what_a_follower_did_not_get_through_comes_again(services: Services) -> None:
    watcher = Watcher()
    following = Following(services.store, [watcher])
    opt_out(services, PERSON)
    watcher.failing = True
    with pytest.raises(StoreError):
        following.follow(PERSON[-2:])
    assert services.store.following.shards_behind() == [PERSON[-2:]]
    watcher.failing = False
    following.follow(PERSON[-2:])
    assert watcher.seen == [("acme", PERSON, "opted_out")]


def test_one_follows_a_shard_at_a_time(services: Services) -> None:
    watcher = Watcher()
    opt_out(services, PERSON)
    with services.store.following.following(PERSON[-2:]):
        assert Following(services.store, [watcher]).follow(PERSON[-2:]) == 0
    assert watcher.seen == []


def test_every_row_of_an_import_is_followed(services: Services, clock: FakeClock) -> None:
    watcher = Watcher()
    rows = [Row(f"+1415555{index:02d}07", milliseconds(clock.now()), index) for index in range(2, 40)]
    services.store.batches.apply(Batch("b1", Scope.of_account("acme")), "1", rows)
    Following(services.store, [watcher]).follow("07")
    assert sorted(watcher.seen) == [("acme", row.number, "opted_out") for row in rows]


def test_what_is_behind_is_followed_until_told_to_stop(services: Services) -> None:
    watcher, stopping = Watcher(), threading.Event()
    thread = threading.Thread(target=Following(services.store, [watcher]).run, args=(stopping,))
    thread.start()
    opt_out(services, PERSON)
    for _ in range(100):
        if watcher.seen:
            break
        time.sleep(0.05)
    stopping.set()
    thread.join(5)
    assert watcher.seen == [("acme", PERSON, "opted_out")]
    assert not thread.is_alive()
