"""The settings of an installation: one declared table, from which parsing, checks, help and README come."""

import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import SettingsError
from store.urls import ONE_SERVER, SCHEMES, SENTINEL, is_cluster

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_QUEUE_SCHEMES = (*ONE_SERVER, *SENTINEL)


DERIVED = "derived"
"""In STOPGATE_ERASURE_KEY: the key that is made from the secret key."""


class _BadValue(ValueError):
    """A setting's value that cannot be used; the text completes "NAME ..."."""


def _text(value: str) -> str:
    return value


def _url(schemes: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not value.startswith(schemes):
            raise _BadValue(f"has to start with {' or '.join(schemes)}")
        return value

    return parse


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _BadValue("has to be a full address such as https://texts.example.com")
    if parts.query or parts.fragment or parts.username:
        raise _BadValue("has to be without user, query and fragment")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise _BadValue("has to be https://, except on this machine")
    return value.rstrip("/")


def _loopback_url(value: str) -> str:
    if urlsplit(value).hostname not in _LOOPBACK:
        raise _BadValue("is for emulators on this machine only (http://127.0.0.1:PORT)")
    return value.rstrip("/")


def _durability(value: str) -> str:
    if value not in {"aof", "everysec"} and not re.fullmatch(r"replica:[1-9]", value):
        raise _BadValue("has to be aof, replica:N (1 to 9 replicas) or everysec")
    return value


def _secret_key(value: str) -> str:
    if len(value) < 32:
        raise _BadValue("has to have 32 characters or more (make one: openssl rand -hex 32)")
    return value


def _erasure_keys(value: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if not found or any(part != DERIVED and len(part) < 32 for part in found):
        raise _BadValue("has to have 32 characters or more for each key (make one: openssl rand -hex 32)")
    return found


def _tokens(value: str) -> tuple[str, ...]:
    tokens = tuple(token.strip() for token in value.split(",") if token.strip())
    if not tokens:
        raise _BadValue("is empty")
    return tokens


def _account_sid(value: str) -> str:
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", value):
        raise _BadValue("has to be AC and 32 hexadecimal digits")
    return value


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise _BadValue("has to be a number") from None
        if not least <= number <= most:
            raise _BadValue(f"has to be between {least:g} and {most:g}")
        return number

    return parse


def _retention(value: str) -> timedelta | None:
    if value == "forever":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", value):
        raise _BadValue("has to be a number of days, or the word forever")
    return timedelta(days=int(value))


def _hours(value: str) -> timedelta | None:
    return None if value == "off" else timedelta(hours=_number(0.1, 168)(value))


def _hours_back(value: str) -> timedelta:
    return timedelta(hours=_number(1, 720)(value))


def _rate(value: str) -> str | None:
    if value != "off" and not re.fullmatch(r"[1-9][0-9]{0,6}/(second|minute|hour)", value):
        raise _BadValue("has to be like 6000/minute (or /second, /hour), or off")
    return None if value == "off" else value


def _switch(value: str) -> bool:
    if value not in {"on", "off"}:
        raise _BadValue("has to be on or off")
    return value == "on"


def _simulator(value: str) -> str:
    if value not in {"auto", "on", "off"}:
        raise _BadValue("has to be auto, on or off")
    return value


def _log_format(value: str) -> str:
    if value not in {"json", "text"}:
        raise _BadValue("has to be json or text")
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: environment name, field, how to read it, default, help."""

    name: str
    field: str
    parse: Callable[[str], Any]
    default: str | None
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("STOPGATE_STORE_URL", "store_url", _url(SCHEMES), None,
            "Where the store is: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// "
            "(docs/operations.md). Unset: the embedded one in the data folder."),
    Setting("STOPGATE_QUEUE_URL", "queue_url", _url(_QUEUE_SCHEMES), None,
            "Where the job queues are; not on a cluster. Unset: in the store."),
    Setting("STOPGATE_DATA", "data", Path, None,
            "Folder of the embedded store and its secrets. Unset: stopgate in the user's data folder."),
    Setting("STOPGATE_PUBLIC_URL", "public_url", _public_url, None,
            "The address carriers reach us at, exactly as it stands in their console. Needed with a live carrier."),
    Setting("STOPGATE_SECRET_KEY", "secret_key", _secret_key, None,
            "Signs sessions and forms; 32 characters or more. Unset: made once and kept in the data folder.",
            secret=True),
    Setting("STOPGATE_ERASURE_KEY", "erasure_keys", _erasure_keys, None,
            "What erased numbers are hashed with: 32 characters or more; several with commas, the first for new "
            "erasures. The word derived stands for the key made from STOPGATE_SECRET_KEY, which is used when this is "
            "unset. Keep it as long as the store (docs/erasure.md).", secret=True),
    Setting("STOPGATE_DURABILITY", "durability", _durability, "aof",
            "aof: on disk before a webhook is answered. replica:N: on N replicas too. everysec: faster, and a crash "
            "can lose a second."),
    Setting("STOPGATE_RETENTION_DAYS", "retention", _retention, "1825",
            "Days that messages are kept (five years, regulation US-19), or forever. Opt-outs are always kept."),
    Setting("STOPGATE_SIMULATOR", "simulator", _simulator, "auto",
            "The phone at /phone and its carrier: on, off, or auto (on while no live carrier is configured)."),
    Setting("STOPGATE_LOG_FORMAT", "log_format", _log_format, "text", "text for people, json for machines."),
    Setting("STOPGATE_CARRIER_TIMEOUT", "carrier_timeout", _number(1, 60), "10",
            "Seconds to wait for a carrier's answer."),
    Setting("STOPGATE_RECONCILE_EVERY", "reconcile_every", _hours, "1",
            "Hours between two looks at the carrier's list for texts whose webhook never came, or off."),
    Setting("STOPGATE_RECONCILE_BACK", "reconcile_back", _hours_back, "24",
            "Hours each such look goes back at least; after an outage it goes back to before the outage by itself."),
    Setting("STOPGATE_API_RATE", "api_rate", _rate, "6000/minute",
            "Requests each API key may make, such as 100/second or 6000/minute, or off. Webhooks are not limited."),
    Setting("STOPGATE_EVENTS_PRIVATE", "events_private", _switch, "off",
            "on lets events be sent into private networks and by http://. Off keeps customers' addresses out of "
            "your own network."),
    Setting("TWILIO_ACCOUNT_SID", "twilio_account_sid", _account_sid, None, "The Twilio account."),
    Setting("TWILIO_AUTH_TOKEN", "twilio_auth_tokens", _tokens, None,
            "Its auth token; two with a comma between them while one replaces the other.", secret=True),
    Setting("TWILIO_API_KEY", "twilio_api_key", _text, None, "An API key to send with, instead of the auth token."),
    Setting("TWILIO_API_SECRET", "twilio_api_secret", _text, None, "The API key's secret.", secret=True),
    Setting("TWILIO_API_BASE_URL", "twilio_api_base_url", _loopback_url, None,
            "Another address for Twilio's API: an emulator on this machine."),
    Setting("TWILIO_CONSENT_PUSH", "twilio_consent_push", _switch, "off",
            "on tells Twilio's Consent API once a day of opt-outs it did not see itself. Twilio has to have opened "
            "that API for the account."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an installation, read and checked."""

    store_url: str | None
    queue_url: str | None
    data: Path
    public_url: str | None
    secret_key: str | None
    erasure_keys: tuple[str, ...] | None
    durability: str
    retention: timedelta | None
    simulator: str
    log_format: str
    carrier_timeout: float
    reconcile_every: timedelta | None
    reconcile_back: timedelta
    api_rate: str | None
    events_private: bool
    twilio_account_sid: str | None
    twilio_auth_tokens: tuple[str, ...]
    twilio_api_key: str | None
    twilio_api_secret: str | None
    twilio_api_base_url: str | None
    twilio_consent_push: bool

    @property
    def replicas(self) -> int:
        """How many replicas have to have a write before it counts."""
        return int(self.durability.partition(":")[2] or 0)

    @property
    def twilio_on(self) -> bool:
        """True when the Twilio carrier is live."""
        return self.twilio_account_sid is not None

    @property
    def simulator_on(self) -> bool:
        """True when the simulator carrier and its phone are on."""
        return self.simulator == "on" or (self.simulator == "auto" and not self.twilio_on)


def default_data_folder(environment: Mapping[str, str]) -> Path:
    """The data folder when none is named: stopgate in the user's data folder."""
    base = environment.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "stopgate"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment; NAME_FILE names a file that holds NAME's value.

    Raises:
        SettingsError: with every problem there is.
    """
    source = os.environ if environment is None else environment
    problems: list[str] = []
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            raw = _raw_value(setting.name, source)
            values[setting.field] = setting.parse(raw) if raw is not None else _default(setting)
        except _BadValue as error:
            problems.append(f"{setting.name} {error}.")
    problems += _unknown_names(source)
    if not problems:
        values["data"] = values["data"] or default_data_folder(source)
        values["twilio_auth_tokens"] = values["twilio_auth_tokens"] or ()
        problems = _contradictions(values, source)
    if problems:
        raise SettingsError(problems)
    return Settings(**{field.name: values[field.name] for field in fields(Settings)})


def _default(setting: Setting) -> Any:
    return None if setting.default is None else setting.parse(setting.default)


def _raw_value(name: str, source: Mapping[str, str]) -> str | None:
    value, file_name = source.get(name), source.get(f"{name}_FILE")
    if value and file_name:
        raise _BadValue(f"and {name}_FILE are both set; keep one")
    if file_name:
        try:
            value = Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _BadValue(f"cannot be read from {file_name} ({type(error).__name__}); see {name}_FILE") from None
    # An empty variable is how many platforms spell "not set".
    return value or None


def _unknown_names(source: Mapping[str, str]) -> list[str]:
    known = {name for setting in SETTINGS for name in (setting.name, f"{setting.name}_FILE")}
    unknown = sorted(name for name in source if name.startswith("STOPGATE_") and name not in known)
    return [f"{name} is not a setting of Stopgate (a slip of the pen?)." for name in unknown]


def _contradictions(values: Mapping[str, Any], source: Mapping[str, str]) -> list[str]:
    rules = (
        (bool(values["twilio_account_sid"]) != bool(values["twilio_auth_tokens"]),
         "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN have to be set together."),
        (bool(values["twilio_api_key"]) != bool(values["twilio_api_secret"]),
         "TWILIO_API_KEY and TWILIO_API_SECRET have to be set together."),
        (bool(values["twilio_account_sid"]) and not values["public_url"],
         "STOPGATE_PUBLIC_URL has to be set with Twilio: its webhooks are signed for that address."),
        # The client library splices region and edge into whatever address it has (carriers.md 7.1).
        (bool(values["twilio_api_base_url"]) and bool(source.get("TWILIO_EDGE") or source.get("TWILIO_REGION")),
         "TWILIO_API_BASE_URL cannot be used while TWILIO_EDGE or TWILIO_REGION is set."),
        (is_cluster(values["store_url"] or "") and not values["queue_url"],
         "STOPGATE_QUEUE_URL has to be set when the store is a cluster, on which job queues cannot run."),
        (bool(values["store_url"]) and not values["secret_key"],
         "STOPGATE_SECRET_KEY has to be set when STOPGATE_STORE_URL is: all machines need the same one."),
    )  # fmt: skip
    return [sentence for broken, sentence in rules if broken]


def secret_key_of(settings: Settings) -> str:
    """The secret key: the setting, or one made once and kept in the data folder.

    Raises:
        SettingsError: it can neither be read nor made.
    """
    if settings.secret_key:
        return settings.secret_key
    path = settings.data / "secret_key"
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            secret = secrets.token_hex(32)
            file.write(secret)
    except OSError as error:
        raise SettingsError([f"The data folder {settings.data} cannot be used: {error.strerror}."]) from None
    return secret


def derived_secret(secret_key: str, purpose: str) -> str:
    """A secret for one purpose, made from the installation's secret key."""
    return hmac.new(secret_key.encode(), purpose.encode(), sha256).hexdigest()
