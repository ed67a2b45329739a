"""The version of the keyspace, and the steps from one version to the next."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from store import keys
from store.client import store_errors
from store.enlisting import entry_keys
from store.errors import StoreMisconfigured
from store.journal import milliseconds
from store.message_records import Message, message_from
from store.scopes import ALL_CHANNELS
from store.topology import Spread, Topology
from store.wire import Command

CURRENT = 4
"""The version this Stopgate reads and writes. 1: before there were counts of members. 2: before there were lists of an
account's texts and conversations, and figures of its days. 3: before the numbers in audiences were counted."""

_AT_ONCE = 500
_DAYS_KEPT = 400 * 24 * 3600 * 1000


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

    def list_texts(self) -> None:
        """From 2 to 3: list every message, and count it on its day. Opt-outs count from now on. Raises StoreError."""
        for pattern in ("{??}:texts:*", "{??}:conversations:*", "{??}:days:*"):
            self._forget(pattern)
        names = self._names("{??}:message:*")
        while some := list(islice(names, _AT_ONCE)):
            with store_errors():
                rows = Spread(self._topology, [(name, ("HGETALL", name)) for name in some]).answers()
                left = Spread(self._topology, [(name, ("PTTL", name)) for name in some]).answers()
                commands = [
                    command
                    for name, raw, kept in zip(some, rows, left, strict=True)
                    if raw
                    for command in _listing(message_from(name.rpartition(":")[2], raw), int(kept))
                ]
                Spread(self._topology, commands, durable=True).answers()

    def count_audiences(self) -> None:
        """From 3 to 4: count the numbers in every audience. Raises StoreError."""
        self._forget("{??}:audience_sizes")
        names = self._names("{??}:audience:*")
        while some := list(islice(names, _AT_ONCE)):
            with store_errors():
                sizes = Spread(self._topology, [(name, ("SCARD", name)) for name in some]).answers()
                commands = []
                for name, size in zip(some, sizes, strict=True):
                    shard, _, audience = name.rpartition(":")[0].split(":", 2)
                    target = keys.audience_sizes(shard[1:-1])
                    commands.append((target, ("HINCRBY", target, audience, int(size))))
                Spread(self._topology, commands, durable=True).answers()

    def _forget(self, pattern: str) -> None:
        names = self._names(pattern)
        while some := list(islice(names, _AT_ONCE)):
            with store_errors():
                Spread(self._topology, [(name, ("UNLINK", name)) for name in some], durable=True).answers()


def _listing(message: Message, kept: int) -> Iterator[tuple[str, Command]]:
    """The commands that list and count a message; kept: for how many milliseconds it is there still, or -1."""
    names: list[str] = []
    entry = entry_keys(message.account, message.address, message.direction, message.created_at, names, waits=None)
    texts, conversations, days = (names[entry[what] - 1] for what in ("texts", "conversations", "days"))
    at = str(milliseconds(message.created_at))
    counted = "queued" if message.status == "handing_over" else message.status
    what = "in" if message.direction == "in" else f"out:{counted}"
    yield texts, ("ZADD", texts, at, message.id)
    yield conversations, ("ZADD", conversations, "GT", at, message.address)
    yield days, ("HINCRBY", days, f"{entry['day']}:{what}", 1)
    yield days, ("PEXPIRE", days, _DAYS_KEPT)
    for name in (texts, conversations) if kept > 0 else ():
        yield name, ("PEXPIRE", name, kept, "NX")
        yield name, ("PEXPIRE", name, kept, "GT")


STEPS: Mapping[int, Callable[[Keyspace], None]] = {
    1: Keyspace.count_members,
    2: Keyspace.list_texts,
    3: Keyspace.count_audiences,
}
"""What leads from a version to the next."""
