"""Doing what waits, as workers and the follower would, in the process of a test."""

from datetime import timedelta

from gateway.queueing import parts_of
from gateway.services import Services
from tests.conftest import FakeClock


def do_what_waits(services: Services, clock: FakeClock, *, rounds: int = 3, only: str = "") -> list[str]:
    """Do every effect that is due, `rounds` times a minute apart; `only` one kind of them. Returns what came of each."""
    came = []
    for _ in range(rounds):
        services.queue.flush()
        later = services.clock.now() + timedelta(minutes=2)
        for effect in sorted(services.store.outbox.claim_due(later, lease=timedelta(seconds=30), limit=5000)):
            kind, identifier = parts_of(effect)
            if kind == (only or kind):
                came.append(str(services.doers[kind](identifier)))
        for shard in services.store.following.shards_behind():
            services.following.follow(shard)
        clock.pass_time(timedelta(minutes=1))
    return came
