"""Broadcasts in words: what became of texts, and why somebody gets none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.audiences import Suppressed
from gateway.broadcast_figures import Broadcast
from gateway.console.blueprints import console
from gateway.message_words import failure_sentence
from keywords import Encoding, count_segments

# A state -> (its word, tone). What stops by itself is another state for people.
STATE_WORDS: Mapping[str, tuple[str, str]] = {
    "draft": ("draft", "quiet"),
    "sending": ("being sent", "wait"),
    "stopped": ("stopped", "quiet"),
    "finished": ("sent", "good"),
}
_STOPPED_BY_ITSELF = ("stopped by itself", "bad")

# How an opt-out came about, as the end of "opted out ...".
_SOURCES: Mapping[str, str] = {
    "keyword": "by their own text",
    "link": "by their link",
    "carrier": "at the carrier",
    "agent": "by a colleague",
    "admin": "by an admin",
    "api": "by a program",
    "import": "by an import",
}
_SCOPES: Mapping[str, str] = {
    "global": "everywhere",
    "sender": "at a shared sender",
    "account+sender": "from this sender",
    "account+audience": "of this audience",
}
_HELD = "held until somebody has read their text in Review"

_FEW = 3

# What became of texts, in the order in which it is said: the group of broadcast_figures.GROUPS, words, tone.
_GROUP_WORDS: tuple[tuple[str, str, str], ...] = (
    ("delivered", "delivered", "good"),
    ("sent", "sent; the carrier has not said yet whether they arrived", "good"),
    ("waiting", "wait to be handed over", "wait"),
    ("unknown", "unknown whether they were sent; they are not sent again", "wait"),
    ("failed", "not delivered", "bad"),
    ("suppressed", "not sent", "bad"),
    ("expired", "not handed over in time, and not sent", "bad"),
)
_WAITS_FOR_SOMEBODY = "wait until somebody goes on with it"
_REASON_WORDS: Mapping[tuple[str, str], str] = {
    ("suppressed", "opted_out"): "opted out while their text waited: not sent",
    ("suppressed", "held"): "sent a text that a person has to read, while theirs waited: not sent",
    ("unknown", "ambiguous"): "unknown: the carrier did not say whether it took them; they are not sent again",
    ("unknown", "lost_after_hand_over"): "unknown: a worker died while it handed them over; they are not sent again",
    ("failed", "opted_out"): "not delivered: the carrier says that they opted out of this sender",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A count, what it is, and its tone."""

    count: int
    words: str
    tone: str


@console.app_template_filter("state_of_broadcast")
def state_of_broadcast(broadcast: Broadcast) -> tuple[str, str]:
    """The state of a broadcast: word and tone."""
    record = broadcast.record
    if record.status == "stopped" and record.problem:
        return _STOPPED_BY_ITSELF
    return STATE_WORDS.get(record.status, (record.status, "quiet"))


@console.app_template_filter("why_not")
def why_not(suppressed: Suppressed) -> str:
    """Why members of an audience get no text, after their number: "opted out by their own text"."""
    if suppressed.reason == "held":
        return _HELD
    where = _SCOPES.get(suppressed.scope, "")
    return f"opted out {_SOURCES.get(suppressed.source, '')}".strip() + (f" ({where})" if where else "")


@console.app_template_filter("because_of")
def because_of(text: str) -> str:
    """Which few characters make a text take the large alphabet, after its name; "" when it does not, or all do."""
    found = [each for each in dict.fromkeys(text) if count_segments(each).encoding is Encoding.UCS_2]
    return f" because of {' '.join(found)}" if 0 < len(found) <= _FEW else ""


def outcome_lines(broadcast: Broadcast) -> list[Line]:
    """What became of the texts, and who got none, most wanted first."""
    most_first = sorted(broadcast.skipped, key=lambda one: -one.count)
    skipped = (Line(one.count, f"{why_not(one)}: no text was made", "quiet") for one in most_first)
    return [*_texts(broadcast), *skipped]


def _texts(broadcast: Broadcast) -> Iterator[Line]:
    for group, words, tone in _GROUP_WORDS:
        told: Counter[str] = Counter()
        for one in broadcast.reasons:
            if one.group == group:
                told[_because(one.group, one.reason, words)] += one.count
        if group == "waiting" and broadcast.record.status == "stopped":
            words = _WAITS_FOR_SOMEBODY
        told[words] += broadcast.counts[group] - told.total()
        yield from (Line(count, said, tone) for said, count in told.most_common() if count > 0)


def _because(group: str, reason: str, words: str) -> str:
    known = _REASON_WORDS.get((group, reason))
    if known:
        return known
    sentence = failure_sentence(reason)
    return f"{words}: {sentence[0].lower()}{sentence[1:]}".rstrip(".") if sentence else words
