"""An account's home: what happened, and what needs a person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import redis
from flask import current_app, render_template, request, url_for

from gateway.account_settings import setting_of
from gateway.broadcast_figures import Broadcast
from gateway.console.access import PAGES, account, can, services
from gateway.console.blueprints import pages
from gateway.console.charts import stacked_bars
from gateway.console.display import count_of
from gateway.linting import lint
from gateway.statistics import Statistics
from keywords import Severity
from store.days import Day

_SPANS = (14, 30, 90)
_DEFAULT_SPAN = 14
# A thousand texts of each broadcast wait as a matter of course.
_MOST_WAITING = 10_000

# Sources of opt-outs, four series: who is behind them.
SERIES: Mapping[str, tuple[str, ...]] = {
    "person": ("keyword", "link"),
    "carrier": ("carrier",),
    "colleague": ("agent", "admin"),
    "program": ("api", "import"),
}
SERIES_WORDS: Mapping[str, str] = {
    "person": "by the person",
    "carrier": "said by the carrier",
    "colleague": "by a colleague",
    "program": "by a program or an import",
}
_BAD_ENDS = ("failed", "undelivered", "expired", "unknown")
_BROADCASTS = 5
# A broadcast that went wrong longer ago than this needs nobody any more.
_REMEMBERED = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a person has to do. url: where."""

    sentence: str
    url: str
    urgent: bool


@pages.get("/", endpoint="home")
def account_home() -> str:
    """What happened, and what needs a person."""
    span = request.args.get("days", "")
    days = int(span) if span.isdecimal() and int(span) in _SPANS else _DEFAULT_SPAN
    figures = services().statistics.read(account(), days=days)
    health = _health()
    newest = services().broadcasts.newest(account(), 2 * _BROADCASTS)
    broadcasts = [each for each in newest if each.record.started_at][:_BROADCASTS]
    return render_template(
        "console/home.html",
        today=figures.days[-1],
        figures=figures,
        span=days,
        spans=_SPANS,
        totals={name: sum(_series(day)[name] for day in figures.days) for name in SERIES},
        series=SERIES_WORDS,
        chart_bars=stacked_bars([(day.day, _series(day)) for day in figures.days], SERIES_WORDS),
        out_badly=_out(figures.days[-1], _BAD_ENDS),
        audience_names={each.record.id: each.record.name for each in services().audiences.all(account())},
        alarm=float(setting_of(account().settings, "opt_out_rate_alarm")),
        broadcasts=broadcasts,
        health=health,
        needs=sorted([*_needs(figures, health), *_broadcasts_that_need(broadcasts)], key=lambda need: not need.urgent),
    )


def _series(day: Day) -> dict[str, int]:
    return {name: sum(day.opt_outs.get(source, 0) for source in sources) for name, sources in SERIES.items()}


def _out(day: Day, statuses: tuple[str, ...]) -> int:
    return sum(day.texts_out.get(status, 0) for status in statuses)


def _health() -> list[tuple[str, bool, str]]:
    """Store and queue: name, whether it is well, and a sentence."""
    late = services().store.outbox.oldest_due()
    behind = late is not None and (services().clock.now() - late).total_seconds() > 300
    try:
        waiting = sum(services().queue.lengths().values())
    except redis.RedisError:
        return [("Store", True, "answers"), ("Queue", False, "does not answer; texts wait until it does")]
    sentence = f"{count_of(waiting, 'job')} waiting"
    if behind:
        sentence += "; the oldest is more than five minutes late: do workers run?"
    return [("Store", True, "answers"), ("Queue", not behind and waiting < _MOST_WAITING, sentence)]


def _needs(figures: Statistics, health: list[tuple[str, bool, str]]) -> Iterator[Need]:
    waiting = figures.waiting
    if waiting.held:
        late = f", {waiting.overdue} of them past the deadline of the law" if waiting.overdue else ""
        yield Need(f"{count_of(waiting.held, 'text')} to read and decide{late}", _to("account.reviews"), urgent=True)
    if waiting.unanswered:
        sentence = f"{count_of(waiting.unanswered, 'conversation')} without an answer"
        yield Need(sentence, _to("account.conversations"), urgent=False)
    for name, well, sentence in health:
        if not well:
            yield Need(f"{name}: {sentence}", _to("account.system"), urgent=True)
    if not setting_of(account().settings, "automated_opt_outs"):
        yield Need("Automated opt-outs are off: every STOP waits for a person", _to("account.settings"), urgent=True)
    if not account().senders:
        yield Need("There is no sender yet", _to("account.senders"), urgent=False)
    errors = [finding for finding in lint(account()) if finding.severity is Severity.ERROR]
    if errors:
        wrong = count_of(len(errors), "word or reply", "words or replies")
        yield Need(f"{wrong} to put right", _to("account.keywords"), urgent=False)


def _broadcasts_that_need(broadcasts: Sequence[Broadcast]) -> Iterator[Need]:
    """Broadcasts that stopped by themselves, and those after which too many opted out (setting opt_out_rate_alarm)."""
    since = services().clock.now() - _REMEMBERED
    for each in broadcasts:
        record = each.record
        if record.updated_at < since:
            continue
        url = url_for("account.broadcast", broadcast_id=record.id)
        if record.status == "stopped" and record.problem:
            yield Need(f"The broadcast {record.name} stopped by itself: {record.problem.rstrip('.')}", url, urgent=True)
        elif each.alarming and each.rate is not None:
            rate = f"{each.rate * 100:.1f} % opted out after the broadcast {record.name}"
            yield Need(rate, url, urgent=False)


def _to(endpoint: str) -> str:
    """The address of a page, "" where it is not there or not for this person."""
    there = endpoint in current_app.view_functions and can(PAGES[endpoint])
    return url_for(endpoint) if there else ""
