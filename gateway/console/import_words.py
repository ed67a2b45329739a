"""What imports, their columns and what came of their rows are called on pages: tables, and sentences made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.import_orders import ImportOrder, order_of
from gateway.imports import summary_of
from gateway.lists.targets import CONTACTS, OPT_OUTS
from store.imports import ImportRecord

KIND_WORDS: Mapping[str, str] = {OPT_OUTS: "opt-outs", CONTACTS: "contacts"}

CHOICES: Mapping[str, Sequence[tuple[str, str]]] = {
    OPT_OUTS: (
        ("phone", "The phone number"),
        ("opted_out_at", "When they opted out"),
        ("channel", "Texts, calls or both"),
        ("opted_out", "Whether they opted out"),
        ("ignore", "Not used"),
    ),
    CONTACTS: (
        ("phone", "The phone that is texted"),
        ("other_phone", "Another phone"),
        ("first_name", "First name"),
        ("last_name", "Last name"),
        ("contact_id", "Contact id"),
        ("property", "A property"),
        ("opted_out_at", "When they opted out"),
        ("channel", "Opted out of texts, calls or both"),
        ("opted_out", "Whether they opted out"),
        ("ignore", "Not used"),
    ),
}
"""What a column may be, by the kind of list: value and words."""


@dataclass(frozen=True, slots=True)
class OutcomeWords:
    """How rows with an outcome are spoken of, after their number. would: of a dry run. one: the same of one row."""

    would: str
    did: str
    tone: str = "quiet"
    one_would: str = ""
    one_did: str = ""

    def say(self, count: int, *, dry: bool) -> str:
        """The words for so many."""
        if count == 1 and self.one_would:
            return self.one_would if dry else self.one_did
        return self.would if dry else self.did


def _same(many: str, one: str, tone: str = "quiet") -> OutcomeWords:
    return OutcomeWords(many, many, tone, one, one)


OUTCOMES: Mapping[str, Mapping[str, OutcomeWords]] = {
    OPT_OUTS: {
        "opted_out": OutcomeWords(
            "numbers are new and would be opted out", "numbers were opted out", "good",
            "number is new and would be opted out", "number was opted out",
        ),
        "already": _same(
            "numbers are out already; the first date stays", "number is out already; the first date stays"
        ),
        "stronger_kept": _same(
            "numbers are out by stronger evidence, which is kept", "number is out by stronger evidence, which is kept"
        ),
        "would_readd": _same(
            "people came back after that, so the list does not opt them out again",
            "person came back after that, so the list does not opt them out again", "wait",
        ),
        "duplicate": _same(
            "rows have a number that stands further up in the file",
            "row has a number that stands further up in the file",
        ),
        "invalid": _same("rows have no usable number", "row has no usable number", "bad"),
        "skipped": _same(
            "rows do not say that the person opted out", "row does not say that the person opted out"
        ),
    },
    CONTACTS: {
        "created": OutcomeWords(
            "contacts are new and would be added", "contacts were added", "good",
            "contact is new and would be added", "contact was added",
        ),
        "updated": OutcomeWords(
            "known contacts would get something new", "known contacts got something new", "good",
            "known contact would get something new", "known contact got something new",
        ),
        "unchanged": _same(
            "contacts are known, and nothing in their row is new", "contact is known, and nothing in the row is new"
        ),
        "opted_out": OutcomeWords(
            "people opted out and would not join", "people opted out and did not join", "wait",
            "person opted out and would not join", "person opted out and did not join",
        ),
        "invalid": _same("rows cannot be taken", "row cannot be taken", "bad"),
    },
}  # fmt: skip
"""What came of rows, by the kind of list; in the order of gateway.import_reports."""


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One line of what came of an import. short: its words in a list. reported: its rows can be looked at."""

    outcome: str
    count: int
    words: str
    short: str
    tone: str
    reported: bool


