"""Lists in order, page by page, against a model that reads everything; and the derived index of numbers."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from gateway.supervision.embedded import EmbeddedStore
from store import Store, open_store
from store.consent import Source
from store.listed import Listed, Order, Wanted, in_order, items_of
from store.scopes import ALL_CHANNELS, Channel, Scope, ScopeKind
from tests.store.samples import ACME, at, import_rows, lift, milliseconds_at, opt_out, person, undo

SENDER = Scope.of_account_sender("acme", "55555")
NEWS = Scope.of_audience("acme", "news")
SCOPES = (ACME, ACME.entered_side, SENDER, SENDER.entered_side, NEWS.entered_side)
ORDERS = [
    Order(by_number=by_number, descending=descending) for by_number in (False, True) for descending in (True, False)
]
ALL = Wanted()


def walk(
    store: Store, wanted: Wanted = ALL, order: Order = ORDERS[0], limit: int = 7, seconds: float = 60.0
) -> list[Listed]:
    """All items of a list, from page to page."""
    found: list[Listed] = []
    after = ""
    while True:
        page = store.listing.page("acme", wanted, order, limit=limit, after=after, seconds=seconds)
        assert len(page.items) <= limit
        found += page.items
        after = page.next
        if not after:
            return found


def numbers(items: Sequence[Listed]) -> list[str]:
    return [item.number for item in items]


def model(store: Store, people: Sequence[str], wanted: Wanted, order: Order) -> list[Listed]:
    """The same list by reading everything there is."""
    items = [
        item
        for scope in SCOPES
        for number, value in zip(people, store.bulk.details(scope, people), strict=True)
        for item in items_of(number, scope, value)
    ]
    return in_order([item for item in items if wanted.takes(item)], order)


@pytest.fixture(scope="module")
def story(own_valkey: EmbeddedStore) -> Iterator[tuple[Store, Sequence[str]]]:
    """A store in which all kinds of things have happened to people of one account, and some to another's."""
    store = open_store(own_valkey.url)
    store.client.flushall()
    people = [*(person(index) for index in range(120)), "+442071234567", "+4420712345", "72976", "PARTNER"]
    import_rows(store, "b", [(number, 5 + index % 50) for index, number in enumerate(people[:80])])
    for index in range(0, 124, 3):
        scope = SCOPES[index % len(SCOPES)]
        source = list(Source)[index % 6] if not scope.entered else (Source.ADMIN, Source.API)[index % 2]
        opt_out(store, people[index], source, 10 + index, scope=scope, channels=ALL_CHANNELS[: 1 + index % 2])
    for index in range(0, 60, 4):
        opt_out(store, people[index], Source.KEYWORD, 200 + index, channels=ALL_CHANNELS[index % 3 % 2 :])
        opt_out(store, people[index], Source.API, 201 + index, scope=ACME.entered_side)
    for index in range(0, 60, 5):
        lift(store, people[index], Source.KEYWORD, 300 + index)
    for index in range(100):
        opt_out(store, person(index), scope=Scope.of_account("globex"))
    yield store, people
    store.close()


_optional = some.none
wishes = some.builds(
    Wanted,
    number=some.sampled_from(["", "", "", "", person(3), "72976"]),
    prefix=some.sampled_from(["", "", "+1415", "+1416555", "+44", "+9", person(6)]),
    kind=_optional() | some.sampled_from(list(ScopeKind)),
    sender=_optional() | some.sampled_from(["55555", "other"]),
    audience=_optional() | some.just("news"),
    channel=_optional() | some.sampled_from(list(Channel)),
    sources=_optional() | some.frozensets(some.sampled_from(list(Source))),
    since_from=_optional() | some.integers(0, 400).map(milliseconds_at),
    since_until=_optional() | some.integers(0, 400).map(milliseconds_at),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=wishes, order=some.sampled_from(ORDERS), limit=some.integers(1, 40), few=some.booleans())
