"""Audiences that requests name before anybody configured them."""

from dataclasses import replace

from store import Store
from store.directory import Account


def name_audience(store: Store, account: Account, audience: str) -> None:
    """Remember an audience that a request named. Raises StoreError."""

    def with_it(current: Account) -> Account:
        return replace(current, named_audiences=tuple(sorted({*current.named_audiences, audience})))

    store.directory.change(account.id, with_it)
