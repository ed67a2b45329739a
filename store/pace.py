"""How much of an import a server has before it at a time: as much as it can take, or little while somebody waits.

The first is about twice as fast and keeps the server busy for a millisecond or two at a time. The second leaves it free
between two calls, so that the gate and a STOP are answered almost as if nothing else went on (`python -m bench.store
latency`).
"""

from collections.abc import Callable
from dataclasses import dataclass

# How long an import stays out of the way after somebody has asked.
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Load:
    """calls: of one piece, which a server does before anything else and flushes once. pieces: under way at a time."""

    calls: int
    pieces: int


ALONE = Load(calls=8, pieces=2)
BESIDE_OTHERS = Load(calls=1, pieces=1)


class Pace:
    """Chooses the load from what the servers say about others.

    Args:
        monotonic: seconds, of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._asked: dict[int, int] = {}
        self._till = 0.0

    def note(self, server: int, asked: int) -> None:
        """What one of the servers said: how often others have asked it so far."""
        if self._asked.get(server, asked) != asked:
            self._till = self._monotonic() + _SECONDS
        self._asked[server] = asked

    @property
    def load(self) -> Load:
        """How much to send now."""
        return BESIDE_OTHERS if self._monotonic() < self._till else ALONE
