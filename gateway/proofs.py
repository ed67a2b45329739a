"""Proof files: all that is known of one number in one account, chained so that a change shows (regulation US-21)."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from gateway.account_settings import ACCOUNT_SETTINGS, setting_of
from gateway.clock import Clock, written
from gateway.consent import Consent, Explanation
from gateway.proof_chain import Finding, Item, chained, is_signed, key_id, sealed
from store import Store
from store.consent import JournalEntry
from store.directory import Account
from store.messages import Message

_MOST_TEXTS = 5000
_MOST_ZONES = 3
_AS_OF_THEN = {"header", "state", "request"}
"""Kinds of entries that sum up how things were when the file was made; a later file says it anew."""


class Proofs:
    """Makes proof files of an installation, and compares them with it."""

    def __init__(self, store: Store, consent: Consent, clock: Clock, *, key: bytes, software: str) -> None:
        self._store = store
        self._consent = consent
        self._clock = clock
        self._key = key
        self._software = software

    def make(self, account: Account, number: str) -> dict[str, Any]:
        """The proof of a number in an account, as a JSON document (docs/proof.md).

        Raises:
            StoreError: there is none now.
        """
        return sealed(self._items(account, number), self._key)

    def check(self, document: Mapping[str, Any], accounts: Mapping[str, Account]) -> list[Finding]:
        """What does not fit between a document and this installation: its signature, and each entry as it is now.

        The chain is to be checked first. Entries that came after the file was made are not looked at.

        Raises:
            StoreError: the installation cannot be asked now.
        """
        if not is_signed(document, self._key):
            signature = document.get("signature")
            other = isinstance(signature, dict) and signature.get("key") != key_id(self._key)
            why = "It was signed with another key." if other else "Its signature does not fit its head."
            return [Finding("not_signed", "", f"This installation did not make this file. {why}")]
        header = document["entries"][0]["data"]
        account = accounts.get(str(header.get("account")))
        if account is None:
            return [Finding("not_here", "", f"There is no account {header.get('account')} here now.")]
        now = {entry["id"]: entry for entry in chained(self._items(account, str(header.get("number"))))}
        return list(_differences(document, now))

    def _items(self, account: Account, number: str) -> list[Item]:
        found = self._consent.explain(account, number, messages=_MOST_TEXTS)
        facts = [
            *self._texts(found),
            *(_journal_item(entry) for entry in found.journal),
            *self._imports(account, found),
        ]
        made = written(self._clock.now())
        header = Item("header", "header", made, self._header(account, number))
        return [header, *sorted(facts, key=lambda item: item.at), _state_item(found, made)]

    def _header(self, account: Account, number: str) -> dict[str, Any]:
        return {
            "number": number,
            "account": account.id,
            "account_name": account.name,
            "software": self._software,
            "settings": {name: setting_of(account.settings, name) for name in ACCOUNT_SETTINGS},
            "keywords_off": list(account.keywords_off),
            "senders": [asdict(sender) for sender in account.senders],
        }

    def _texts(self, found: Explanation) -> Iterator[Item]:
        zones = _zones_of(found.number)
        requests = {request.message.id: request for request in found.requests}
        for message in found.messages:
            yield Item(f"text/{message.id}", "text", written(message.created_at), _text_data(message, zones))
            request = requests.get(message.id)
            if request:
                data = {
                    "text": message.id,
                    "received_at": written(request.received_at),
                    "blocked_at": _or_none(request.blocked_at),
                    "confirmed_at": _or_none(request.confirmed_at),
                }
                yield Item(f"request/{message.id}", "request", written(message.created_at), data)
            if message.direction == "out":
                for index, event in enumerate(self._store.messages.timeline(message.id)):
                    data = {"text": message.id, "what": event.what, "detail": event.detail}
                    yield Item(f"event/{message.id}/{index:04d}", "event", written(event.at), data)

    def _imports(self, account: Account, found: Explanation) -> Iterator[Item]:
        batches = dict.fromkeys(str(entry.detail["batch"]) for entry in found.journal if "batch" in entry.detail)
        for batch in batches:
            record = self._store.imports.get(batch)
            if record is not None and record.account == account.id:
                order = {name: record.order.get(name) for name in ("file", "fingerprint", "actor", "note", "channels")}
                yield Item(f"import/{batch}", "import", written(record.created_at), {"import": batch, **order})


def _journal_item(entry: JournalEntry) -> Item:
    data = {
        "kind": entry.kind,
        "outcome": entry.outcome,
        "scope": entry.scope,
        "channels": list(entry.channels),
        "source": entry.source,
        "recorded_at": written(entry.recorded_at),
        "detail": dict(entry.detail),
        "follows": list(entry.previous),
    }
    row = f"/{entry.detail['row']}" if "row" in entry.detail else ""
    return Item(f"journal/{entry.scope}/{entry.id}{row}", "journal", written(entry.occurred_at), data)


def _text_data(message: Message, zones: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "direction": message.direction,
        "sender": message.sender,
        "body": message.body,
        "purpose": message.kind,
        "audience": message.audience,
        "in_reply_to": message.in_reply_to,
        "carrier": message.carrier,
    }
    if message.direction == "in":
        data |= {name: message.extra.get(name, "") for name in ("action", "certainty", "rule", "explanation")}
    else:
        # US-21 asks for the local time of each send; a number may be in one of several zones.
        data["local_times"] = {zone: message.created_at.astimezone(ZoneInfo(zone)).isoformat() for zone in zones}
    return data


def _state_item(found: Explanation, made: str) -> Item:
    blocks = [
        {
            "scope": block.scope.key,
            "channel": block.channel.value,
            "source": block.source.label if block.source else "unknown",
            "since": written(block.since),
            "entry": block.event,
        }
        for block in found.blocks
    ]
    states = [
        {"text": message.id, "status": message.status, "reason": message.reason, "code": message.code,
         "carrier_id": message.carrier_id}
        for message in found.messages
    ]  # fmt: skip
    return Item("state", "state", made, {"blocks": blocks, "held": found.held, "texts": states})


def _zones_of(number: str) -> list[str]:
    """The time zones a number may be in; none when nobody can say, or when there are too many to mean anything."""
    try:
        zones = [str(zone) for zone in time_zones_for_number(phonenumbers.parse(number))]
    except phonenumbers.NumberParseException:
        return []
    return [zone for zone in zones if _is_known(zone)] if len(zones) <= _MOST_ZONES else []


def _is_known(zone: str) -> bool:
    try:
        return bool(ZoneInfo(zone).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _or_none(moment: datetime | None) -> str | None:
    return written(moment) if moment else None


def _differences(document: Mapping[str, Any], now: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    entries = document["entries"]
    made = entries[0]["at"]
    for index, entry in enumerate(entries):
        if entry["kind"] in _AS_OF_THEN:
            continue
        here = now.get(entry["id"])
        if here is None:
            sentence = "is not in the installation any more (erased, or older than texts are kept)."
            yield Finding("not_here", _short(entry, index), sentence)
        elif (here["kind"], here["at"], here["data"]) != (entry["kind"], entry["at"], entry["data"]):
            yield Finding("differs", _short(entry, index), "is another one in the installation now.")
    known = {entry["id"] for entry in entries}
    for entry in now.values():
        if entry["id"] not in known and entry["kind"] not in _AS_OF_THEN and _recorded(entry) < made:
            yield Finding("left_out", f"{entry['kind']} of {entry['at']} ({entry['id']})", "is not in the file.")


def _recorded(entry: Mapping[str, Any]) -> str:
    """When an entry came into the installation: a text that was found late was not left out."""
    return max(str(entry["at"]), str(entry["data"].get("recorded_at", "")))


def _short(entry: Mapping[str, Any], index: int) -> str:
    return f"entry {entry.get('position', index)} ({entry['kind']} of {entry['at']})"
