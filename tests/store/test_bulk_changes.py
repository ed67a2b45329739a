"""Imports by the block and their undo, on a real server."""

import random

import pytest

from store import Store
from store.batches import ROWS_PER_CALL, Batch
from store.consent import Change, Source
from store.scopes import ALL_CHANNELS, Channel, Scope
from tests.store.samples import ACME, at, drifts, import_rows, is_blocked, lift, opt_out, person, undo


def test_a_number_that_nobody_knew_is_opted_out_on_both_channels(own_store: Store) -> None:
    assert import_rows(own_store, "b", [(person(1), 5)]) == ["opted_out"]
    blocks = [own_store.consent.blocks(person(1), [ACME], channel) for channel in ALL_CHANNELS]
    assert [(block.source, block.since) for (block,) in blocks] == [(Source.IMPORT, at(5))] * 2


@pytest.mark.parametrize(
    ("before", "row_at", "outcome", "blocked"),
    [
        pytest.param([], 50, "opted_out", True, id="never seen"),
        pytest.param([("stop", Source.KEYWORD, 10)], 50, "stronger_kept", True, id="a person's own STOP stays"),
        pytest.param([("stop", Source.CARRIER, 10)], 50, "stronger_kept", True, id="the carrier's block stays"),
        pytest.param([("stop", Source.ADMIN, 10)], 50, "stronger_kept", True, id="a colleague's entry stays"),
        pytest.param([("stop", Source.IMPORT, 10)], 5, "already", True, id="out already, earlier row"),
        pytest.param([("stop", Source.IMPORT, 10)], 50, "refreshed", True, id="out already, later row"),
        pytest.param([("stop", Source.KEYWORD, 10), ("start", Source.KEYWORD, 60)], 50, "stale", False,
                     id="came back after the row"),
        pytest.param([("stop", Source.KEYWORD, 10), ("start", Source.KEYWORD, 60)], 60, "opted_out", True,
                     id="on a tie the opt-out wins"),
        pytest.param([("stop", Source.KEYWORD, 10), ("start", Source.KEYWORD, 20)], 50, "opted_out", True,
                     id="out again after coming back"),
        pytest.param([("start", Source.KEYWORD, 60)], 50, "stale", False, id="a START that came before any STOP"),
    ],
)  # fmt: skip
def test_what_comes_of_a_row_depends_on_what_is_known(
    own_store: Store, before: list[tuple[str, Source, int]], row_at: int, outcome: str, blocked: bool
) -> None:
    for kind, source, seconds in before:
        (opt_out if kind == "stop" else lift)(own_store, person(1), source, seconds)
    assert import_rows(own_store, "b", [(person(1), row_at)]) == [outcome]
    assert is_blocked(own_store, person(1)) is blocked
    assert drifts(own_store) == []


def test_an_imported_row_never_changes_what_a_person_said_on_one_channel(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.KEYWORD, 10, channels=[Channel.TEXT])
    assert import_rows(own_store, "b", [(person(1), 50)]) == ["opted_out"]
    sources = [own_store.consent.blocks(person(1), [ACME], channel)[0].source for channel in ALL_CHANNELS]
    assert sources == [Source.KEYWORD, Source.IMPORT]
    assert undo(own_store, "b") == (1, 0)
    assert [is_blocked(own_store, person(1), channel) for channel in ALL_CHANNELS] == [True, False]
    assert drifts(own_store) == []


def test_a_number_that_stands_twice_in_a_file_is_a_duplicate_near_and_far(own_store: Store) -> None:
    near = import_rows(own_store, "b", [(person(1), 5), (person(2), 5), (person(1), 7)])
    far = import_rows(own_store, "b", [(person(2), 9), (person(3), 5)], block="2", first_row=5)
    assert near == ["opted_out", "opted_out", "duplicate"]
    assert far == ["duplicate", "opted_out"]
    assert drifts(own_store) == []


def test_a_file_with_nothing_but_one_number_is_imported(own_store: Store) -> None:
    """More rows of one person than the server takes in one call."""
    outcomes = import_rows(own_store, "b", [(person(1), 5)] * 9000)
    assert outcomes == ["opted_out", *["duplicate"] * 8999]
    assert drifts(own_store) == []


def test_a_second_row_that_is_newer_than_a_start_still_opts_out(own_store: Store) -> None:
    """Dropping it as a duplicate of a row that changed nothing would be a missed STOP."""
    lift(own_store, person(1), Source.KEYWORD, 20)
    assert import_rows(own_store, "b", [(person(1), 10), (person(1), 30)]) == ["stale", "opted_out"]
    assert is_blocked(own_store, person(1))


