"""Erasing in the store: whatever was done before, the journal explains the state and the same is blocked (GD-4)."""

import hmac
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from gateway.supervision.embedded import EmbeddedStore
from store import Store, open_store
from store.addresses import is_pseudonym, place_of, shard_of
from store.consent import owner_of
from store.pseudonyms import Pseudonyms
from store.scopes import ALL_CHANNELS, Scope
from tests.store.samples import at, import_rows, undo
from tests.store.test_replay import _NUMBERS, _SCOPES, _event, _import, _undo

KEY = b"k" * 32
_erase = some.tuples(some.just("erase"), some.sampled_from(_NUMBERS))


def blocked(store: Store, number: str) -> set[tuple[str, str, str, str]]:
    return {
        (block.scope.key, block.channel.value, str(block.source), str(block.since))
        for channel in ALL_CHANNELS
        for block in store.consent.blocks(number, _SCOPES, channel)
    }


def erase(store: Store, number: str) -> None:
    for owner in {owner_of(scope) for scope in _SCOPES}:
        store.erasure.erase_journal(number, owner, now=at(200), detail={"actor": "test"})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(some.one_of(_event, _import, _undo, _erase), max_size=14))
def test_gd_4_erasing_changes_nothing_of_what_is_blocked_and_the_journal_explains_it(
    own_valkey: EmbeddedStore, story: list[tuple[object, ...]]
) -> None:
    store = open_store(own_valkey.url, erasure_keys=[KEY])
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
            case ("erase", str(address)):
                scopes = {(scope, channel) for scope, channel, _, _ in blocked(store, address)}
                erase(store, address)
                assert {(scope, channel) for scope, channel, _, _ in blocked(store, address)} == scopes
                check = store.bulk.check([address, *_NUMBERS], _SCOPES)[0]
                assert bool(check) == any(channel == "text" for _, channel in scopes)
    shards = sorted({place_of(number).shard for number in _NUMBERS})
    found = [drift for report in store.verification().run(shards) for drift in report.drifts]
    store.close()
    assert found == []


def test_what_is_blocked_since_when_and_by_whom_stays(own_valkey: EmbeddedStore) -> None:
    store = open_store(own_valkey.url, erasure_keys=[KEY])
    store.client.flushall()
    number = _NUMBERS[0]
    import_rows(store, "a", [(number, 7), (number, 9)])
    before = blocked(store, number)
    erase(store, number)
    assert blocked(store, number) == before
    assert len(before) == 2
    store.close()


def test_gd_3_a_pseudonym_stays_in_its_numbers_shard_and_depends_on_the_key() -> None:
    one, other = Pseudonyms([KEY]), Pseudonyms([os.urandom(32), KEY])
    for number in _NUMBERS:
        (name,) = one.all_of(number)
        assert is_pseudonym(name)
        assert shard_of(name) == shard_of(number)
        assert other.all_of(number)[1] == name
        assert other.all_of(number)[0] != name
    assert len({name for number in _NUMBERS for name in one.all_of(number)}) == len(_NUMBERS)
    for key in (KEY, b"x" * 64, b"long" * 40):
        (name,) = Pseudonyms([key]).all_of(_NUMBERS[0])
        assert name.endswith(hmac.new(key, _NUMBERS[0].encode(), "sha256").hexdigest()[:24])
    assert Pseudonyms([]).all_of(_NUMBERS[0]) == ()
    assert Scope.everything() in _SCOPES
