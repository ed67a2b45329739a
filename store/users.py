"""People who sign in: who they are, what they may do, and the hash of their password."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.consent import milliseconds, moment
from store.errors import StoreError

EVERY_ACCOUNT = "*"
"""In memberships: all accounts, those to come too."""
# How often a change is tried when others change the same.
_PATIENCE = 50


class EmailTaken(Exception):
    """Somebody else signs in with this address."""


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    memberships: account id, or EVERY_ACCOUNT -> role. password_hash: argon2, "" for none (cannot sign in).
    must_change_password: the password was made by somebody else and is good for one thing: choosing another.
    """

    id: str
    email: str
    name: str
    password_hash: str
    memberships: Mapping[str, str] = field(default_factory=dict)
    must_change_password: bool = False
    created_at: datetime | None = None
    signed_in_at: datetime | None = None

    def role_in(self, account: str) -> str | None:
        """The person's role in an account: the one given for it, else the one for all; None for a stranger."""
        return self.memberships.get(account) or self.memberships.get(EVERY_ACCOUNT)


def _document(user: User) -> str:
    return json.dumps(
        {
            "email": user.email,
            "name": user.name,
            "password_hash": user.password_hash,
            "memberships": dict(user.memberships),
            "must_change_password": user.must_change_password,
            "created": milliseconds(user.created_at) if user.created_at else None,
            "signed_in": milliseconds(user.signed_in_at) if user.signed_in_at else None,
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _user(user_id: str, raw: bytes) -> User:
    document: dict[str, Any] = json.loads(raw)
    return User(
        id=user_id,
        email=document["email"],
        name=document["name"],
        password_hash=document["password_hash"],
        memberships=document["memberships"],
        must_change_password=document["must_change_password"],
        created_at=moment(document["created"]) if document["created"] else None,
        signed_in_at=moment(document["signed_in"]) if document["signed_in"] else None,
    )


class UserStore:
    """All people of the installation. Addresses are compared as they are given: callers fold them."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def add(self, user: User) -> None:
        """Keep a new person.

        Raises:
            EmailTaken: somebody has the address.
            StoreError: it is unknown whether it was written.
        """
        with store_errors(), self._client.pipeline(transaction=True) as pipeline:
            for _ in range(_PATIENCE):
                try:
                    pipeline.watch(keys.USER_EMAILS)  # type: ignore[no-untyped-call]
                    if pipeline.hexists(keys.USER_EMAILS, user.email):
                        raise EmailTaken(user.email)
                    pipeline.multi()
                    pipeline.hset(keys.USER_EMAILS, user.email, user.id)
                    pipeline.hset(keys.USERS, user.id, _document(user))
                    pipeline.execute()
                except redis.WatchError:
                    continue
                return
        raise StoreError("Others added people again and again. Try once more.")

    def find(self, user_id: str) -> User | None:
        """The person with an id, or None. Raises StoreError."""
        with store_errors():
            raw: Any = self._client.hget(keys.USERS, user_id)
        return _user(user_id, raw) if raw is not None else None

    def by_email(self, email: str) -> User | None:
        """The person who signs in with an address, or None. Raises StoreError."""
        with store_errors():
            user_id: Any = self._client.hget(keys.USER_EMAILS, email)
        return self.find(user_id.decode()) if user_id is not None else None

    def all(self) -> list[User]:
        """Everybody, by address. Raises StoreError."""
        with store_errors():
            rows: Any = self._client.hgetall(keys.USERS)
        return sorted((_user(user_id.decode(), raw) for user_id, raw in rows.items()), key=lambda user: user.email)

    def change(self, user_id: str, change: Callable[[User], User]) -> User:
        """Change one person as they are at this moment, their address too.

        Raises:
            KeyError: there is nobody with this id.
            EmailTaken: somebody else has the new address.
            StoreError: it is unknown whether it was written, or others kept being quicker.
        """
        with store_errors(), self._client.pipeline(transaction=True) as pipeline:
            for _ in range(_PATIENCE):
                try:
                    pipeline.watch(keys.USERS, keys.USER_EMAILS)  # type: ignore[no-untyped-call]
                    raw: Any = pipeline.hget(keys.USERS, user_id)
                    if raw is None:
                        raise KeyError(user_id)
                    before = _user(user_id, raw)
                    changed = change(before)
                    moved = changed.email != before.email
                    if moved and pipeline.hexists(keys.USER_EMAILS, changed.email):
                        raise EmailTaken(changed.email)
                    pipeline.multi()
                    if moved:
                        pipeline.hdel(keys.USER_EMAILS, before.email)
                        pipeline.hset(keys.USER_EMAILS, changed.email, user_id)
                    pipeline.hset(keys.USERS, user_id, _document(changed))
                    pipeline.execute()
                except redis.WatchError:
                    continue
                return changed
        raise StoreError("The person was changed by others again and again. Try once more.")

    def remove(self, user: User) -> None:
        """Forget a person. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hdel(keys.USERS, user.id)
        pipeline.hdel(keys.USER_EMAILS, user.email)
        with store_errors():
            pipeline.execute()
