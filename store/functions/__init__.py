"""The server-side function library: loading it, checking its version, calling it."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import redis

from store.client import store_errors

# What a server says of a function it does not have; nothing was executed, so calling again is safe.
_MISSING = "Function not found"


@cache
def library_source() -> str:
    """The Lua text of the library."""
    return files(__name__).joinpath("stopgate.lua").read_text(encoding="utf-8")


@cache
def library_version() -> str:
    """The version the library's text declares."""
    found = re.search(r"^local VERSION = '([^']+)'$", library_source(), re.MULTILINE)
    assert found, "stopgate.lua declares its version"
    return found.group(1)


def without_none(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload without its empty values: JSON's null is true in Lua, a missing field is not."""
    return {name: value for name, value in payload.items() if value is not None}


class Functions:
    """Calls functions of the library on a server, loading it where it is missing or of another version."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._checked = False

    def ensure_loaded(self) -> None:
        """Load the library unless the server has this very version.

        Raises:
            StoreError: the server could not be asked or refused the library.
        """
        with store_errors():
            if self._version() != library_version():
                self._client.function_load(library_source(), replace=True)
            self._checked = True

    def _version(self) -> str:
        try:
            answer = self._client.fcall_ro("sg_version", 0)
        except redis.ResponseError as error:
            if _MISSING in str(error):
                return ""
            raise
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def call(self, name: str, keys: Sequence[str], payload: Mapping[str, Any]) -> Any:
        """Call a function with a JSON payload.

        Raises:
            StoreUnreachable: there was no answer; a write may or may not have happened.
            StoreError: the server refused.
        """
        return self.call_raw(name, keys, json.dumps(payload, separators=(",", ":"), ensure_ascii=False))

    def call_raw(self, name: str, keys: Sequence[str], *arguments: str | int) -> Any:
        """Call a function with plain arguments. Raises as `call` does."""
        if not self._checked:
            self.ensure_loaded()
        with store_errors():
            try:
                return self._client.fcall(name, len(keys), *keys, *arguments)
            except redis.ResponseError as error:
                # The server came back without its functions (a fresh one, or FLUSHALL): give them back.
                if _MISSING not in str(error):
                    raise
                self.ensure_loaded()
                return self._client.fcall(name, len(keys), *keys, *arguments)
