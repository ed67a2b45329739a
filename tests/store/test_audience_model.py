"""A model of audiences beside opt-outs, against the store on a real Valkey: nobody who is opted out is ever sendable."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.supervision.embedded import EmbeddedStore
from store import Store, keys, open_store
from store.consent import Change, Source, owner_of
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.upgrades import CURRENT

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# Two of one bucket, one of the same shard, one elsewhere, and an address that is no number.
NUMBERS = ("+14155550100", "+12025550100", "+14155551200", "+14155550147", "72975")
AUDIENCES = ("news", "sales")
SCOPES = (
    Scope.everything(),
    Scope.of_account("acme"),
    Scope.of_account("acme").entered_side,
    Scope.of_audience("acme", "news"),
    Scope.of_account("globex"),
)


def covering(audience: str) -> list[Scope]:
    """The scopes of the model that cover an audience of acme."""
    return [scope for scope in SCOPES if scope.account in {"", "acme"} and scope.audience in {"", audience}]


class AudienceModel(RuleBasedStateMachine):
    """Numbers that join, leave, opt out and come back, in the model and in the store."""

    store: Store

    @initialize()
    def empty(self) -> None:
        self.store.client.flushall()
        self.members: dict[str, set[str]] = {audience: set() for audience in AUDIENCES}
        self.blocks: set[tuple[str, Scope]] = set()
        self.now = START

    def _blocked(self, number: str, audience: str) -> bool:
        return any((number, scope) in self.blocks for scope in covering(audience))

    @rule(
        number=st.sampled_from(NUMBERS),
        scope=st.sampled_from(SCOPES),
        channels=st.sampled_from(((Channel.TEXT,), (Channel.VOICE,), ALL_CHANNELS)),
        kind=st.sampled_from(("opt_out", "lift")),
    )
    def change(self, number: str, scope: Scope, channels: tuple[Channel, ...], kind: str) -> None:
        self.now += timedelta(seconds=1)
        one = Change(kind, scope, owner_of(scope), Source.CONFIRMED if kind == "lift" else Source.KEYWORD, channels)
        self.store.consent.apply(number, [one], occurred_at=self.now, detail={})
        if Channel.TEXT in channels:
            (self.blocks.add if kind == "opt_out" else self.blocks.discard)((number, scope))

    @rule(numbers=st.lists(st.sampled_from(NUMBERS), max_size=6), audience=st.sampled_from(AUDIENCES))
    def join(self, numbers: list[str], audience: str) -> None:
        outcomes = self.store.audiences.join_many("acme", audience, numbers, covering(audience))
        for number, outcome in zip(numbers, outcomes, strict=True):
            if self._blocked(number, audience):
                assert outcome == "blocked"
            else:
                assert outcome == ("already_member" if number in self.members[audience] else "joined")
                self.members[audience].add(number)

    @rule(numbers=st.lists(st.sampled_from(NUMBERS), max_size=6), audience=st.sampled_from(AUDIENCES))
    def leave(self, numbers: list[str], audience: str) -> None:
        self.store.audiences.leave_many(numbers, "acme", [audience])
        self.members[audience] -= set(numbers)

    @rule(scope=st.sampled_from(SCOPES), repeated=st.booleans())
    def effects(self, scope: Scope, repeated: bool) -> None:
        """What follows an opt-out takes away exactly those whom the scope blocks at this moment."""
        for _ in range(1 + repeated):
            left = self.store.audiences.leave_many(NUMBERS, "acme", AUDIENCES, while_blocked_by=scope)
        assert [count >= 0 for count in left] == [(number, scope) in self.blocks for number in NUMBERS]
        for members in self.members.values():
            members -= {number for number in NUMBERS if (number, scope) in self.blocks}

    @rule()
    def counted_anew(self) -> None:
        """A store from before audiences were counted is upgraded."""
        self.store.client.set(keys.KEYSPACE, CURRENT - 1)
        self.store.client.delete(*(keys.audience_sizes(shard) for shard in keys.SHARDS))
        assert list(self.store.keyspace.upgrade()) == [CURRENT]

    @invariant()
    def members_are_those_who_joined(self) -> None:
        if not hasattr(self, "members"):
            return
        sizes = self.store.audience_members.sizes("acme", AUDIENCES)
        for audience, members in self.members.items():
            assert sizes[audience] == len(members)
            found, after = [], ""
            while True:
                page = self.store.audience_members.page("acme", audience, limit=2, after=after)
                found += page.numbers
                if not page.next:
                    break
                after = page.next
            assert sorted(found) == sorted(members)
            assert self.store.audiences.are_members(NUMBERS, "acme", audience) == [one in members for one in NUMBERS]

    @invariant()
    def nobody_who_is_opted_out_is_sendable(self) -> None:
        if not hasattr(self, "members"):
            return
        for audience, members in self.members.items():
            scopes = covering(audience)
            hits = [hit for some in self.store.audience_members.blocked("acme", audience, scopes) for hit in some]
            suppressed = {number for number, _ in hits}
            assert suppressed == {number for number in members if self._blocked(number, audience)}
            # What the lists say is what the gate says of each.
            asked = sorted(members)
            gate = self.store.consent.check(asked, scopes)
            assert suppressed == {number for number, blocks in zip(asked, gate, strict=True) if blocks}


def test_g2_audiences_and_opt_outs_agree_with_the_model(own_valkey: EmbeddedStore) -> None:
    store = open_store(own_valkey.url)

    class Machine(AudienceModel):
        pass

    Machine.store = store
    machine: Any = Machine
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            phases=[phase for phase in Phase if phase is not Phase.explain],
            suppress_health_check=list(HealthCheck),
        ),
    )
    store.close()
