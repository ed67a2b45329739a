"""How much of an import is under way at a time, and that it makes way for whoever waits at the gate."""

import random
from collections import Counter

import pytest

from store import Store
from store.batches import Batch, Rows
from store.consent import Source
from store.import_parts import parts_of
from store.pace import ALONE, BESIDE_OTHERS, Load, Pace
from store.scopes import ALL_CHANNELS
from tests.store.samples import ACME, drifts, is_blocked, person


@pytest.mark.parametrize(
    ("said", "later", "load"),
    [
        pytest.param([(0, 7)], 0, ALONE, id="the first answer says nothing about now"),
        pytest.param([(0, 7), (0, 7)], 0, ALONE, id="nobody asked between two answers"),
        pytest.param([(0, 7), (0, 8)], 0, BESIDE_OTHERS, id="somebody asked"),
        pytest.param([(0, 7), (0, 8), (0, 8)], 1.9, BESIDE_OTHERS, id="somebody asked a moment ago"),
        pytest.param([(0, 7), (0, 8), (0, 8)], 2.1, ALONE, id="nobody has asked for a while"),
        pytest.param([(0, 7), (1, 3), (0, 7), (1, 3)], 0, ALONE, id="two servers, nobody asked"),
        pytest.param([(0, 7), (1, 3), (0, 7), (1, 4)], 0, BESIDE_OTHERS, id="somebody asked one of two servers"),
        pytest.param([(0, 7), (0, 0)], 0, BESIDE_OTHERS, id="the server has begun anew"),
    ],
)
def test_an_import_sends_little_while_others_ask(said: list[tuple[int, int]], later: float, load: Load) -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    for server, asked in said:
        pace.note(server, asked)
    now[0] = 100.0 + later
    assert pace.load is load


def test_the_server_says_that_somebody_asked(own_store: Store) -> None:
    rows = Rows([person(1)], [5000], [1])
    (part,) = parts_of(rows, ALL_CHANNELS, Source.IMPORT)

    def asked(block: str) -> int:
        call = own_store.batches._call(Batch("b", ACME), block, part, rows)
        ((_, times),) = own_store.functions.start([call]).answers()
        return int(times)

    before = asked("1")
    assert asked("2") == before
    own_store.consent.blocks(person(9), [ACME])
    assert asked("3") > before


def test_a_large_block_with_numbers_of_all_endings_and_twins_is_applied_whole(own_store: Store) -> None:
    chance = random.Random(3)
    numbers = [f"+1415{chance.randrange(10**7):07d}" for _ in range(7_000)]
    numbers += chance.sample(numbers, 300)
    rows = Rows(numbers, [5_000_000] * len(numbers), range(2, len(numbers) + 2))
    outcomes = own_store.batches.apply(Batch("b", ACME), "1", rows)
    first_seen = set[str]()
    for number, code in zip(numbers, outcomes, strict=True):
        assert (code == 1) is (number not in first_seen)
        first_seen.add(number)
    assert Counter(outcomes)[1] == len(first_seen)
    assert all(is_blocked(own_store, number) for number in chance.sample(numbers, 50))
    assert drifts(own_store) == []
