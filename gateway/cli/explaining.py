"""`stopgate explain` in words: what is known of a number, for the person who asks."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from gateway.consent import Explanation, OptOutRequest
from gateway.proof_text import OUTCOMES
from store.consent import Block
from store.journal import JournalEntry
from store.messages import Message, TimelineEvent
from store.scopes import Channel, Scope, ScopeKind

_WHOSE = {
    "keyword": "by their own text",
    "link": "by the opt-out link",
    "carrier": "by the carrier",
    "agent": "by a colleague in the conversation",
    "admin": "by an admin",
    "api": "by a program",
    "import": "by an imported list",
    "confirmed": "by their own confirmation",
}
_WAYS_BACK = {
    "keyword": "Only they can come back, by texting START.",
    "link": "Only they can come back, by texting START.",
    "carrier": "Only they can come back, by texting START to that sender.",
}
_CHANNELS = {Channel.TEXT: "Texts", Channel.VOICE: "Calls"}
_DETAILS = (
    ("text", "they wrote"),
    ("explanation", "read as"),
    ("rule", "rule"),
    ("sender", "sender"),
    ("actor", "by"),
    ("note", "note"),
    ("reason", "reason"),
    ("code", "code"),
    ("batch", "import"),
    ("row", "row of the file"),
    ("erased", "number and words erased"),
)


def told(found: Explanation, timelines: Mapping[str, Sequence[TimelineEvent]]) -> Iterator[str]:
    """An explanation as lines of text.

    Args:
        found: what is known.
        timelines: by message id, of the texts that went out.
    """
    yield f"{found.number} in account {found.account}. Times are UTC."
    yield from _standing(found)
    if found.requests:
        yield ""
        yield "Requests to stop"
        for request in found.requests:
            yield from _request(request)
    yield ""
    yield "Journal"
    for entry in found.journal:
        yield from _entry(entry)
    if not found.journal:
        yield "  empty"
    yield ""
    yield "Texts"
    for message in found.messages:
        yield from _text(message, timelines.get(message.id, ()))
    if not found.messages:
        yield "  none"


def _standing(found: Explanation) -> Iterator[str]:
    if not found.blocks:
        yield "  may be texted and called"
    for block in found.blocks:
        yield from _block(block)
    if found.held:
        yield "  held: a text of theirs waits for somebody to read it; broadcasts wait too"


def _block(block: Block) -> Iterator[str]:
    source = block.source.label if block.source else "unknown"
    since = _time(block.since)
    yield f"  {_CHANNELS[block.channel]}: opted out since {since}, {_whose(source)} ({_reach(block.scope)})"
    if source in _WAYS_BACK:
        yield f"         {_WAYS_BACK[source]}"


def _whose(source: str) -> str:
    return _WHOSE.get(source, "nobody knows by whom")


def _reach(scope: Scope) -> str:
    match scope.kind:
        case ScopeKind.GLOBAL:
            return "for the whole installation"
        case ScopeKind.SENDER:
            return f"from {scope.sender}, for everybody on it"
        case ScopeKind.ACCOUNT:
            return f"everything {scope.account} sends"
        case ScopeKind.ACCOUNT_SENDER:
            return f"what {scope.account} sends from {scope.sender}"
        case ScopeKind.ACCOUNT_AUDIENCE:
            return f"what {scope.account} sends to {scope.audience}"


def _request(request: OptOutRequest) -> Iterator[str]:
    yield f"  {request.message.body!r} to {request.message.sender}"
    blocked = _time(request.blocked_at) if request.blocked_at else "not yet: it waits for a person"
    confirmed = _time(request.confirmed_at) if request.confirmed_at else "not by us"
    yield f"      received {_time(request.received_at)}; blocked {blocked}; confirmed {confirmed}"


def _entry(entry: JournalEntry) -> Iterator[str]:
    what = OUTCOMES.get(entry.outcome, entry.outcome)
    by = f", {_WHOSE[entry.source]}" if entry.source in _WHOSE else ""
    yield f"  {_time(entry.occurred_at)}  {entry.kind.replace('_', ' ')}: {what}{by}"
    channels = " and ".join(_CHANNELS[Channel(channel)].lower() for channel in entry.channels)
    late = (
        ""
        if abs((entry.recorded_at - entry.occurred_at).total_seconds()) < 1
        else f"; recorded {_time(entry.recorded_at)}"
    )
    yield f"      {_reach(Scope.parse(entry.scope))}; {channels}{late}"
    for name, words in _DETAILS:
        if entry.detail.get(name) not in (None, ""):
            value = entry.detail[name]
            yield f"      {words}: {value!r}" if name == "text" else f"      {words}: {value}"


def _text(message: Message, events: Sequence[TimelineEvent]) -> Iterator[str]:
    way = f"<- to {message.sender}" if message.direction == "in" else f"-> from {message.sender}"
    yield f"  {_time(message.created_at)}  {way}  {_state(message)}  {message.body!r}"
    for event in events:
        yield f"      {event.at:%H:%M:%S}  {event.what.replace('_', ' ')} {event.detail}".rstrip()


def _state(message: Message) -> str:
    return f"{message.status} ({message.reason})" if message.reason else message.status


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
