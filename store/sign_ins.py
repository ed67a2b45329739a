"""Sign-ins that have not ended."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.consent import milliseconds, moment


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser that is signed in.

    id: a digest of the token, which itself is nowhere but in the browser. ends_at: the latest end; it ends earlier
    when nobody uses it. address, browser: where it came from, for the person to recognise.
    """

    id: str
    user_id: str
    started_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    browser: str


def id_of(token: str) -> str:
    """The id of the sign-in that a token stands for."""
    # A token is 256 random bits, so a plain digest cannot be guessed backwards.
    return hashlib.sha256(token.encode()).hexdigest()


class SignInStore:
    """The sign-ins of everybody."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def keep(self, sign_in: SignIn, *, idle: timedelta) -> None:
        """Write a new sign-in; it is forgotten when nobody uses it for `idle`, or at its end. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.set(keys.sign_in(sign_in.id), _document(sign_in), px=_life(sign_in, idle))
        # Ids of sign-ins that were forgotten earlier stay here until their latest end; `of` skips them.
        pipeline.zremrangebyscore(keys.sign_ins_of(sign_in.user_id), "-inf", milliseconds(sign_in.seen_at))
        pipeline.zadd(keys.sign_ins_of(sign_in.user_id), {sign_in.id: milliseconds(sign_in.ends_at)})
        with store_errors():
            pipeline.execute()

    def find(self, sign_in_id: str) -> SignIn | None:
        """The sign-in with an id, or None when it ended. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.get(keys.sign_in(sign_in_id))
        return _sign_in(sign_in_id, raw) if raw is not None else None

    def seen(self, sign_in: SignIn, now: datetime, *, idle: timedelta) -> SignIn:
        """Note that a sign-in was used; one that was ended meanwhile stays so. Raises StoreError."""
        later = replace(sign_in, seen_at=now)
        with store_errors():
            self._client.set(keys.sign_in(sign_in.id), _document(later), px=_life(later, idle), xx=True)
        return later

    def of(self, user_id: str) -> list[SignIn]:
        """The sign-ins of one person, newest first. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.zrange(keys.sign_ins_of(user_id), 0, -1)
        found = [self.find(row.decode()) for row in rows]
        return sorted((each for each in found if each), key=lambda each: each.started_at, reverse=True)

    def end(self, user_id: str, sign_in_id: str) -> bool:
        """End a sign-in of a person; False when it is not theirs or ended before. Raises StoreError."""
        with store_errors():
            if not self._client.zrem(keys.sign_ins_of(user_id), sign_in_id):
                return False
            return bool(self._client.delete(keys.sign_in(sign_in_id)))

    def end_all(self, user_id: str, *, but: str = "") -> int:
        """End all sign-ins of a person, except one. Returns how many. Raises StoreError."""
        return sum(self.end(user_id, each.id) for each in self.of(user_id) if each.id != but)


def _life(sign_in: SignIn, idle: timedelta) -> timedelta:
    return max(min(idle, sign_in.ends_at - sign_in.seen_at), timedelta(milliseconds=1))


def _document(sign_in: SignIn) -> str:
    return json.dumps(
        {
            "user": sign_in.user_id,
            "started": milliseconds(sign_in.started_at),
            "seen": milliseconds(sign_in.seen_at),
            "ends": milliseconds(sign_in.ends_at),
            "address": sign_in.address,
            "browser": sign_in.browser,
        }
    )


def _sign_in(sign_in_id: str, raw: bytes) -> SignIn:
    document: dict[str, Any] = json.loads(raw)
    return SignIn(
        id=sign_in_id,
        user_id=document["user"],
        started_at=moment(document["started"]),
        seen_at=moment(document["seen"]),
        ends_at=moment(document["ends"]),
        address=document["address"],
        browser=document["browser"],
    )
