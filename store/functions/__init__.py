"""The server-side function library: its text, its version, loading it and calling it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import redis

from store.client import store_errors
from store.topology import Spread, Topology

PARTS = ("stopgate.lua", "bulk.lua", "erasure.lua", "contacts.lua", "lists.lua")
"""The files of the library, in their order: later parts use what earlier ones define."""

# What a server says of a function it does not have; nothing was executed, so calling again is safe.
_MISSING = "Function not found"


@cache
def _parts_joined() -> str:
    return "\n".join(files(__name__).joinpath(part).read_text(encoding="utf-8") for part in PARTS)


@cache
def library_version() -> str:
    """A digest of the library's text: another text is another version."""
    return hashlib.sha256(_parts_joined().encode()).hexdigest()[:12]


@cache
def library_source() -> str:
    """The Lua text of the library as it is loaded: library and functions carry the version in their names.

    A server that lacks this very version has none of these names, so that a call of one version of Stopgate never
    runs the function of another, during an upgrade or after a server came back with old data.
    """
    version = library_version()
    text = _parts_joined().replace("#!lua name=stopgate\n", f"#!lua name=stopgate_{version}\n", 1)
    return re.sub(r"'(sg_[a-z_]+)'", rf"'\1_{version}'", text)


def without_none(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload without its empty values: JSON's null is true in Lua, a missing field is not."""
    return {name: value for name, value in payload.items() if value is not None}


Call = tuple[str, Sequence[str], Sequence[str | bytes | int]]
"""A function's name, its keys (of one slot) and its arguments."""


def _command(name: str, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> tuple[Any, ...]:
    return ("FCALL", f"{name}_{library_version()}", len(keys), *keys, *arguments)


class Started:
    """Calls that are under way."""

    def __init__(self, functions: "Functions", calls: Sequence[Call], spread: Spread) -> None:
        self._functions = functions
        self._calls = calls
        self._spread = spread

    def answers(self) -> list[Any]:
        """What they answered.

        Raises:
            StoreUnreachable: there was no answer, or too few replicas have it; a write may or may not have happened.
            StoreError: a server refused one of them; the others may have happened.
        """
        with store_errors():
            return self._functions.loaded_where_missing(self._spread.answers(), self._calls)

    def abandon(self) -> None:
        """Give the answers up: the calls may or may not happen."""
        self._spread.abandon()


class Functions:
    """Calls functions of the library, loading it wherever it is missing."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def ensure_loaded(self) -> None:
        """Load the library on every primary that does not have this very version.

        Raises:
            StoreError: a server could not be asked or refused the library.
        """
        with store_errors():
            for server in self._topology.primaries():
                self._load(server)

    def _load(self, server: "redis.Redis") -> None:
        name = f"stopgate_{library_version()}"
        if not server.function_list(library=name):
            try:
                server.function_load(library_source())
            except redis.ResponseError as error:
                # Two processes at once: the other one was faster.
                if "already exists" not in str(error):
                    raise

    def call(self, name: str, keys: Sequence[str], payload: Mapping[str, Any]) -> Any:
        """Call a function with a JSON payload.

        Raises:
            StoreUnreachable: there was no answer, or too few replicas have it; a write may or may not have happened.
            StoreError: the server refused.
        """
        return self.call_raw(name, keys, json.dumps(payload, separators=(",", ":"), ensure_ascii=False))

    def call_raw(self, name: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """Call a function with plain arguments. Raises as `call` does."""
        (answer,) = self.start([(name, keys, arguments)]).answers()
        return answer

    def start(self, calls: Sequence[Call]) -> "Started":
        """Call functions on keys of any slots, at once; the answers are read later. Raises StoreError."""
        with store_errors():
            commands = [(call[1][0], _command(*call)) for call in calls]
            return Started(self, calls, Spread(self._topology, commands, durable=True))

    def loaded_where_missing(self, answers: list[Any], calls: Sequence[Call]) -> list[Any]:
        """The answers, with calls repeated that a server did not know; errors are raised. Raises redis.RedisError."""
        for position, answer in enumerate(answers):
            if isinstance(answer, redis.ResponseError) and _MISSING in str(answer):
                # The server came back without its functions (a fresh one, or FLUSHALL): give them back.
                self.ensure_loaded()
                (answers[position],) = Spread(
                    self._topology, [(calls[position][1][0], _command(*calls[position]))], durable=True
                ).answers()
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers
