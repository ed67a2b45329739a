"""Accounts as a file that `stopgate apply` takes: applying it where it came from changes nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.belongings import Belongings
from keywords import Certainty, decide, explain_rule
from store.directory import Account, Sender


def toml_of(accounts: Sequence[tuple[Account, Belongings]]) -> str:
    """A configuration file with these accounts. It has no secrets: no passwords, no keys, no signing secrets."""
    parts = [line for account, belongings in accounts for line in (*_account(account), *_belongings(belongings))]
    return "\n".join(["# Made by: stopgate export-config", *parts]) + "\n"


def _account(account: Account) -> Iterator[str]:
    yield from ("", "[[accounts]]", f"id = {_value(account.id)}", f"name = {_value(account.name)}")
    if account.default_country:
        yield f"default_country = {_value(account.default_country)}"
    yield from _switches(account.keywords_off)
    if account.settings:
        yield from ("", "[accounts.settings]")
        yield from (f"{name} = {_value(value)}" for name, value in sorted(account.settings.items()))
    for sender in account.senders:
        yield from ("", "[[accounts.senders]]", *_sender(sender))
    for keyword in account.keywords:
        yield from ("", "[[accounts.keywords]]", f"word = {_value(keyword.word)}", f"action = {_value(keyword.action)}")
        yield f"match = {_value(keyword.match)}"
        yield from _given({"audience": keyword.audience, "reply": keyword.reply})


def _sender(sender: Sender) -> Iterator[str]:
    for name in ("address", "carrier", "kind", "keywords_handled_by", "segments_per_second"):
        yield f"{name} = {_value(getattr(sender, name))}"
    yield from _switches(sender.keywords_off)


def _switches(rules: Sequence[str]) -> Iterator[str]:
    if not rules:
        return
    yield f"keywords_off = {_value([_word_of(rule) for rule in rules])}"
    if any(explain_rule(rule).mandatory for rule in rules):
        yield "mandatory_keywords_off_understood = true"


def _word_of(rule: str) -> str:
    """A word by which a file names a built-in keyword."""
    for word in explain_rule(rule).words:
        decision = decide(word)
        if (decision.rule, decision.certainty) == (rule, Certainty.EXACT):
            return word
    return rule


def _belongings(belongings: Belongings) -> Iterator[str]:
    for audience in belongings.audiences:
        yield from ("", "[[accounts.audiences]]", f"id = {_value(audience.id)}", f"name = {_value(audience.name)}")
        yield from _given({"sender": audience.sender})
    for member in belongings.users:
        yield from ("", "[[accounts.users]]", f"email = {_value(member.email)}", f"role = {_value(member.role)}")
        yield from _given({"name": member.name})
    for address in belongings.events:
        yield from ("", "[[accounts.events]]", f"url = {_value(address.url)}", f"kinds = {_value(list(address.kinds))}")
        yield f"active = {_value(address.active)}"
        yield from _given({"note": address.note})


def _given(values: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{name} = {_value(value)}" for name, value in values.items() if value)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A JSON string is a TOML string, but for one character that TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{ " + ", ".join(f"{_value(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return repr(value)
