"""Uploaded files: kept in compressed parts, so that a worker on another machine can read them."""

import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any

import redis

from store import keys
from store.client import store_errors

_PART = 1_000_000
KEPT = timedelta(days=30)
KEPT_AFTER_END = timedelta(days=7)


class UploadStore:
    """Files of all imports."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def keep(self, upload_id: str, file: IO[bytes]) -> int:
        """Keep a file for `KEPT`; returns in how many parts. Raises StoreError."""
        parts = 0
        while data := file.read(_PART):
            with store_errors():
                self._client.set(keys.upload(upload_id, parts), zlib.compress(data, 1), ex=KEPT)
            parts += 1
        return parts

    def parts(self, upload_id: str, parts: int) -> Iterator[bytes]:
        """The file, part by part.

        Raises:
            KeyError: it is no longer kept.
            StoreError: the store did not answer.
        """
        for part in range(parts):
            with store_errors():
                found: Any = self._client.get(keys.upload(upload_id, part))
            if found is None:
                raise KeyError(upload_id)
            yield zlib.decompress(found)

    def keep_for(self, upload_id: str, parts: int, duration: timedelta) -> None:
        """Keep a file so long from now on. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=False)
        for part in range(parts):
            pipeline.expire(keys.upload(upload_id, part), duration)
        with store_errors():
            pipeline.execute()
