"""Where the servers are: one server, a primary that Sentinels name, or a cluster; and who has which key."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import redis
from redis.cluster import RedisCluster

from store.errors import StoreUnreachable
from store.wire import Command, Exchange

_WAIT_MILLISECONDS = 2000


class Topology(Protocol):
    """The servers behind a store URL. All answers are of this moment."""

    replicas: int
    """How many replicas have to have a write before it counts; 0 when the server's own disk is the promise."""

    @property
    def is_cluster(self) -> bool:
        """True when keys are spread over several primaries."""

    def server_of(self, key: str) -> "redis.Redis":
        """The primary that has a key. Raises redis.RedisError."""

    def primaries(self) -> Sequence["redis.Redis"]:
        """All primaries. Raises redis.RedisError."""

    def refresh(self) -> None:
        """Look again who has what. Raises redis.RedisError."""

    def wait_command(self) -> Command | None:
        """What follows a write in the same round trip, so that it is answered with how many replicas have it."""

    def check_replicas(self, answer: Any) -> None:
        """Refuse a write that too few replicas have. Raises StoreUnreachable."""


class _Waiting:
    def __init__(self, replicas: int) -> None:
        self.replicas = replicas

    def wait_command(self) -> Command | None:
        return ("WAIT", self.replicas, _WAIT_MILLISECONDS) if self.replicas else None

    def check_replicas(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise answer
        if int(answer) < self.replicas:
            raise StoreUnreachable(
                f"{int(answer)} of the {self.replicas} replicas that STOPGATE_DURABILITY asks for have the change."
            )


class OneServer(_Waiting):
    """One server, or the primary that Sentinels name: the client's pool asks them at each new connection."""

    is_cluster = False

    def __init__(self, client: "redis.Redis", replicas: int = 0) -> None:
        super().__init__(replicas)
        self._client = client

    def server_of(self, key: str) -> "redis.Redis":  # noqa: ARG002 (there is one)
        return self._client

    def primaries(self) -> Sequence["redis.Redis"]:
        return (self._client,)

    def refresh(self) -> None:
        """Nothing to look at."""


class Cluster(_Waiting):
    """A cluster. redis-py keeps the map of its slots."""

    is_cluster = True

    def __init__(self, client: "RedisCluster", replicas: int = 0) -> None:
        super().__init__(replicas)
        self._client: Any = client  # half of its methods have no type hints

    def server_of(self, key: str) -> "redis.Redis":
        node = self._client.get_node_from_key(key)
        if node is None:
            raise redis.ConnectionError("No server of the cluster has this slot.")
        return cast("redis.Redis", self._client.get_redis_connection(node))

    def primaries(self) -> Sequence["redis.Redis"]:
        return [cast("redis.Redis", self._client.get_redis_connection(node)) for node in self._client.get_primaries()]

    def refresh(self) -> None:
        self._client.nodes_manager.initialize()


class Spread:
    """Commands on keys of many shards: sent to every server concerned at once, answered in the order given.

    Args:
        topology: the servers.
        commands: (a key of the slot, the command) pairs.
        durable: wait for the replicas that are promised; for writes.
        follows: ask again, once, for slots that have moved.

    Raises:
        redis.RedisError: a server cannot be reached.
    """

    def __init__(
        self,
        topology: Topology,
        commands: Sequence[tuple[str, Command]],
        *,
        durable: bool = False,
        follows: bool = True,
    ) -> None:
        self._topology = topology
        self._follows = follows
        self._commands = commands
        self._wait = topology.wait_command() if durable else None
        self._exchanges: list[tuple[list[int], Exchange]] = []
        try:
            for server, positions in self._by_server():
                sent = [commands[position][1] for position in positions]
                exchange = Exchange(server, [*sent, self._wait] if self._wait else sent)
                self._exchanges.append((positions, exchange))
        except BaseException as error:
            self._abandon(error)
            raise

    def _by_server(self) -> list[tuple["redis.Redis", list[int]]]:
        if not self._topology.is_cluster:
            return [(self._topology.primaries()[0], list(range(len(self._commands))))]
        servers: dict[str, redis.Redis] = {}
        groups: dict[int, tuple[redis.Redis, list[int]]] = {}
        for position, (key, _) in enumerate(self._commands):
            slot = key[key.index("{") : key.index("}") + 1]
            if slot not in servers:
                servers[slot] = self._topology.server_of(slot)
            groups.setdefault(id(servers[slot]), (servers[slot], []))[1].append(position)
        return list(groups.values())

    def answers(self) -> list[Any]:
        """The answers; an error answer is an exception object in its place.

        Raises:
            redis.RedisError: a connection broke.
            StoreUnreachable: too few replicas have a write.
        """
        found: list[Any] = [None] * len(self._commands)
        try:
            while self._exchanges:
                positions, exchange = self._exchanges.pop()
                answers = exchange.answers()
                if self._wait:
                    self._topology.check_replicas(answers.pop())
                for position, answer in zip(positions, answers, strict=True):
                    found[position] = answer
        except BaseException as error:
            self._abandon(error)
            raise
        return self._follow(found) if self._follows else found

    def _follow(self, found: list[Any]) -> list[Any]:
        moved = [position for position, answer in enumerate(found) if isinstance(answer, redis.exceptions.MovedError)]
        if moved:
            # The slot has another server now and this one did nothing: once more, with the new map.
            self._topology.refresh()
            commands = [self._commands[position] for position in moved]
            again = Spread(self._topology, commands, durable=self._wait is not None, follows=False)
            for position, answer in zip(moved, again.answers(), strict=True):
                found[position] = answer
        return found

    def abandon(self) -> None:
        """Give the answers up."""
        while self._exchanges:
            self._exchanges.pop()[1].abandon()

    def _abandon(self, error: BaseException) -> None:
        self.abandon()
        if isinstance(error, redis.ConnectionError | redis.TimeoutError | StoreUnreachable):
            self._look_again()

    def _look_again(self) -> None:
        # A primary may have died: whoever asks next is to find the one that took over.
        try:
            self._topology.refresh()
        except redis.RedisError:
            return
