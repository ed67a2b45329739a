"""The record of one message, its id, and how both are kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store.addresses import shard_of
from store.journal import milliseconds, moment
from store.scopes import Scope, scopes_of_send

_ID_PREFIX = "m"


@dataclass(frozen=True, slots=True)
class Message:
    """One text, inbound or outbound.

    configured_sender: the sender as its account has it, when the text goes out from a number of a messaging service.
    kind: "transactional", "broadcast", "confirmation", "help", ... what the text is for. permit: it answers a
    person's own text and passes the gate once although the number is blocked (G4). expires_at: not sent after.
    status: queued, handing_over, accepted, sent, delivered, read, undelivered, failed, canceled, unknown,
    suppressed, expired; or received. reason: a stable word for why. blocked_by: the block that suppressed it.
    """

    id: str
    account: str
    direction: str
    sender: str
    address: str
    body: str
    kind: str
    status: str
    created_at: datetime
    audience: str = ""
    configured_sender: str = ""
    permit: bool = False
    expires_at: datetime | None = None
    reason: str = ""
    code: str = ""
    carrier: str = ""
    carrier_id: str = ""
    in_reply_to: str = ""
    attempts: int = 0
    updated_at: datetime | None = None
    handed_at: datetime | None = None
    blocked_by: Mapping[str, Any] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def broadcast(self) -> str:
        """The id of the broadcast that this text belongs to, or ""."""
        return self.extra.get("broadcast", "")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that covers this message."""
        return scopes_of_send(self.account, self.configured_sender or self.sender, self.audience or None)


def message_id(address: str, *parts: str) -> str:
    """The id of a message to or from an address, the same for the same parts. It names its shard."""
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]
    return f"{_ID_PREFIX}{shard_of(address)}{digest}"


def shard_of_message(identifier: str) -> str | None:
    """The shard a message id names, or None when it is not a message id."""
    shard = identifier[1:3]
    if len(identifier) == 35 and identifier[0] == _ID_PREFIX and identifier[1:].isalnum() and shard.isdigit():
        return shard
    return None


def fields_of(message: Message) -> list[str]:
    """A message as the field, value, field, value list that the function library writes."""
    values = {
        "account": message.account,
        "direction": message.direction,
        "sender": message.sender,
        "address": message.address,
        "body": message.body,
        "kind": message.kind,
        "status": message.status,
        "created": str(milliseconds(message.created_at)),
        "updated": str(milliseconds(message.created_at)),
        "audience": message.audience,
        "configured_sender": message.configured_sender,
        "permit": "1" if message.permit else "",
        "expires": str(milliseconds(message.expires_at)) if message.expires_at else "",
        "carrier": message.carrier,
        "sid": message.carrier_id,
        "in_reply_to": message.in_reply_to,
        **message.extra,
    }
    return [part for name, value in values.items() if value for part in (name, value)]


_KNOWN = {
    *("account", "direction", "sender", "address", "body", "kind", "status", "created", "updated", "audience"),
    *("permit", "expires", "carrier", "sid", "in_reply_to", "configured_sender", "reason", "code", "attempts"),
    *("blocked_by", "handed_at"),
}


def message_from(identifier: str, raw: Mapping[bytes, bytes]) -> Message:
    """A message from its stored hash."""
    text = {name.decode(): value.decode() for name, value in raw.items()}
    return Message(
        id=identifier,
        account=text["account"],
        direction=text["direction"],
        sender=text["sender"],
        address=text["address"],
        body=text.get("body", ""),
        kind=text["kind"],
        status=text["status"],
        created_at=moment(text["created"]),
        audience=text.get("audience", ""),
        configured_sender=text.get("configured_sender", ""),
        handed_at=moment(text["handed_at"]) if "handed_at" in text else None,
        permit=text.get("permit") == "1",
        expires_at=moment(text["expires"]) if "expires" in text else None,
        reason=text.get("reason", ""),
        code=text.get("code", ""),
        carrier=text.get("carrier", ""),
        carrier_id=text.get("sid", ""),
        in_reply_to=text.get("in_reply_to", ""),
        attempts=int(text.get("attempts", "0")),
        updated_at=moment(text["updated"]),
        blocked_by=json.loads(text["blocked_by"]) if "blocked_by" in text else None,
        extra={name: value for name, value in text.items() if name not in _KNOWN and not name.startswith("report:")},
    )
