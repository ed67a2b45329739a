"""What the servers are and whether they can keep their promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.errors import StoreMisconfigured
from store.topology import Spread, Topology

# What each durability setting needs of every primary (design §9): configuration name -> value.
_ALWAYS_NEEDED = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
NEEDED: Mapping[str, Mapping[str, str]] = {
    "aof": {**_ALWAYS_NEEDED, "appendfsync": "always"},
    "replica": _ALWAYS_NEEDED,
    "everysec": _ALWAYS_NEEDED,
}
_HOW = {
    "appendonly": "an append-only file, so that what was acknowledged is on disk",
    "appendfsync": "a flush before each answer (STOPGATE_DURABILITY=everysec goes without, and can lose a second)",
    "maxmemory-policy": "no eviction: an evicted opt-out would be a text to someone who said STOP",
}
# Below these the packed sets and hashes of a large list fall apart, and take several times the memory.
WANTED: Mapping[str, int] = {"set-max-intset-entries": 65536, "hash-max-listpack-entries": 512}


@dataclass(frozen=True, slots=True)
class ServerReport:
    """One primary as it says it is. replicas: how many follow it and are up to date."""

    name: str
    version: str
    settings: Mapping[str, str]
    used_memory: int
    dataset_keys: int
    replicas: int


@dataclass(frozen=True, slots=True)
class StoreReport:
    """All primaries."""

    servers: Sequence[ServerReport]

    @property
    def version(self) -> str:
        """The version of the servers; all of them when they differ."""
        return ", ".join(sorted({server.version for server in self.servers}))

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the first server."""
        return self.servers[0].settings

    @property
    def used_memory(self) -> int:
        """Bytes, of all primaries."""
        return sum(server.used_memory for server in self.servers)

    @property
    def dataset_keys(self) -> int:
        """Keys, of all primaries."""
        return sum(server.dataset_keys for server in self.servers)


class Health:
    """Questions about the servers."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def ping(self) -> None:
        """Ask all primaries for an answer. Raises StoreError."""
        with store_errors():
            for server in self._topology.primaries():
                server.ping()

    def report(self) -> StoreReport:
        """Version, settings that matter, memory, keys and replicas. Raises StoreError."""
        with store_errors():
            return StoreReport([_report(server) for server in self._topology.primaries()])

    def demand(self, durability: str) -> None:
        """Make sure that the servers can give the durability that is promised (G1).

        Args:
            durability: "aof", "replica:N" or "everysec".

        Raises:
            StoreMisconfigured: with what to change, and why.
            StoreError: a server could not be asked.
        """
        kind, _, replicas = durability.partition(":")
        wrong = [
            sentence
            for server in self.report().servers
            for sentence in _shortcomings(server, NEEDED[kind], int(replicas or 0))
        ]
        if wrong:
            raise StoreMisconfigured(
                f"The store cannot give STOPGATE_DURABILITY={durability}:\n  " + "\n  ".join(wrong)
            )

    def advice(self) -> list[str]:
        """What would be better set otherwise, in sentences; nothing is lost meanwhile. Raises StoreError."""
        return [
            f"{server.name}: {name} is {server.settings[name]}; with less than {least} large lists take several times "
            "the memory."
            for server in self.report().servers
            for name, least in WANTED.items()
            if server.settings.get(name, "").isdigit() and int(server.settings[name]) < least
        ]

    def counters(self) -> dict[str, int]:
        """Counters summed over all shards. Raises StoreError."""
        names = [keys.counters(shard) for shard in keys.SHARDS]
        with store_errors():
            rows = Spread(self._topology, [(name, ("HGETALL", name)) for name in names]).answers()
            for row in rows:
                if isinstance(row, Exception):
                    raise row
        totals: dict[str, int] = {}
        for row in rows:
            pairs = row.items() if isinstance(row, dict) else zip(row[::2], row[1::2], strict=True)
            for name, value in pairs:
                totals[_text(name)] = totals.get(_text(name), 0) + int(value)
        return totals


def _report(server: "redis.Redis") -> ServerReport:
    info: Any = server.info()
    settings: Any = server.config_get("append*", "maxmemory-policy", *WANTED)
    options: Mapping[str, Any] = server.connection_pool.connection_kwargs
    return ServerReport(
        name=str(options.get("path") or f"{options.get('host', 'primary')}:{options.get('port', '')}".rstrip(":")),
        version=str(info.get("valkey_version") or info["redis_version"]),
        settings={_text(name): _text(value) for name, value in settings.items()},
        used_memory=int(info["used_memory"]),
        dataset_keys=int(server.dbsize()),
        replicas=sum(
            1 for index in range(int(info["connected_slaves"])) if info[f"slave{index}"].get("state") == "online"
        ),
    )


def _shortcomings(server: ServerReport, needed: Mapping[str, str], replicas: int) -> list[str]:
    wrong = [
        f"{name} is {server.settings.get(name, 'not readable')!r} and has to be {value!r}: {_HOW[name]}"
        for name, value in needed.items()
        if server.settings.get(name) != value
    ]
    if server.replicas < replicas:
        wrong.append(
            f"{server.replicas} replicas follow {server.name} and {replicas} have to: add replicas, or promise fewer"
        )
    return wrong


def _text(value: bytes | str | None) -> str:
    return "" if value is None else value.decode() if isinstance(value, bytes) else value
