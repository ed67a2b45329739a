"""Lists in order, page by page, and the derived index of numbers."""

import time

from store import Store
from store.consent import Source
from store.listing import ListingStore, Page
from tests.store.samples import ACME, import_rows, lift, opt_out, person, undo


def walk(ask: object) -> list[str]:
    """All numbers of a list, from page to page."""
    found: list[str] = []
    after = ""
    while True:
        assert callable(ask)
        page: Page = ask(after)
        found += [item.number for item in page.items]
        after = page.next
        if not after:
            return found


def by_number(listing: ListingStore, limit: int = 7, prefix: str = "", *, descending: bool = False) -> list[str]:
    return walk(lambda after: listing.by_number(ACME, limit=limit, after=after, prefix=prefix, descending=descending))


def test_the_newest_come_first_and_each_number_once(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(60)])
    for index in (70, 3, 71):
        time.sleep(0.002)  # entries of one millisecond have no order between shards
        opt_out(own_store, person(index), Source.KEYWORD, 100 + index)
    lift(own_store, person(10), Source.ADMIN, 500)
    found = walk(lambda after: own_store.listing.newest(ACME, limit=7, after=after))
    assert found[:3] == [person(71), person(3), person(70)]
    assert sorted(found) == sorted(person(index) for index in [*range(60), 70, 71] if index != 10)


def test_pages_of_the_newest_do_not_move_while_others_come_in(own_store: Store) -> None:
    for index in range(20):
        opt_out(own_store, person(index), Source.KEYWORD, index)
        time.sleep(0.002)  # entries of one millisecond have no order between shards
    first = own_store.listing.newest(ACME, limit=5)
    opt_out(own_store, person(50), Source.KEYWORD, 50)
    second = own_store.listing.newest(ACME, limit=5, after=first.next)
    assert [item.number for item in (*first.items, *second.items)] == [person(index) for index in range(19, 9, -1)]


def test_numbers_come_in_order_from_page_to_page_both_ways(own_store: Store) -> None:
    numbers = [person(index) for index in range(150)] + ["+442071234567", "+6421234567", "+14155550001"]
    import_rows(own_store, "b", [(number, 5) for number in numbers])
    expected = sorted(numbers, key=int)
    assert by_number(own_store.listing) == expected
    assert by_number(own_store.listing, descending=True) == expected[::-1]
    assert by_number(own_store.listing, 1000) == expected


def test_numbers_are_found_by_how_they_begin(own_store: Store) -> None:
    numbers = [person(index) for index in range(100)] + ["+442071234567", "+4420712345"]
    import_rows(own_store, "b", [(number, 5) for number in numbers])
    for prefix in ("+1415", "+1416555", "+44", person(3), "+9"):
        expected = sorted((number for number in numbers if number.startswith(prefix)), key=int)
        assert by_number(own_store.listing, 7, prefix) == expected
        assert by_number(own_store.listing, 7, prefix, descending=True) == expected[::-1]


def test_the_index_follows_every_change_and_can_be_thrown_away(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(30)])
    assert len(by_number(own_store.listing)) == 30
    lift(own_store, person(1), Source.ADMIN, 100)
    opt_out(own_store, person(40))
    expected = sorted((person(index) for index in [0, *range(2, 30), 40]), key=int)
    assert by_number(own_store.listing) == expected
    own_store.listing.forget_index(ACME)
    assert by_number(own_store.listing) == expected
    undo(own_store, "b")
    assert by_number(own_store.listing) == [person(40)]


def test_the_gate_does_not_ask_the_index(own_store: Store) -> None:
    opt_out(own_store, person(1))
    assert by_number(own_store.listing) == [person(1)]
    for name in own_store.client.scan_iter(match="{numbers:*"):
        own_store.client.delete(name)
    assert own_store.consent.blocks(person(1), [ACME])
    assert own_store.bulk.check([person(1)], [ACME]) == [1]