def test_every_filter_in_every_order_finds_what_reading_everything_finds(
    story: tuple[Store, Sequence[str]],
    wanted: Wanted,
    order: Order,
    limit: int,
    few: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, people = story
    if wanted.number:
        wanted = replace(wanted, prefix="")
    # With nothing counted as few, what an index would have gathered is found by walking.
    monkeypatch.setattr("store.listing._FEW", 2000 if few else -1)
    assert walk(store, wanted, order, limit) == model(store, people, wanted, order)


@pytest.mark.parametrize("order", ORDERS)
def test_a_page_that_runs_out_of_time_goes_on_where_it_stopped(
    story: tuple[Store, Sequence[str]], order: Order
) -> None:
    store, people = story
    wanted = Wanted(sources=frozenset({Source.CARRIER}))
    walk(store, wanted, order)  # without time nobody brings the index up to date
    assert walk(store, wanted, order, seconds=-1.0) == model(store, people, wanted, order)


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_recorded_in_a_time_is_found_by_the_journals_own_times(
    story: tuple[Store, Sequence[str]], order: Order
) -> None:
    store, people = story
    times = sorted(item.recorded_at for item in model(store, people, ALL, order))
    for begin, end in ((times[5], times[-5]), (times[-3], None), (None, times[3])):
        wanted = Wanted(added_from=begin, added_until=end)
        assert walk(store, wanted, order) == model(store, people, wanted, order)


def test_an_export_has_the_whole_list_in_its_order(story: tuple[Store, Sequence[str]]) -> None:
    store, people = story
    for order in ORDERS:
        assert list(store.listing.items("acme", ALL, order)) == model(store, people, ALL, order)


def test_counts_are_those_of_the_list(story: tuple[Store, Sequence[str]]) -> None:
    store, people = story
    for wanted in (ALL, Wanted(sender="55555"), Wanted(kind=ScopeKind.ACCOUNT), Wanted(channel=Channel.VOICE)):
        items = model(store, people, wanted, ORDERS[0])
        expected = {
            channel: sum(channel in item.channels for item in items)
            for channel in ALL_CHANNELS
            if wanted.channel in {None, channel}
        }
        assert store.listing.counts("acme", wanted) == expected


def test_g8_another_accounts_list_is_its_own(story: tuple[Store, Sequence[str]]) -> None:
    store, _ = story
    assert {item.scope.account for item in walk(store)} == {"acme"}
    page = store.listing.page("stranger", ALL, ORDERS[0], limit=10)
    assert (page.items, page.next) == ([], "")


def test_the_newest_come_first_and_what_is_said_again_moves_up(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(60)])
    for index in (70, 3, 71):
        time.sleep(0.002)  # entries of one millisecond have no order between shards
        opt_out(own_store, person(index), Source.KEYWORD, 100 + index)
    lift(own_store, person(10), Source.ADMIN, 500)
    found = numbers(walk(own_store))
    assert found[:3] == [person(71), person(3), person(70)]
    assert sorted(found) == sorted(person(index) for index in [*range(60), 70, 71] if index != 10)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_do_not_move_while_others_come_and_go(own_store: Store, order: Order) -> None:
    people = [person(index) for index in range(40)]
    for index in range(0, 40, 2):
        opt_out(own_store, people[index], Source.KEYWORD, index)
        time.sleep(0.002)
    expected = numbers(walk(own_store, order=order))
    found: list[str] = []
    after, turn = "", 1
    while True:
        page = own_store.listing.page("acme", ALL, order, limit=3, after=after)
        found += numbers(page.items)
        after = page.next
        if not after:
            break
        if turn < 40:
            opt_out(own_store, people[turn], Source.KEYWORD, 100 + turn)
            opt_out(own_store, people[turn], Source.KEYWORD, 100 + turn, scope=Scope.of_account("globex"))
            turn += 2
    assert [number for number in found if number in set(expected)] == expected
    assert len(found) == len(set(found))


def test_the_index_follows_every_change_and_can_be_thrown_away(own_store: Store) -> None:
    by_number = Order(by_number=True, descending=False)

    def listed() -> list[str]:
        return numbers(walk(own_store, order=by_number))

    import_rows(own_store, "b", [(person(index), 5) for index in range(30)])
    assert len(listed()) == 30
    lift(own_store, person(1), Source.ADMIN, 100)
    opt_out(own_store, person(40))
    expected = sorted((person(index) for index in [0, *range(2, 30), 40]), key=int)
    assert listed() == expected
    assert [number for part in own_store.listing.index.numbers("acme") for number in part] == expected
    own_store.listing.index.forget("acme")
    assert list(own_store.client.scan_iter(match="{numbers:*")) == []
    assert listed() == expected
    undo(own_store, "b")
    assert listed() == [person(40)]
    assert [number for part in own_store.listing.index.numbers("acme") for number in part] == [person(40)]


def test_a_slow_refresher_does_not_take_out_what_a_faster_one_has_put_in(own_store: Store) -> None:
    index = own_store.listing.index
    opt_out(own_store, person(1))
    index.refresh("acme")
    lift(own_store, person(1), seconds=10)
    slow = index._read("acme", [person(1)[-2:]], 50)
    index._take_back("acme", slow)
    opt_out(own_store, person(1), seconds=20)
    index.refresh("acme")
    index._put("acme", slow)
    assert numbers(walk(own_store, order=Order(by_number=True))) == [person(1)]


def test_the_gate_does_not_ask_the_index(own_store: Store) -> None:
    opt_out(own_store, person(1))
    assert numbers(walk(own_store, order=Order(by_number=True))) == [person(1)]
    for name in own_store.client.scan_iter(match="{numbers:*"):
        own_store.client.delete(name)
    assert own_store.consent.blocks(person(1), [ACME])
    assert own_store.bulk.check([person(1)], [ACME]) == [1]


def test_an_item_knows_the_entry_that_made_it_however_often_it_was_said_again(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(20)])
    for seconds in (10, 20, 30):
        opt_out(own_store, person(30), Source.API, seconds)
    lift(own_store, person(30), Source.IMPORT, 40)
    items = walk(own_store)
    origins = dict(zip(numbers(items), own_store.listing.origins(items), strict=True))
    told, imported = origins[person(30)], origins[person(4)]
    assert told is not None
    assert imported is not None
    assert (told.outcome, told.occurred_at, told.detail["text"]) == ("opted_out", at(10), "STOP")
    assert (imported.detail["batch"], imported.detail["row"]) == ("b", 6)


def test_places_are_read_back_and_nothing_else_is_a_place(own_store: Store) -> None:
    for cursor in ("nonsense", "[]", "[1,2]", '{"a":1}', '["1",2,3,"","",""]'):
        with pytest.raises(ValueError, match=r"place|Expecting"):
            own_store.listing.page("acme", ALL, ORDERS[0], limit=1, after=cursor)