def test_applying_the_newest_block_again_answers_the_same_and_changes_nothing(own_store: Store) -> None:
    rows = [(person(index % 300), index) for index in range(400)]
    first = import_rows(own_store, "b", rows)
    entries = own_store.client.xlen("{50}:journal:acme")
    assert import_rows(own_store, "b", rows) == first
    assert own_store.client.xlen("{50}:journal:acme") == entries
    assert first.count("opted_out") == 300
    assert drifts(own_store) == []


def test_one_shard_may_need_several_calls(own_store: Store) -> None:
    numbers = [f"+1415{index:05d}07" for index in range(2 * ROWS_PER_CALL + 5)]
    outcomes = import_rows(own_store, "b", [(number, 5) for number in numbers])
    assert outcomes == ["opted_out"] * len(numbers)
    assert own_store.client.xlen("{07}:journal:acme") == 3
    assert own_store.bulk.check(numbers, [ACME]) == [1] * len(numbers)


def test_the_journal_names_the_batch_and_the_row_of_every_number(own_store: Store) -> None:
    import_rows(own_store, "march", [(person(index), index) for index in range(50)])
    (entry,) = own_store.consent.history(person(7), [ACME])
    assert (entry.kind, entry.outcome, entry.source) == ("opt_out", "opted_out", "import")
    assert (entry.occurred_at, entry.channels) == (at(7), ("text", "voice"))
    assert entry.detail == {"batch": "march", "row": 9}


def test_history_goes_through_imports_to_what_was_before_and_after(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.KEYWORD, 10)
    lift(own_store, person(1), Source.KEYWORD, 20)
    import_rows(own_store, "b", [(person(1), 30), (person(2), 30)])
    undo(own_store, "b", 40)
    opt_out(own_store, person(1), Source.KEYWORD, 50)
    outcomes = [entry.outcome for entry in own_store.consent.history(person(1), [ACME])]
    assert outcomes == ["opted_out", "lifted", "opted_out", "undone", "opted_out"]
    assert [entry.outcome for entry in own_store.consent.history(person(2), [ACME])] == ["opted_out", "undone"]


def test_undo_lifts_what_the_batch_did_and_nothing_that_changed_since(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.ADMIN, 1)
    import_rows(own_store, "b", [(person(index), 5) for index in range(1, 6)])
    opt_out(own_store, person(2), Source.KEYWORD, 6)
    lift(own_store, person(3), Source.ADMIN, 7)
    opt_out(own_store, person(3), Source.ADMIN, 8)
    assert undo(own_store, "b") == (2, 2)
    assert [is_blocked(own_store, person(index)) for index in range(1, 6)] == [True, True, True, False, False]
    assert drifts(own_store) == []


def test_undoing_twice_counts_the_same_and_writes_once(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(40)])
    assert undo(own_store, "b") == (40, 0)
    before = own_store.client.dbsize(), own_store.consent.history(person(3), [ACME])
    assert undo(own_store, "b") == (40, 0)
    assert (own_store.client.dbsize(), own_store.consent.history(person(3), [ACME])) == before


def test_after_an_undo_the_corrected_file_is_not_too_old(own_store: Store) -> None:
    """An undo puts things back to before; it is no START, and later rows with old dates have to count."""
    import_rows(own_store, "wrong", [(person(1), 5)])
    undo(own_store, "wrong", 1000)
    assert import_rows(own_store, "right", [(person(1), 5)]) == ["opted_out"]
    assert is_blocked(own_store, person(1))
    assert drifts(own_store) == []


def test_undo_brings_back_the_time_at_which_a_person_came_back(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.KEYWORD, 10)
    lift(own_store, person(1), Source.KEYWORD, 20)
    import_rows(own_store, "b", [(person(1), 30)])
    assert undo(own_store, "b") == (1, 0)
    assert import_rows(own_store, "late", [(person(1), 15)]) == ["stale"]
    assert drifts(own_store) == []


def test_a_number_that_its_batch_named_twice_is_undone(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(1), 5)])
    import_rows(own_store, "b", [(person(1), 9)], block="2")
    assert undo(own_store, "b") == (1, 0)
    assert not is_blocked(own_store, person(1))


def test_two_rows_of_one_call_that_each_block_a_channel_are_both_undone(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.KEYWORD, 1, channels=[Channel.TEXT])
    lift(own_store, person(1), Source.KEYWORD, 20)
    change = Change("lift", ACME, "acme", Source.KEYWORD, (Channel.TEXT,))
    own_store.consent.apply(person(1), [change], occurred_at=at(40), detail={})
    assert import_rows(own_store, "b", [(person(1), 30), (person(1), 50)]) == ["opted_out", "opted_out"]
    undo(own_store, "b")
    assert [is_blocked(own_store, person(1), channel) for channel in ALL_CHANNELS] == [False, False]
    assert drifts(own_store) == []


