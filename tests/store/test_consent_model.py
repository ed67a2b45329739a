"""A model of consent, in plain Python, against the store on a real Valkey: they agree after every step.

Events come in any order, twice, late, from any source, over accounts, senders, audiences and channels.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.supervision.embedded import EmbeddedStore
from store import Store, keys, open_store
from store.addresses import place_of
from store.consent import MAY_LIFT, RANK, Change, Source, moment, owner_of
from store.details import unpack
from store.scopes import ALL_CHANNELS, Channel, Scope

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBERS = ("+14155550100", "+14155550200", "BANK")
SCOPES = (
    Scope.of_sender("72975"),
    Scope.of_account("acme"),
    Scope.of_account_sender("acme", "72975"),
    Scope.of_account("acme").entered_side,
)
CHANNELS = ((Channel.TEXT,), (Channel.VOICE,), ALL_CHANNELS)
OPT_OUT_SOURCES = tuple(source for source in Source if source is not Source.CONFIRMED)


@dataclass
class Known:
    """What the model knows of one number, scope and channel."""

    blocked: bool
    source: Source
    since: datetime
    latest: datetime


def opt_out(known: Known | None, source: Source, at: datetime) -> Known | None:
    """Design §4, said once more in another language."""
    if known is None:
        return Known(True, source, at, at)
    if not known.blocked:
        return Known(True, source, at, at) if at >= known.latest else known
    if RANK[source] > RANK[known.source]:
        return Known(True, source, at, max(at, known.latest))
    if RANK[source] == RANK[known.source] and at > known.latest:
        return Known(True, known.source, known.since, at)
    return known


def lift(known: Known | None, source: Source, at: datetime) -> Known | None:
    by_person = RANK[source] == RANK[Source.KEYWORD]
    if known is None or not known.blocked:
        newer = known is None or at > known.latest
        return Known(False, source, at, at) if newer and by_person else known
    if known.source not in MAY_LIFT.get(source, ()) or at <= known.latest:
        return known
    return Known(False, source, at, at)


class ConsentModel(RuleBasedStateMachine):
    """The events that happen, in the model and in the store."""

    store: Store

    @initialize()
    def empty(self) -> None:
        self.store.client.flushall()
        self.known: dict[tuple[str, Scope, Channel], Known] = {}
        self.events: list[tuple[str, Change, datetime]] = []

    @rule(
        number=st.sampled_from(NUMBERS),
        scope=st.sampled_from(SCOPES),
        channels=st.sampled_from(CHANNELS),
        source=st.sampled_from(OPT_OUT_SOURCES),
        minute=st.integers(0, 3),
    )
    def somebody_opts_out(
        self, number: str, scope: Scope, channels: tuple[Channel, ...], source: Source, minute: int
    ) -> None:
        self._happen(number, Change("opt_out", scope, owner_of(scope), source, channels), minute)

    @rule(
        number=st.sampled_from(NUMBERS),
        scope=st.sampled_from(SCOPES),
        channels=st.sampled_from(CHANNELS),
        source=st.sampled_from(tuple(Source)),
        minute=st.integers(0, 3),
    )
    def somebody_lifts(
        self, number: str, scope: Scope, channels: tuple[Channel, ...], source: Source, minute: int
    ) -> None:
        self._happen(number, Change("lift", scope, owner_of(scope), source, channels), minute)

    @rule(data=st.data())
    def an_event_is_delivered_again(self, data: Any) -> None:
        if self.events:
            number, change, at = data.draw(st.sampled_from(self.events))
            self._apply(number, change, at)

    def _happen(self, number: str, change: Change, minute: int) -> None:
        at = START + timedelta(minutes=minute)
        self.events.append((number, change, at))
        self._apply(number, change, at)

    def _apply(self, number: str, change: Change, at: datetime) -> None:
        self.store.consent.apply(number, [change], occurred_at=at, detail={})
        decide = opt_out if change.kind == "opt_out" else lift
        for channel in change.channels:
            place = (number, change.scope, channel)
            back = self.known.get((number, change.scope.persons_side, channel)) if change.scope.entered else None
            if change.kind == "opt_out" and back and not back.blocked and at < back.latest:
                continue  # the person came back since (G7)
            known = decide(self.known.get(place), change.source, at)
            if known is not None:
                self.known[place] = known

    @invariant()
    def the_gate_agrees(self) -> None:
        if not hasattr(self, "known"):
            return
        for channel in ALL_CHANNELS:
            found = self.store.consent.check(NUMBERS, SCOPES, channel)
            for number, blocks in zip(NUMBERS, found, strict=True):
                expected = [
                    (scope, known.source, known.since)
                    for scope in SCOPES
                    if (known := self.known.get((number, scope, channel))) and known.blocked
                ]
                assert [(block.scope, block.source, block.since) for block in blocks] == expected
                assert self.store.consent.blocks(number, SCOPES, channel) == blocks

    @invariant()
    def the_records_agree_to_the_last_event(self) -> None:
        for (number, scope, channel), known in getattr(self, "known", {}).items():
            place = place_of(number)
            record = unpack(self.store.client.hget(keys.details(place, scope), place.details_field))[channel]
            assert (record.blocked, Source(record.source)) == (known.blocked, known.source)
            assert (moment(record.since), moment(record.latest)) == (known.since, known.latest)

    @invariant()
    def every_event_about_a_known_number_is_in_its_history(self) -> None:
        if not hasattr(self, "known"):
            return
        for number in NUMBERS:
            blocked = {scope for (of, scope, _), known in self.known.items() if of == number and known.blocked}
            told = {entry.scope for entry in self.store.consent.history(number, SCOPES)}
            assert {scope.key for scope in blocked} <= told


def test_g5_g7_the_store_agrees_with_a_model_of_consent_after_every_step(valkey: EmbeddedStore) -> None:
    store = open_store(valkey.url)
    machine = type("Machine", (ConsentModel,), {"store": store})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Every step is a round trip: making a failure smaller would take minutes and 30 steps can be read.
            phases=(Phase.reuse, Phase.generate),
        ),
    )
    store.close()


def test_a_gate_index_and_its_details_never_disagree_about_a_lost_reply(valkey: EmbeddedStore) -> None:
    """The same change sent twice, as after a lost answer, is one change."""
    store = open_store(valkey.url)
    redis.Redis.from_url(valkey.url).flushall()
    scope = Scope.of_account("acme")
    change = Change("opt_out", scope, "acme", Source.KEYWORD)
    first = store.consent.apply(NUMBERS[0], [change], occurred_at=START, detail={})
    second = store.consent.apply(NUMBERS[0], [change], occurred_at=START, detail={})
    assert (first[0].outcome, second[0].outcome) == ("opted_out", "already")
    assert len(store.consent.blocks(NUMBERS[0], [scope])) == 1
    store.close()
