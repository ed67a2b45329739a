"""Uploaded files: kept in compressed parts, so that a worker on another machine can read them."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import IO, Any

import redis

from store import keys
from store.client import store_errors

_PART = 1_000_000
KEPT = timedelta(days=30)
KEPT_AFTER_END = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody uploaded and has not decided about yet.

    kind: what it is a list of. parts: in how many it is kept. delimiter: between its cells, where the first row
    misleads.
    """

    id: str
    account: str
    name: str
    kind: str
    parts: int
    actor: str
    delimiter: str = ""

    @property
    def reference(self) -> str:
        """What an import's order calls it."""
        return f"{self.id}:{self.parts}"


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

    def describe(self, upload: Upload, duration: timedelta) -> None:
        """Keep what is known of a file, and the file, for so long from now on. Raises StoreError."""
        with store_errors():
            self._client.set(keys.upload_facts(upload.id), json.dumps(asdict(upload)), ex=duration)
        self.keep_for(upload.id, upload.parts, duration)

    def get(self, upload_id: str) -> Upload | None:
        """What is known of a file; None when nothing is, or no longer. Raises StoreError."""
        with store_errors():
            found: Any = self._client.get(keys.upload_facts(upload_id))
        return Upload(**json.loads(found)) if found is not None else None
