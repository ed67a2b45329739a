"""What came of a broadcast: its texts by what became of them, who got none, and who opted out after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.audiences import Suppressed
from gateway.broadcast_sending import opted_out_of, texted
from store.broadcasts import BroadcastFigures, BroadcastRecord

GROUPS: Mapping[str, Sequence[str]] = {
    "waiting": ("queued",),
    "sent": ("accepted", "sent"),
    "delivered": ("delivered", "read"),
    "failed": ("failed", "undelivered", "canceled"),
    "suppressed": ("suppressed",),
    "expired": ("expired",),
    "unknown": ("unknown",),
}
"""What became of texts, as people are told, and the statuses that this is."""


@dataclass(frozen=True, slots=True)
class Reason:
    """How many texts ended as a status, and why: a reason of gateway/message_words.py or carriers/failures.py."""

    status: str
    reason: str
    count: int

    @property
    def group(self) -> str:
        """What became of them, as people are told: a key of GROUPS."""
        return next((name for name, statuses in GROUPS.items() if self.status in statuses), "failed")


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who opted out after a broadcast. text: the id of the text of it that they had got.

    number: "" when the text is not kept any more, or the person was erased.
    """

    at: datetime
    text: str
    number: str


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast and what came of it until now.

    counts: texts by what became of them (waiting, sent, delivered, failed, suppressed, expired, unknown); reasons: the
    same by status and why, where there is a reason. skipped:
    members for whom no text was made. opted_out: people who opted out by text or link within a week of it.
    """

    record: BroadcastRecord
    counts: Mapping[str, int]
    reasons: Sequence[Reason]
    skipped: Sequence[Suppressed]
    texted: int
    opted_out: int
    alarming: bool

    @property
    def texts(self) -> int:
        """How many texts were made."""
        return sum(self.counts.values())

    @property
    def left_out(self) -> int:
        """How many members no text was made for."""
        return sum(one.count for one in self.skipped)

    @property
    def done(self) -> int:
        """Members about whom it is over: their text left or was stopped, or none was made."""
        return self.texts - self.counts["waiting"] + self.left_out

    @property
    def size(self) -> int:
        """Members in all; while the audience is gone through, as many as there were at the start."""
        reached = self.texts + self.left_out
        return reached if self.record.walked_at else max(reached, self.record.size)

    @property
    def progress(self) -> float:
        """How much of it is over, from 0 to 1."""
        if self.record.status == "finished":
            return 1.0
        return min(1.0, self.done / self.size) if self.size else 0.0

    @property
    def rate(self) -> float | None:
        """Opt-outs per text that left; None before the first."""
        return self.opted_out / self.texted if self.texted else None


def broadcast_of(record: BroadcastRecord, figures: BroadcastFigures, left: int, alarm: float) -> Broadcast:
    """A broadcast with its figures. left: who opted out after it; alarm: the setting opt_out_rate_alarm."""
    counts = {group: sum(figures.by_status[status] for status in statuses) for group, statuses in GROUPS.items()}
    skipped = []
    for what, count in sorted(record.skipped.items()):
        reason, scope, source = what.split("|")
        skipped.append(Suppressed(reason, scope, source, count))
    sent = texted(figures)
    reasons = [Reason(*what, count) for what, count in sorted(figures.by_reason.items()) if count]
    return Broadcast(record, counts, reasons, skipped, sent, left, opted_out_of(left, sent) >= alarm and left > 0)
