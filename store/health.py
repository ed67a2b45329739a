"""What the server is and whether it can keep its promises."""

from collections.abc import Mapping
from dataclasses import dataclass

import redis

from store import keys
from store.client import store_errors
from store.errors import StoreMisconfigured

# What each durability setting needs of the server (design §9): configuration name -> value.
_ALWAYS_NEEDED = {"maxmemory-policy": "noeviction"}
NEEDED: Mapping[str, Mapping[str, str]] = {
    "aof": {**_ALWAYS_NEEDED, "appendonly": "yes", "appendfsync": "always"},
    "everysec": {**_ALWAYS_NEEDED, "appendonly": "yes"},
}
_HOW = {
    "appendonly": "an append-only file, so that what was acknowledged is on disk",
    "appendfsync": "a flush before each answer (STOPGATE_DURABILITY=everysec goes without, and can lose a second)",
    "maxmemory-policy": "no eviction: an evicted opt-out would be a text to someone who said STOP",
}


@dataclass(frozen=True, slots=True)
class ServerReport:
    """The server as it says it is."""

    version: str
    settings: Mapping[str, str]
    used_memory: int
    dataset_keys: int


class Health:
    """Questions about the server."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def ping(self) -> None:
        """Ask for an answer. Raises StoreError."""
        with store_errors():
            self._client.ping()

    def report(self) -> ServerReport:
        """Version, settings that matter, memory and keys. Raises StoreError."""
        with store_errors():
            info = self._client.info()
            settings = self._client.config_get("append*", "maxmemory-policy")
            count = self._client.dbsize()
        text = {_text(name): _text(value) for name, value in settings.items()}
        version = str(info.get("valkey_version") or info["redis_version"])
        return ServerReport(version, text, int(info["used_memory"]), int(count))

    def demand(self, durability: str) -> None:
        """Make sure that the server can give the durability that is promised (G1).

        Args:
            durability: "aof" or "everysec".

        Raises:
            StoreMisconfigured: with what to change, and why.
            StoreError: the server could not be asked.
        """
        settings = self.report().settings
        wrong = [
            f"{name} is {settings.get(name, 'not readable')!r} and has to be {value!r}: {_HOW[name]}"
            for name, value in NEEDED[durability].items()
            if settings.get(name) != value
        ]
        if wrong:
            raise StoreMisconfigured(
                f"The store cannot give STOPGATE_DURABILITY={durability}:\n  " + "\n  ".join(wrong)
            )

    def counters(self) -> dict[str, int]:
        """Counters summed over all shards. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in keys.SHARDS:
            pipeline.hgetall(keys.counters(shard))
        with store_errors():
            rows = pipeline.execute()
        totals: dict[str, int] = {}
        for row in rows:
            for name, value in row.items():
                totals[_text(name)] = totals.get(_text(name), 0) + int(value)
        return totals


def _text(value: bytes | str | None) -> str:
    return "" if value is None else value.decode() if isinstance(value, bytes) else value
