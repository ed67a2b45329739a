"""Accounts and their senders, keywords and settings: small, read all the time, changed seldom."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import redis

from store import keys
from store.client import store_errors
from store.errors import StoreError

# How often a change is tried when others change the same.
_PATIENCE = 50


@dataclass(frozen=True, slots=True)
class Sender:
    """What texts come from: a number, short code, alphanumeric id or messaging service of one account.

    kind: long_code, toll_free, short_code, alphanumeric or messaging_service. keywords_handled_by: "carrier"
    or "gateway". keywords_off: ids of built-in keywords whose texts are held here instead of acted on. The same
    address under two accounts is a shared sender.
    """

    address: str
    carrier: str
    kind: str
    keywords_handled_by: str
    segments_per_second: float = 1.0
    keywords_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyword:
    """One of an account's own words."""

    word: str
    action: str
    match: str = "whole"
    audience: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant. settings holds only what differs from the defaults."""

    id: str
    name: str
    default_country: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    senders: tuple[Sender, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    keywords_off: tuple[str, ...] = ()
    named_audiences: tuple[str, ...] = ()

    @property
    def audiences(self) -> tuple[str, ...]:
        """The audiences that its keywords name, and those that were named in requests."""
        return tuple(sorted({*self.named_audiences, *(word.audience for word in self.keywords if word.audience)}))


@dataclass(frozen=True, slots=True)
class Directory:
    """All accounts at one moment."""

    version: int
    accounts: Mapping[str, Account]
    by_sender: Mapping[str, tuple[tuple[Account, Sender], ...]]

    def sender_of(self, account: Account, address: str) -> Sender | None:
        """The account's sender with this address, or None."""
        return next((sender for sender in account.senders if sender.address == address), None)


def account_from(document: Mapping[str, Any]) -> Account:
    """An account from its stored document."""
    return Account(
        id=document["id"],
        name=document["name"],
        default_country=document.get("default_country", ""),
        settings=document.get("settings", {}),
        senders=tuple(
            Sender(**{**sender, "keywords_off": tuple(sender.get("keywords_off", ()))})
            for sender in document.get("senders", ())
        ),
        keywords=tuple(Keyword(**keyword) for keyword in document.get("keywords", ())),
        keywords_off=tuple(document.get("keywords_off", ())),
        named_audiences=tuple(document.get("named_audiences", ())),
    )


def _document(account: Account) -> str:
    return json.dumps(asdict(account), ensure_ascii=False, sort_keys=True)


def directory_of(version: int, accounts: Sequence[Account]) -> Directory:
    """A directory of accounts, with who uses which sender."""
    by_sender: dict[str, tuple[tuple[Account, Sender], ...]] = {}
    for account in accounts:
        for sender in account.senders:
            by_sender[sender.address] = (*by_sender.get(sender.address, ()), (account, sender))
    return Directory(version, {account.id: account for account in accounts}, by_sender)


class DirectoryStore:
    """Reads and writes accounts. Readers keep the directory for a second and ask whether it changed.

    Opt-out state is never kept like this: only who exists and how they want their words read.
    """

    def __init__(self, client: "redis.Redis", monotonic: Callable[[], float], *, fresh_for: float = 1.0) -> None:
        self._client = client
        self._monotonic = monotonic
        self._fresh_for = fresh_for
        self._kept: Directory | None = None
        self._asked_at = float("-inf")

    def current(self, *, fresh: bool = False) -> Directory:
        """The directory, at most a second old; with `fresh`, of this moment. Raises StoreError."""
        now = self._monotonic()
        if self._kept is not None and not fresh and now - self._asked_at < self._fresh_for:
            return self._kept
        with store_errors():
            version = int(self._client.get(keys.VERSION) or 0)
        if self._kept is None or self._kept.version != version:
            self._kept = self._load()
        self._asked_at = now
        return self._kept

    def _load(self) -> Directory:
        pipeline = self._client.pipeline(transaction=True)
        pipeline.get(keys.VERSION)
        pipeline.hgetall(keys.ACCOUNTS)
        with store_errors():
            version, documents = pipeline.execute()
        accounts = [account_from(json.loads(document)) for _, document in sorted(documents.items())]
        return directory_of(int(version or 0), accounts)

    def change(self, account_id: str, change: Callable[[Account], Account]) -> Account:
        """Change one account as it is at this moment; repeated when somebody else was quicker.

        Raises:
            KeyError: there is no such account.
            StoreError: it is unknown whether it was written, or others kept being quicker.
        """
        with store_errors(), self._client.pipeline(transaction=True) as pipeline:
            for _ in range(_PATIENCE):
                try:
                    pipeline.watch(keys.ACCOUNTS)  # type: ignore[no-untyped-call]
                    document: Any = pipeline.hget(keys.ACCOUNTS, account_id)
                    if document is None:
                        raise KeyError(account_id)
                    changed = change(account_from(json.loads(document)))
                    pipeline.multi()
                    pipeline.hset(keys.ACCOUNTS, account_id, _document(changed))
                    pipeline.incr(keys.VERSION)
                    pipeline.execute()
                except redis.WatchError:
                    continue
                self._asked_at = float("-inf")
                return changed
        raise StoreError("The account was changed by others again and again. Try once more.")

    def save(self, accounts: Sequence[Account]) -> None:
        """Write accounts, whole, in one step. Raises StoreError."""
        pipeline = self._client.pipeline(transaction=True)
        for account in accounts:
            pipeline.hset(keys.ACCOUNTS, account.id, _document(account))
        pipeline.incr(keys.VERSION)
        with store_errors():
            pipeline.execute()
        self._asked_at = float("-inf")
