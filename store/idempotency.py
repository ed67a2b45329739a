"""Idempotency keys of the REST API: what each was used for."""

from datetime import timedelta

import redis

from store import keys
from store.client import store_errors

_KEPT = timedelta(days=2)


class IdempotencyStore:
    """Remembers for two days which request an idempotency key belongs to."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def belongs_to(self, account: str, key: str, fingerprint: str) -> bool:
        """True when the key is new or was used for this very request. Raises StoreError.

        Args:
            account: whose key it is.
            key: as the caller chose it.
            fingerprint: a digest of the request.
        """
        name = keys.idempotency(account, key)
        with store_errors():
            known = self._client.set(name, fingerprint, nx=True, get=True, px=_KEPT)
        return known is None or known == fingerprint.encode()