def outcome_lines(record: ImportRecord) -> list[OutcomeLine]:
    """What came, or would come, of the rows of an import; outcomes that no row has are left out."""
    order = order_of(record)
    return [
        OutcomeLine(
            outcome,
            count,
            words.say(count, dry=order.dry_run),
            _short(order.kind, outcome, count),
            words.tone,
            _is_reported(outcome, order),
        )
        for outcome, words in OUTCOMES[order.kind].items()
        if (count := summary_of(record.counts, order.kind)[outcome])
    ]


def _is_reported(outcome: str, order: ImportOrder) -> bool:
    """Rows that did just what they were to do are in no report."""
    return outcome in ({"opted_out", "invalid"} if order.kind == CONTACTS else {*OUTCOMES[OPT_OUTS]} - {"opted_out"})


def effective_rows(record: ImportRecord) -> int:
    """How many rows of an import change something."""
    order = order_of(record)
    names = ("created", "updated") if order.kind == CONTACTS else ("opted_out",)
    return sum(record.counts.get(name, 0) for name in names) + record.also.get("opted_out", 0)


def apply_words(record: ImportRecord) -> str:
    """The words on the button that applies a dry run, with the number."""
    count = effective_rows(record)
    if order_of(record).kind == OPT_OUTS:
        return f"Opt {count:,} {'number' if count == 1 else 'numbers'} out"
    taken = record.counts.get("created", 0) + record.counts.get("updated", 0)
    stopping = record.also.get("opted_out", 0)
    parts = [f"Import {taken:,} {'contact' if taken == 1 else 'contacts'}"] if taken else []
    if stopping:
        parts.append(f"{'opt' if parts else 'Opt'} {stopping:,} out")
    return " and ".join(parts)


def became(record: ImportRecord) -> str:
    """What became of an import, in one line of the history."""
    if record.status == "undone":
        return f"{record.undone['lifted']:,} lifted, {record.undone['kept']:,} stay opted out"
    if record.status == "failed":
        return record.problem
    lines = outcome_lines(record)
    if not lines:
        return "no row yet" if record.status != "finished" else "no rows"
    return ", ".join(f"{line.count:,} {line.short}" for line in lines)


def _short(kind: str, outcome: str, count: int) -> str:
    """ "3 duplicates", "1 duplicate"."""
    words = _SHORT[kind][outcome]
    return words.removesuffix("s") if count == 1 and outcome == "duplicate" else words


_SHORT: Mapping[str, Mapping[str, str]] = {
    OPT_OUTS: {
        "opted_out": "new", "already": "already out", "stronger_kept": "stronger evidence kept",
        "would_readd": "came back", "duplicate": "duplicates", "invalid": "invalid", "skipped": "skipped",
    },
    CONTACTS: {
        "created": "new", "updated": "changed", "unchanged": "unchanged", "opted_out": "opted out",
        "invalid": "invalid",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """How far an import is. share: percent of the file. rate: rows a second, or None. left: time to go, or None."""

    share: int
    rate: int | None
    left: str


def pace_of(record: ImportRecord, now: datetime) -> Pace:
    """How far an import is, and how fast."""
    share = min(1.0, record.done / record.size) if record.size else 0.0
    if record.status in {"finished", "undone"}:
        share = 1.0
    if record.began_at is None or not record.rows:
        return Pace(int(share * 100), None, "")
    elapsed = max((record.ended_at or now) - record.began_at, timedelta(milliseconds=1))
    left = elapsed * (1 - share) / share if share else timedelta(0)
    said = f"about {_duration(left)} left" if record.status == "running" and 0 < share < 1 else ""
    return Pace(int(share * 100), round(record.rows / (elapsed / timedelta(seconds=1))), said)


def _duration(left: timedelta) -> str:
    minutes = round(left / timedelta(minutes=1))
    if minutes < 1:
        return "a minute"
    if minutes < 90:
        return f"{minutes} {'minute' if minutes == 1 else 'minutes'}"
    return f"{round(minutes / 60)} hours"
