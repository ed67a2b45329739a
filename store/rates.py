"""How often something was done within a window of time, counted over all processes."""

from datetime import timedelta

from store import keys
from store.bulk import read_many
from store.topology import Topology


class RateStore:
    """Counters that begin anew when their window ends."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def take(self, name: str, amount: int, window: timedelta) -> tuple[int, timedelta]:
        """Count `amount` more. Returns how many there are in this window now, and how long it goes on.

        One round trip. The window begins with the first that is counted.

        Raises:
            StoreError: it is unknown whether they were counted.
        """
        key = keys.rate(name)
        seconds = int(window.total_seconds())
        # First the key is made, then its end is set: the other way round it could end in between and stay for ever.
        count, _, left = read_many(
            self._topology,
            [(key, ("INCRBY", key, amount)), (key, ("EXPIRE", key, seconds, "NX")), (key, ("PTTL", key))],
        )
        return int(count), timedelta(milliseconds=max(0, int(left)))

    def forget(self, name: str) -> None:
        """Begin anew. Raises StoreError."""
        key = keys.rate(name)
        read_many(self._topology, [(key, ("DEL", key))])
