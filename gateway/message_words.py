"""What became of a text, in words for people: one table each for texts out and for texts in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.carriers.failures import FAILURES
from store.messages import Message

# Why a text did not go out; the carriers' failures have their sentences in their own table.
SENTENCES: Mapping[str, str] = {
    "opted_out": "The person opted out before it was handed over.",
    "held": "A text from this person waits for somebody to read it; broadcasts wait too.",
    "too_late": "It was not handed over in time and is not sent any more.",
    "lost_after_hand_over": "The process that handed it over died before the carrier answered. "
    "Nobody knows yet whether it was sent; it is not sent again.",
}

# Why a text that came in got the answer it got, or none.
REPLIES: Mapping[str, str] = {
    "queued": "We answered.",
    "held": "A person reads it first.",
    "nothing_to_answer": "It asks for nothing that is answered by itself.",
    "unrouted": "Nobody had this sender when it came.",
    "machine": "The sender looks like a machine, which is not answered.",
    "other_channel": "It came on another channel, where an answer from us would come from a stranger.",
    "carrier_answers": "The carrier answers this word by itself.",
    "too_late": "The time in which an answer may go out was over.",
    "nothing_changed": "It changed nothing, so there was nothing to say.",
    "confirmed_already": "It was confirmed already.",
    "loop_guard": "Too many answers to this number in a short time.",
}

OUTCOMES: Mapping[str, str] = {
    "held": "held for a person",
    "opted_out": "opted out",
    "opted_out_already": "was opted out already",
    "opted_in": "opted in",
    "kept": "stays opted out",
    "late": "came later than something newer, which stands",
    "none": "nothing changed",
}
"""What a text in did to consent."""

# The outcome of a change in the store -> what it means for the person; the first one that is there counts.
_MEANS = (
    ("opted_out", "opted_out"),
    ("strengthened", "opted_out"),
    ("lifted", "opted_in"),
    ("refreshed", "opted_out_already"),
    ("already", "opted_out_already"),
    ("kept", "kept"),
    ("stale", "late"),
)


@dataclass(frozen=True, slots=True)
class Decided:
    """What was made of a text that came in.

    action: what the engine read in it. outcome: a key of OUTCOMES. reply: a key of REPLIES; reply_id: the message, or
    "". review: what a person decided about it since, or "".
    """

    action: str
    certainty: str
    rule: str
    explanation: str
    outcome: str
    reply: str
    reply_id: str
    review: str


def decided(message: Message) -> Decided:
    """What was made of a text that came in."""
    extra = message.extra
    reply = extra.get("reply", "")
    outcomes = {row["outcome"] for row in json.loads(extra.get("results", "[]"))}
    outcome = next((meaning for found, meaning in _MEANS if found in outcomes), "none")
    return Decided(
        action=extra.get("action", "none"),
        certainty=extra.get("certainty", ""),
        rule=extra.get("rule", ""),
        explanation=extra.get("explanation", ""),
        outcome="held" if reply == "held" else outcome,
        reply=reply,
        reply_id=extra.get("reply_id", ""),
        review=extra.get("review", ""),
    )


def failure_sentence(reason: str) -> str | None:
    """What a carrier's failure means, as a sentence; None for a reason that is none."""
    failure = FAILURES.get(reason)
    return failure.sentence if failure else None


def sentence_of(message: Message) -> str | None:
    """Why a text did not go out, as a sentence; None when there is none to say."""
    failure = FAILURES.get(message.reason)
    # The gate and a carrier may have the same reason; what never reached a carrier was refused by the gate.
    if failure is None or message.status == "suppressed":
        return SENTENCES.get(message.reason)
    return failure.sentence
