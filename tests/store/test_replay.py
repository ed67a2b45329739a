"""The journal explains every state: whatever is done in whatever order, replaying it gives what is there."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from gateway.supervision.embedded import EmbeddedStore
from store import Store, keys, open_store
from store.addresses import place_of
from store.consent import MAY_LIFT, Change, Source, owner_of
from store.details import Record, pack, unpack
from store.journal import pack_row, unpack_rows
from store.scopes import ALL_CHANNELS, Channel, Scope
from tests.store.samples import ACME, at, drifts, import_rows, lift, opt_out, person, undo

_SCOPES = [ACME, Scope.of_account_sender("acme", "+15005550006"), Scope.of_sender("72975"), Scope.everything()]
_NUMBERS = ["+14155550107", "+14155560107", "+442071234507", "+14155550199", "72975"]
_channels = some.sampled_from([(Channel.TEXT,), (Channel.VOICE,), ALL_CHANNELS])
_change = some.builds(
    lambda kind, scope, source, channels: Change(kind, scope, owner_of(scope), source, channels),
    some.sampled_from(["opt_out", "lift"]),
    some.sampled_from(_SCOPES),
    some.sampled_from(list(Source)),
    _channels,
)
_event = some.tuples(
    some.just("event"), some.sampled_from(_NUMBERS), some.lists(_change, min_size=1, max_size=3), some.integers(0, 40)
)
_import = some.tuples(
    some.just("import"),
    some.sampled_from(["a", "b"]),
    some.lists(some.tuples(some.sampled_from(_NUMBERS[:4]), some.integers(0, 40)), min_size=1, max_size=6),
)
_undo = some.tuples(some.just("undo"), some.sampled_from(["a", "b"]))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(some.one_of(_event, _import, _undo), max_size=14))
def test_replaying_the_journal_gives_the_state(own_valkey: EmbeddedStore, story: list[tuple[object, ...]]) -> None:
    store = open_store(own_valkey.url)
    store.client.flushall()
    for number, step in enumerate(story):
        match step:
            case ("event", str(address), list(changes), int(seconds)):
                apart = {change.scope: change for change in changes}
                store.consent.apply(address, list(apart.values()), occurred_at=at(seconds), detail={})
            case ("import", str(batch), list(rows)):
                import_rows(store, batch, rows, block=str(number))
            case ("undo", str(batch)):
                undo(store, batch, 100)
    shards = {place_of(number).shard for number in _NUMBERS}
    reports = list(store.verification().run(sorted(shards)))
    store.close()
    assert [drift for report in reports for drift in report.drifts] == []


@settings(max_examples=300)
@given(
    some.dictionaries(
        _channels.map(lambda channels: channels[0]),
        some.builds(
            Record,
            some.booleans(),
            some.sampled_from([int(source) for source in Source]),
            some.one_of(some.integers(0, 2**40), some.integers(0, 2**31).map(lambda seconds: seconds * 1000)),
            some.integers(0, 2**40),
            some.builds(lambda ms, seq: f"{ms}-{seq}", some.integers(1, 2**44), some.sampled_from([0, 0, 1, 65535])),
        ),
    )
)
def test_details_survive_packing(records: dict[Channel, Record]) -> None:
    assert unpack(pack(records)) == records


def test_what_an_import_writes_takes_ten_bytes_a_number(own_store: Store) -> None:
    import_rows(own_store, "b", [("+14155550107", 5)])
    (value,) = own_store.bulk.details(ACME, ["+14155550107"])
    assert value is not None
    assert len(value) == 10
    assert pack(unpack(value)) == value


def test_packed_rows_hold_any_number(own_store: Store) -> None:
    numbers = ["+1234567", "+999999999999907", "+14155550107"]
    assert [row.number for number in numbers for row in unpack_rows(pack_row(number, 7, 9, 1), number[-2:])] == numbers


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        pytest.param("hdel", "+14155550107", id="details lost"),
        pytest.param("srem", "+14155550107 (gate)", id="gate member lost"),
        pytest.param("sadd", "+14165550107 (gate)", id="gate member that nobody put there"),
        pytest.param("hset", "+14155550107", id="details changed"),
        pytest.param("key", "{07}:details:a/ghost:00107", id="a key that no journal explains"),
        pytest.param("count", "count of text", id="members miscounted"),
        pytest.param("journal", "{07}:details:a/acme:50107", id="journal entry lost"),
    ],
)
def test_verify_finds_what_the_journal_does_not_say(own_store: Store, spoil: str, where: str) -> None:
    import_rows(own_store, "b", [("+14155550107", 5), ("+14155550207", 5)])
    opt_out(own_store, "+14155550307")
    client, place = own_store.client, place_of("+14155550107")
    details, gate = keys.details(place, ACME), keys.gate(place, ACME, Channel.TEXT)
    {
        "hdel": lambda: client.hdel(details, place.details_field),
        "srem": lambda: client.srem(gate, place.gate_member),
        "sadd": lambda: client.sadd(gate, "1416555"),
        "hset": lambda: client.hset(details, place.details_field, pack({Channel.TEXT: Record(True, 1, 1, 1, "1-1")})),
        "key": lambda: client.hset("{07}:details:a/ghost:00107", "1", "x"),
        "count": lambda: client.hincrby(keys.members("07"), "text:a/acme", 1),
        "journal": lambda: client.xtrim("{07}:journal:acme", maxlen=1, approximate=False),
    }[spoil]()
    assert where in {drift.where for drift in drifts(own_store)}


def test_verify_is_clean_while_changes_go_on(own_store: Store) -> None:
    for index in range(300):
        opt_out(own_store, f"+1415{index:05d}07", Source.KEYWORD, index)
    found = []
    for index, report in enumerate(own_store.verification().run()):
        found += report.drifts
        import_rows(own_store, f"during{index}", [(person(number), 5) for number in range(index, index + 20)])
        lift(own_store, person(index), Source.KEYWORD, 1000)
    assert found == []


def test_a_start_is_explained_in_every_scope_that_remembers_it(own_store: Store) -> None:
    """START names several scopes; one entry of each journal tells of all that now remember the time."""
    scopes = [ACME, Scope.of_account_sender("acme", "+15005550006"), Scope.of_sender("+15005550006")]
    opt_out(own_store, person(1), Source.KEYWORD, 1)
    changes = [Change("lift", scope, owner_of(scope), Source.KEYWORD) for scope in scopes]
    own_store.consent.apply(person(1), changes, occurred_at=at(5), detail={})
    assert drifts(own_store) == []
    assert [entry.outcome for entry in own_store.consent.history(person(1), scopes[:2])] == ["opted_out", "lifted"]
    assert [entry.outcome for entry in own_store.consent.history(person(1), scopes[2:])] == ["not_opted_out"]


def test_nobody_but_the_person_lifts_what_the_person_said() -> None:
    for source, sources in MAY_LIFT.items():
        assert (Source.KEYWORD in sources) == (source in {Source.KEYWORD, Source.CONFIRMED})
