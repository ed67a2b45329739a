"""The version of the keyspace, and the steps from one version to the next."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from store import keys
from store.client import store_errors
from store.errors import StoreMisconfigured
from store.scopes import ALL_CHANNELS
from store.topology import Spread, Topology

CURRENT = 2
"""The version this Stopgate reads and writes. 1: before there were counts of members."""

_AT_ONCE = 500


class Keyspace:
    """The keyspace of the store, as a whole."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def version(self) -> int:
        """The version of what is there; an empty store has the current one. Raises StoreError."""
        with store_errors():
            (found,) = Spread(self._topology, [(keys.KEYSPACE, ("GET", keys.KEYSPACE))]).answers()
        if isinstance(found, bytes):
            return int(found)
        return 1 if self._has("*:gate:*") and not self._has("{??}:members") else CURRENT

    def _has(self, pattern: str) -> bool:
        return next(self._names(pattern), None) is not None

    def _names(self, pattern: str) -> Iterator[str]:
        with store_errors():
            for server in self._topology.primaries():
                for name in server.scan_iter(match=pattern, count=1000):
                    yield name.decode()

    def demand(self) -> None:
        """Make sure that this Stopgate may use the store, and note its version there.

        Raises:
            StoreMisconfigured: the store is older (upgrade it) or newer (upgrade Stopgate).
            StoreError: the store could not be asked.
        """
        found = self.version()
        if found < CURRENT:
            raise StoreMisconfigured(
                f"The store has keyspace version {found} and this Stopgate needs {CURRENT}: end all its processes, "
                "make a backup (stopgate backup FILE), then run: stopgate upgrade"
            )
        if found > CURRENT:
            raise StoreMisconfigured(
                f"The store has keyspace version {found}, of a newer Stopgate, and this one knows {CURRENT}."
            )
        self._note(CURRENT)

    def _note(self, version: int) -> None:
        with store_errors():
            answers = Spread(self._topology, [(keys.KEYSPACE, ("SET", keys.KEYSPACE, version))], durable=True).answers()
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer

    def upgrade(self) -> Iterator[int]:
        """Take the steps from the store's version to the current one; yields each version that is reached.

        Each step may be repeated: one that was cut off is begun again.

        Raises:
            StoreMisconfigured: the store is newer.
            StoreError: the step can be repeated.
        """
        version = self.version()
        if version > CURRENT:
            self.demand()
        for step in range(version, CURRENT):
            STEPS[step](self)
            self._note(step + 1)
            yield step + 1

    def count_members(self) -> None:
        """From 1 to 2: count the members of every gate index. Raises StoreError."""
        for shard in keys.SHARDS:
            with store_errors():
                Spread(self._topology, [(keys.members(shard), ("DEL", keys.members(shard)))], durable=True).answers()
        for channel in ALL_CHANNELS:
            names = self._names(f"*:gate:{channel}:*")
            while some := list(islice(names, _AT_ONCE)):
                self._count(some)

    def _count(self, names: list[str]) -> None:
        with store_errors():
            sizes = Spread(self._topology, [(name, ("SCARD", name)) for name in names]).answers()
            commands = []
            for name, size in zip(names, sizes, strict=True):
                shard, _, channel, scope = name.rpartition(":")[0].split(":", 3)
                target = keys.members(shard[1:-1])
                commands.append((target, ("HINCRBY", target, f"{channel}:{scope}", int(size))))
            Spread(self._topology, commands, durable=True).answers()


STEPS: Mapping[int, Callable[[Keyspace], None]] = {1: Keyspace.count_members}
"""What leads from a version to the next."""
