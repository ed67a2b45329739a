"""Writing down who changed which part of the configuration, from what to what: two states of an account, compared."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.account_settings import ACCOUNT_SETTINGS, TEXT_BY_LANGUAGE, setting_of
from store import Store
from store.configuration_journal import ConfigurationChange
from store.directory import Account, Keyword, Sender


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a configuration that differs. area, name, before, after: see ConfigurationChange."""

    area: str
    name: str
    before: str
    after: str


def write_down(
    store: Store, account: str, at: datetime, actor: str, *, area: str, name: str, before: str, after: str
) -> None:
    """Write a change into the configuration journal; nothing, when nothing changed.

    Args:
        store: where it is kept.
        account: whose configuration, or store.configuration_journal.INSTALLATION.
        at: when.
        actor: who ("user ada@example.com", "operator", "api key 1f...").
        area: settings, replies, keywords, senders, users or keys.
        name: what was changed in it.
        before, after: as people read them; "" for not there.

    Raises:
        StoreError: it is unknown whether it was written.
    """
    if before != after:
        store.configuration_journal.append(account, [ConfigurationChange(at, actor, area, name, before, after)])


def change_account(
    store: Store, account_id: str, change: Callable[[Account], Account], *, at: datetime, actor: str
) -> Account:
    """Change an account as it is at this moment, and write down what became different.

    Raises:
        KeyError: there is no such account. What `change` raises goes through, and nothing is changed.
        StoreError: it is unknown whether it was written; repeating is safe.
    """
    before: list[Account] = []

    def noted(current: Account) -> Account:
        before[:] = [current]
        return change(current)

    after = store.directory.change(account_id, noted)
    write_differences(store, before[0], after, at=at, actor=actor)
    return after


def write_differences(store: Store, before: Account | None, after: Account, *, at: datetime, actor: str) -> None:
    """Write down how an account differs from what it was; None for one that is new. Raises StoreError."""
    changes = [
        ConfigurationChange(at, actor, each.area, each.name, each.before, each.after)
        for each in differences(before or Account(after.id, ""), after)
    ]
    if changes:
        store.configuration_journal.append(after.id, changes)


def differences(before: Account, after: Account) -> list[Difference]:
    """How two states of an account differ, part by part."""
    return [
        *_settings(before, after),
        *_parts("keywords", _own_words(before), _own_words(after)),
        *_parts("keywords", _switches(before), _switches(after), nothing="on"),
        *_parts("senders", _senders(before), _senders(after)),
    ]


def _parts(area: str, before: dict[str, str], after: dict[str, str], nothing: str = "") -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name, nothing) != after.get(name, nothing):
            yield Difference(area, name, before.get(name, nothing), after.get(name, nothing))


def _settings(before: Account, after: Account) -> Iterator[Difference]:
    for name, old, new in (
        ("name", before.name, after.name),
        ("default_country", before.default_country, after.default_country),
    ):
        if old != new:
            yield Difference("settings", name, old, new)
    for name, setting in ACCOUNT_SETTINGS.items():
        old, new = setting_of(before.settings, name), setting_of(after.settings, name)
        if setting.kind == TEXT_BY_LANGUAGE:
            yield from _parts("replies", _by_language(name, old), _by_language(name, new))
        elif old != new:
            yield Difference("settings", name, said(old), said(new))


def _by_language(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}/{language}": text for language, text in texts.items()}


def said(value: Any) -> str:
    """A setting's value as people read it."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _own_words(account: Account) -> dict[str, str]:
    return {keyword.word: _own_word(keyword) for keyword in account.keywords}


def _own_word(keyword: Keyword) -> str:
    match = "" if keyword.match == "whole" else keyword.match.replace("_", " ")
    reply = f"“{keyword.reply}”" if keyword.reply else ""
    return ", ".join(part for part in (keyword.action.replace("_", " "), keyword.audience, match, reply) if part)


def _switches(account: Account) -> dict[str, str]:
    here = dict.fromkeys(account.keywords_off, "off")
    return here | {f"{rule} at {sender.address}": "off" for sender in account.senders for rule in sender.keywords_off}


def _senders(account: Account) -> dict[str, str]:
    return {sender.address: _sender(sender) for sender in account.senders}


def _sender(sender: Sender) -> str:
    rate = f"{sender.segments_per_second:g} segments a second"
    kind = sender.kind.replace("_", " ")
    return f"{kind}, {sender.carrier}, keywords handled by {sender.keywords_handled_by}, {rate}"
