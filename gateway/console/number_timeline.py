"""Everything that happened with one number, newest first: texts, decisions, changes of consent, reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.consent import Explanation
from gateway.console.display import STATES
from gateway.message_words import OUTCOMES, REPLIES, decided, sentence_of
from gateway.phone import formatted
from store.journal import JournalEntry
from store.messages import Message, TimelineEvent
from store.scopes import Scope

_CHANGES: Mapping[str, str] = {
    "opted_out": "Opted out",
    "strengthened": "Said again, by stronger evidence",
    "refreshed": "Said again",
    "already": "Said again; the first date stays",
    "stronger_kept": "Asked to be opted out; stronger evidence stays",
    "stale": "Came late; something newer stands",
    "lifted": "Opt-out lifted",
    "undone": "Import undone",
    "kept": "Asked to lift; only the person can",
    "not_opted_out": "Nothing was there to lift",
    "held": "Held for a person",
    "asked": "Asked to confirm",
    "joined": "Joined",
    "opt_out": "A colleague decided: an opt-out",
    "not_opt_out": "A colleague decided: no opt-out",
    "wrong_number": "A colleague decided: a wrong number",
}
_SOURCES: Mapping[str, str] = {
    "keyword": "by the person's text",
    "link": "by the person's link",
    "confirmed": "by the person's confirmation",
    "carrier": "by the carrier",
    "agent": "by a colleague",
    "admin": "by an admin",
    "api": "by a program",
    "import": "by an imported list",
}
# What happened in one moment: a text, what it changed, what answered it.
_ORDER = {"text_in": 0, "change": 1, "text_out": 2}
_SHOWN = (
    "accepted",
    "sent",
    "delivered",
    "report",
    "retry",
    "failed",
    "undelivered",
    "unknown",
    "suppressed",
    "expired",
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line. kind: text_in, text_out or change. tone: of the state beside it. more: further sentences."""

    at: datetime
    kind: str
    title: str
    body: str = ""
    state: tuple[str, str] | None = None
    more: tuple[str, ...] = ()


def timeline(found: Explanation, reports_of: Callable[[str], Sequence[TimelineEvent]]) -> list[Happening]:
    """The lines, newest first. reports_of: what happened to a text out, by its id. Raises StoreError."""
    lines = [_text(message, reports_of) for message in found.messages]
    lines += [change_of(entry) for entry in found.journal]
    return sorted(lines, key=lambda line: (line.at, _ORDER[line.kind]), reverse=True)


def _text(message: Message, reports_of: Callable[[str], Sequence[TimelineEvent]]) -> Happening:
    sender = formatted(message.sender)
    if message.direction == "in":
        made = decided(message)
        meant = "nothing asked" if made.action == "none" else made.action.replace("_", " ")
        understood = f"Understood as: {meant}. {made.explanation}" if made.explanation else ""
        did = f"{OUTCOMES[made.outcome][0].upper()}{OUTCOMES[made.outcome][1:]}. {REPLIES.get(made.reply, '')}".strip()
        rule = f"Rule {made.rule}" if made.rule not in {"", "none"} else ""
        more = tuple(part for part in (understood, did, rule) if part)
        return Happening(message.created_at, "text_in", f"They texted {sender}", message.body, None, more)
    what = {"confirmation": "Confirmation", "help": "Answer to HELP"}.get(message.kind, "Text")
    by = f", by {str(message.extra['sent_by']).removeprefix('user ')}" if message.extra.get("sent_by") else ""
    why = sentence_of(message)
    events = [
        f"{event.at:%H:%M:%S} UTC {event.what}{f' ({event.detail})' if event.detail else ''}"
        for event in reports_of(message.id)
        if event.what in _SHOWN
    ]
    more = tuple(part for part in (why or "", "; ".join(events)) if part)
    state = STATES.get(message.status, (message.status.replace("_", " "), "quiet"))
    return Happening(message.created_at, "text_out", f"{what} from {sender}{by}", message.body, state, more)


def change_of(entry: JournalEntry) -> Happening:
    """The line of one journal entry."""
    scope = Scope.parse(entry.scope)
    reach = _reach(scope)
    who = entry.detail.get("actor") or _SOURCES.get(entry.source, "")
    channels = " and ".join({"text": "texts", "voice": "calls"}.get(channel, channel) for channel in entry.channels)
    title = f"{_CHANGES.get(entry.outcome, entry.outcome.replace('_', ' ').capitalize())}: {channels}{reach}"
    detail = entry.detail
    who = str(who).removeprefix("user ")
    more = [f"By {who}." if not who.startswith("by ") else f"{who[0].upper()}{who[1:]}."]
    for name, words in (("note", "Note"), ("reason", "Reason"), ("batch", "Import"), ("row", "Row of the file")):
        if detail.get(name):
            more.append(f"{words}: {detail[name]}")
    if entry.occurred_at.replace(microsecond=0) < entry.recorded_at.replace(microsecond=0):
        more.append(f"Recorded on {entry.recorded_at:%d %B %Y, %H:%M:%S} UTC")
    return Happening(entry.occurred_at, "change", title, "", None, tuple(more))


def _reach(scope: Scope) -> str:
    if scope.audience:
        return f" for the audience {scope.audience}"
    if scope.sender:
        return f" from {formatted(scope.sender)}"
    return "" if scope.account else " everywhere"
