"""Repairing drift where a carrier allows it: telling it of opt-outs that it did not see.

Only opt-outs are ever told. A carrier's own block is lifted by the person and by nobody else: an opt-in that we tell
would override a STOP, and on toll-free numbers it is not even taken.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from gateway.carriers.base import Carrier, KnownOptOut, TakesOptOuts, Told
from gateway.clock import Clock
from gateway.drift import Drift
from gateway.errors import CarrierError, GatewayError
from gateway.logs import logger
from store import Store
from store.addresses import shard_of
from store.scopes import scopes_of_send

log = logger(__name__)

# Names one installation-wide kind of id: the same opt-out has the same id whenever it is told.
_NAMESPACE = uuid.UUID("7d0c3e0a-53a4-5f0e-9a55-6b1c2f8f4a10")
_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 60))


@dataclass(frozen=True, slots=True)
class Refusal:
    """One opt-out the carrier did not take, and why."""

    drift: Drift
    problem: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What came of telling: how many the carrier took, and what it did not take."""

    taken: int
    refused: tuple[Refusal, ...]


def correlation_id(drift: Drift) -> str:
    """The id under which an opt-out is told: 32 hexadecimal digits made from its journal entry, sender and number."""
    name = "/".join((drift.account, shard_of(drift.number), drift.entry, drift.sender, drift.number))
    return uuid.uuid5(_NAMESPACE, name).hex


class DriftRepair:
    """Tells carriers of opt-outs."""

    def __init__(self, store: Store, carriers: Mapping[str, Carrier], clock: Clock) -> None:
        self._store = store
        self._takers: Mapping[str, TakesOptOuts] = {
            name: carrier for name, carrier in carriers.items() if isinstance(carrier, TakesOptOuts)
        }
        self._clock = clock

    def push(self, carrier: str, drifts: Iterable[Drift], pause: Callable[[float], None] | None = None) -> Repair:
        """Tell a carrier of every pushable opt-out among `drifts`, in batches, at the pace it allows.

        Args:
            carrier: its name.
            drifts: what cannot be told, or is another carrier's, is left out.
            pause: waits for some seconds; may raise to end this. What was told by then is remembered.

        Raises:
            GatewayError: this carrier cannot be told.
            CarrierError: it stopped answering. Doing it again is harmless.
            StoreError: what it took could not be noted; it is told again next time, which is harmless.
        """
        pause = pause or self._clock.sleep
        if carrier not in self._takers:
            raise GatewayError(f"The carrier {carrier} cannot be told of opt-outs.")
        taker = self._takers[carrier]
        taken, refused = 0, list[Refusal]()
        waiting = (drift for drift in drifts if drift.pushable and drift.carrier == carrier)
        for number, batch in enumerate(_batches(waiting, taker.opt_outs_a_call)):
            if number:
                pause(60 / taker.opt_out_calls_a_minute)
            still = [drift for drift in batch if self._is_blocked(drift)]
            refusals = self._tell(taker, still, pause) if still else []
            taken += len(still) - len(refusals)
            refused += refusals
        log.info("carrier told of opt-outs", carrier=carrier, taken=taken, refused=len(refused))
        return Repair(taken, tuple(refused))

    def names(self) -> list[str]:
        """The carriers that can be told."""
        return list(self._takers)

    def _tell(self, carrier: TakesOptOuts, batch: Sequence[Drift], pause: Callable[[float], None]) -> list[Refusal]:
        answers = {told.id: told.problem for told in _told(carrier, [_opt_out(drift) for drift in batch], pause)}
        problems = [answers.get(correlation_id(drift), "the carrier did not say") for drift in batch]
        for drift, problem in zip(batch, problems, strict=True):
            if not problem:
                self._store.journal.mark_pushed(
                    shard_of(drift.number), drift.account, [(drift.sender, drift.number)], self._clock.now()
                )
        return [Refusal(drift, problem) for drift, problem in zip(batch, problems, strict=True) if problem]

    def _is_blocked(self, drift: Drift) -> bool:
        """Asked again just before telling: the person may have come back while the report was made."""
        scopes = scopes_of_send(drift.account, drift.sender, None)
        return bool(self._store.consent.blocks(drift.number, scopes))


def _batches(drifts: Iterator[Drift], size: int) -> Iterator[list[Drift]]:
    while batch := list(islice(drifts, size)):
        yield batch


def _opt_out(drift: Drift) -> KnownOptOut:
    return KnownOptOut(correlation_id(drift), drift.sender, drift.number, drift.since, drift.medium)


def _told(carrier: TakesOptOuts, opt_outs: Sequence[KnownOptOut], pause: Callable[[float], None]) -> Sequence[Told]:
    for wait in _WAITS:
        try:
            return carrier.tell_opt_outs(opt_outs)
        except CarrierError as error:
            if not error.again:
                raise
            log.warning("the carrier was not told and is told again", carrier=carrier.name, problem=str(error))
            pause(max(wait, error.retry_after or wait).total_seconds())
    return carrier.tell_opt_outs(opt_outs)