def test_a_dry_run_says_what_would_come_and_changes_nothing(own_store: Store) -> None:
    opt_out(own_store, person(1), Source.KEYWORD, 10)
    rows = [(person(1), 50), (person(2), 50), (person(2), 51)]
    assert import_rows(own_store, Batch("dry", ACME, dry_run=True), rows) == ["stronger_kept", "opted_out", "duplicate"]
    assert not is_blocked(own_store, person(2))
    assert import_rows(own_store, "real", rows) == ["stronger_kept", "opted_out", "duplicate"]


def test_a_dry_run_and_the_import_agree_on_a_number_that_comes_for_one_channel_and_then_for_both(
    own_store: Store,
) -> None:
    """In whatever order, in one block or several, whatever was known before."""
    opt_out(own_store, person(2), Source.ADMIN, 1, channels=[Channel.TEXT])
    lift(own_store, person(3), Source.KEYWORD, 20)
    rows = [(person(index), 30) for index in range(6)]
    told: list[list[list[str]]] = []
    for dry_run in (True, False):
        runs = [
            ((Channel.TEXT,), rows[:4]),
            (ALL_CHANNELS, rows),
            ((Channel.VOICE,), rows),
            (ALL_CHANNELS, rows[:2] * 2),
        ]
        told.append([
            import_rows(own_store, Batch("dry" if dry_run else "real", ACME, channels, dry_run=dry_run, undated=30_000), some, str(block))
            for block, (channels, some) in enumerate(runs)
        ])  # fmt: skip
    assert told[0] == told[1]
    assert told[0][:2] == [["opted_out", "opted_out", "stronger_kept", "opted_out"], ["opted_out"] * 6]
    assert drifts(own_store) == []


def test_a_finished_import_leaves_nothing_that_only_it_needed(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(300)])
    import_rows(own_store, Batch("dry", ACME, dry_run=True), [(person(index), 5) for index in range(300, 320)])
    for batch in ("b", "dry"):
        own_store.batches.finish(batch)
    assert [name for name in own_store.client.scan_iter(count=10_000) if b"importing" in name] == []
    assert undo(own_store, "b") == (300, 0)


def test_checking_a_list_agrees_with_asking_the_gate_one_by_one(own_store: Store) -> None:
    narrow = Scope.of_account_sender("acme", "+15005550006")
    # Numbers of every length, and addresses that only look like numbers.
    abroad = ["+1234567", "+4479460000", "+44794600005", "+441632960001", "+4915123456789", "+491512345678901"]
    odd = [
        "72975",
        "5555",
        "Stopgate",
        "+01234567890",
        "+1415555010x",
        "+1415+550100",
        "+12345678901234567",
        "\uff0b14155550100",
    ]
    numbers = [*(person(index) for index in range(200)), *odd, *abroad, person(3)]
    rng = random.Random(7)
    for scope in (Scope.everything(), ACME, narrow):
        for number in [*rng.sample(numbers[:200], 40), *rng.sample(odd + abroad, 8), "72975"]:
            opt_out(own_store, number, scope=scope, channels=[rng.choice(ALL_CHANNELS)])
    scopes = [Scope.everything(), Scope.of_sender("+15005550006"), ACME, narrow]
    for channel in ALL_CHANNELS:
        one_by_one = [own_store.consent.blocks(number, scopes, channel) for number in numbers]
        positions = [scopes.index(blocks[0].scope) + 1 if blocks else 0 for blocks in one_by_one]
        assert own_store.bulk.check(numbers, scopes, channel) == positions
        assert [tuple(blocks) for blocks in own_store.consent.check(numbers, scopes, channel)] == one_by_one
        assert sum(map(bool, positions)) > 40


def test_blocks_of_a_list_are_answered_in_their_order(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), 5) for index in range(0, 100, 2)])
    blocks = [[person(index) for index in range(start, start + 10)] for start in range(0, 100, 10)]
    assert list(own_store.bulk.check_blocks(blocks, [ACME])) == [[1, 0] * 5] * 10


def test_everything_that_blocks_is_exported_once(own_store: Store) -> None:
    import_rows(own_store, "b", [(person(index), index) for index in range(100)])
    opt_out(own_store, "72975", channels=[Channel.TEXT])
    lift(own_store, person(5), Source.ADMIN, 500)
    exported = list(own_store.bulk.all_blocked(lambda scope: scope == ACME))
    expected = {(person(index), channel) for index in range(100) if index != 5 for channel in ALL_CHANNELS}
    assert {(row.number, row.channel) for row in exported} == expected | {("72975", Channel.TEXT)}
    assert len(exported) == 199
    assert {row.record.since for row in exported if row.record and row.number == person(9)} == {
        at(9).timestamp() * 1000
    }
