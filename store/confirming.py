"""A colleague opts somebody out: the change and the one confirmation to the person, in one step (G4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from store import keys
from store.addresses import place_of
from store.consent import Change, Outcome, change_keys, gate_keys, milliseconds, outcomes_from
from store.enlisting import entry_keys
from store.functions import Functions, without_none
from store.messages import Message, MessageStore
from store.pseudonyms import Pseudonyms
from store.scopes import Channel, Scope


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What an opt-out did. reply: "queued", or why no confirmation goes out; reply_id: its message id, or ""."""

    outcomes: tuple[Outcome, ...]
    reply: str
    reply_id: str


@dataclass(frozen=True, slots=True)
class ConfirmedOptOut:
    """An opt-out and its confirmation.

    account, address: whose conversation. reply: the confirmation, or None with the reason in `no_reply`. covering:
    the scopes that covered a text to the person until now: nobody who was out already is sent a confirmation.
    once_for: how long the confirmation counts as given.
    """

    account: str
    address: str
    sender: str
    changes: Sequence[Change]
    covering: Sequence[Scope]
    reply: Message | None
    no_reply: str
    once_for: timedelta
    detail: Mapping[str, Any]


class ConfirmingStore:
    """Opt-outs with a confirmation that did not come as texts."""

    def __init__(self, functions: Functions, messages: MessageStore, pseudonyms: Pseudonyms) -> None:
        self._functions = functions
        self._messages = messages
        self._pseudonyms = pseudonyms

    def opt_out(self, asked: ConfirmedOptOut, *, now: datetime, due_at: datetime) -> Confirmed:
        """Write an opt-out, its journal entry and its confirmation, or find that nothing is left to do.

        Args:
            asked: the opt-out.
            now: the time.
            due_at: when the sweeper is to look after the confirmation, if nobody did.

        Raises:
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        place = place_of(asked.address)
        names = [
            keys.counters(place.shard),
            keys.outbox(place.shard),
            keys.repeat_mark(place.shard, asked.sender, asked.address),
            keys.thread(place.shard, asked.account, asked.address),
        ]
        stops_texts = any(Channel.TEXT in change.channels for change in asked.changes)
        entry = entry_keys(asked.account, asked.address, "out", now, names, waits=False if stops_texts else None)
        reply = None
        if asked.reply is not None:
            names += [keys.message(place.shard, asked.reply.id), keys.timeline(place.shard, asked.reply.id)]
            reply = {
                **self._messages.creation(asked.reply, names, len(names) - 1, len(names), 4, due_at=due_at),
                "once": round(asked.once_for / timedelta(milliseconds=1)),
            }
        erased = self._pseudonyms.places_of(asked.address)
        gate_names, scopes = gate_keys(place, asked.covering, Channel.TEXT, len(names) + 1, erased)
        names += gate_names
        change_names, changes = change_keys(place, asked.changes, first=len(names) + 1)
        payload = {
            "counters": 1,
            "outbox": 2,
            "repeat_mark": 3,
            "entry": entry,
            "reply": reply,
            "no_reply": asked.no_reply,
            "address": asked.address,
            "member": place.gate_member,
            "field": place.details_field,
            "scopes": scopes,
            "at": str(milliseconds(now)),
            "now": str(milliseconds(now)),
            "detail": json.dumps(asked.detail, ensure_ascii=False),
            "changes": changes,
        }
        answer = json.loads(self._functions.call("sg_opt_out", names + change_names, without_none(payload)))
        return Confirmed(outcomes_from(answer["results"]), answer["reply"], answer["reply_id"])
