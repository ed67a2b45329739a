"""The installation as its operator wants to see it: versions, durability, queues, and what the doctor finds."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import redis
from flask import render_template, request

from gateway.console.access import services
from gateway.console.blueprints import pages
from gateway.console.listing import Column
from gateway.doctor import examine
from gateway.settings import SETTINGS, Setting

_FINDING_COLUMNS = (Column("About"), Column("State"), Column("What was found"))
_SETTING_COLUMNS = (Column("Setting"), Column("Value"), Column("What it does"))
_QUEUE_WORDS: Mapping[str, str] = {
    "replies": "confirmations and answers; they have five minutes",
    "default": "texts of programs and people, and what follows from changes",
    "bulk": "broadcasts",
    "lists": "imports and exports",
    "events": "events that are told to your endpoints",
}
"""What waits in each queue, in words; a queue that is not here is shown without."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting of the installation. value: as it may be shown; a secret's is not."""

    setting: Setting
    value: str


@pages.get("/system")
def system() -> str:
    """Versions, store, queues, findings, settings. `?ask=carriers` asks those whether our credentials are good."""
    asked = request.args.get("ask") == "carriers"
    report = services().store.health.report()
    return render_template(
        "console/system.html",
        versions=[("Stopgate", version("stopgate")), ("Python", platform.python_version()), ("Store", report.version)],
        report=report,
        durability=services().settings.durability,
        queues=_queues(),
        waiting=services().store.outbox.size(),
        findings=examine(services(), services().settings, ask_carriers=asked),
        asked=asked,
        finding_columns=_FINDING_COLUMNS,
        settings=_settings(),
        setting_columns=_SETTING_COLUMNS,
    )


def _queues() -> Sequence[tuple[str, int, str]] | None:
    try:
        lengths = services().queue.lengths()
    except redis.RedisError:
        return None
    return [(name, length, _QUEUE_WORDS.get(name, "")) for name, length in lengths.items()]


def _settings() -> Sequence[SettingRow]:
    return [SettingRow(setting, _shown(setting, getattr(services().settings, setting.field))) for setting in SETTINGS]


def _shown(setting: Setting, value: Any) -> str:
    if value is None or value == ():
        return "not set"
    # A URL may carry a password.
    if setting.secret or (setting.field.endswith("_url") and "@" in str(value)):
        return "set"
    if isinstance(value, timedelta):
        return f"{value.days} days" if value.days else f"{value / timedelta(hours=1):g} hours"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
