"""The configuration journal: who changed which setting, when, from what to what. Append-only, one stream an account."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.consent import milliseconds, moment

INSTALLATION = "*"
"""The journal of what belongs to no account: people with a role everywhere."""


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """One change. area: settings, replies, keywords, senders, users, keys. name: what was changed in it.

    before, after: as people read them; "" for not there. actor: who ("user ada@example.com").
    """

    at: datetime
    actor: str
    area: str
    name: str
    before: str
    after: str
    id: str = ""


class ConfigurationJournal:
    """The configuration journals of all accounts, and of the installation."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def append(self, account: str, changes: Sequence[ConfigurationChange]) -> None:
        """Write changes down, all or none. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=True)
        for change in changes:
            row: Any = {
                "at": milliseconds(change.at),
                "actor": change.actor,
                "area": change.area,
                "name": change.name,
                "before": change.before,
                "after": change.after,
            }
            pipeline.xadd(keys.configuration_journal(account), row)
            pipeline.hset(keys.configuration_newest(account), f"{change.area}/{change.name}", json.dumps(row))
        with store_errors():
            pipeline.execute()

    def newest(self, account: str, *, before: str = "", count: int = 50) -> list[ConfigurationChange]:
        """The latest changes, newest first; with `before`, those older than the one with that id. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.xrevrange(
                keys.configuration_journal(account), f"({before}" if before else "+", "-", count=count
            )
        return [
            _change({name.decode(): value.decode() for name, value in row.items()}, key.decode()) for key, row in rows
        ]

    def latest_by_name(self, account: str, area: str) -> dict[str, ConfigurationChange]:
        """The latest change of everything in an area, by name: one round trip for a whole page. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.hgetall(keys.configuration_newest(account))
        found = {}
        for field, raw in rows.items():
            kind, _, name = field.decode().partition("/")
            if kind == area:
                found[name] = _change(json.loads(raw), "")
        return found


def _change(row: dict[str, Any], key: str) -> ConfigurationChange:
    return ConfigurationChange(
        at=moment(row["at"]),
        actor=row["actor"],
        area=row["area"],
        name=row["name"],
        before=row["before"],
        after=row["after"],
        id=key,
    )
