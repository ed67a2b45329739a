"""`stopgate doctor`: what an operator would want to look at, looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis

from gateway.carriers.base import HasCredentials
from gateway.configuration import acts_by_itself
from gateway.errors import CarrierError
from gateway.services import Services
from gateway.settings import SETTINGS, Settings
from store.errors import StoreError
from store.reconciliation import Record

_MOST_SKEW = timedelta(seconds=5)
_OVERDUE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    good: bool
    sentence: str


def examine(services: Services, settings: Settings, *, ask_carriers: bool = True) -> list[Finding]:
    """Look at everything. Never raises: what cannot be looked at is a finding.

    ask_carriers: ask them over the network whether our credentials are good, which takes a moment.
    """
    checks: tuple[tuple[str, Callable[[Services, Settings], Iterator[Finding]]], ...] = (
        ("settings", _settings),
        ("store", _store),
        ("clock", _clock),
        ("queue", _queue),
        ("outbox", _outbox),
        ("deadlines", _deadlines),
        ("carriers", _carriers),
        *([("credentials", _all_credentials)] if ask_carriers else []),
        ("reconciliation", _reconciliation),
        ("accounts", _accounts),
    )
    findings: list[Finding] = []
    for about, look in checks:
        try:
            findings += list(look(services, settings))
        except (StoreError, redis.RedisError) as error:
            findings.append(Finding(about, good=False, sentence=str(error)))
    return findings


def _settings(_: Services, settings: Settings) -> Iterator[Finding]:
    set_here = [setting.name for setting in SETTINGS if getattr(settings, setting.field) not in {None, ()}]
    yield Finding("settings", good=True, sentence=f"{len(set_here)} of {len(SETTINGS)} have a value; all are usable.")


def _store(services: Services, settings: Settings) -> Iterator[Finding]:
    report = services.store.health.report()
    megabytes = report.used_memory / 1e6
    yield Finding(
        "store", good=True, sentence=f"version {report.version}, {report.dataset_keys} keys, {megabytes:.1f} MB."
    )
    services.store.health.demand(settings.durability)
    risk = " A crash can lose the last second." if settings.durability == "everysec" else ""
    yield Finding("durability", good=True, sentence=f"{settings.durability}, and the server gives it.{risk}")
    for sentence in services.store.health.advice():
        yield Finding("store", good=False, sentence=sentence)


def _clock(services: Services, _: Settings) -> Iterator[Finding]:
    skew = timedelta(0)
    for server in services.store.topology.primaries():
        seconds, microseconds = server.time()
        skew = max(skew, abs(services.clock.now() - datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)))
    good = skew <= _MOST_SKEW
    sentence = f"this machine and the store differ by {skew.total_seconds():.1f} s."
    yield Finding("clock", good=good, sentence=sentence if good else sentence + " Set both by NTP: time decides (G7).")


def _queue(services: Services, _: Settings) -> Iterator[Finding]:
    lengths = services.queue.lengths()
    yield Finding(
        "queue", good=True, sentence=", ".join(f"{name} {length}" for name, length in lengths.items()) + " waiting."
    )


def _outbox(services: Services, _: Settings) -> Iterator[Finding]:
    oldest = services.store.outbox.oldest_due()
    late = services.clock.now() - oldest if oldest else timedelta(0)
    good = late < _OVERDUE
    sentence = f"{services.store.outbox.size()} effects to be done."
    yield Finding(
        "outbox", good=good, sentence=sentence if good else sentence + f" The oldest is {late} late: do workers run?"
    )


def _deadlines(services: Services, _: Settings) -> Iterator[Finding]:
    loads = services.reviews.load()
    held, overdue = sum(load.held for load in loads), sum(load.overdue for load in loads)
    sentence = (
        f"{held} texts wait for a person, {overdue} of them longer than the ten business days that the law gives."
    )
    yield Finding("reviews", good=overdue == 0, sentence=sentence)
    counters = services.store.health.counters()
    late = counters.get("confirmation_expired", 0)
    advice = " They were not sent within five minutes: did workers run all the time?" if late else ""
    yield Finding("confirmations", good=late == 0, sentence=f"{late} came too late to be sent.{advice}")


def _carriers(services: Services, settings: Settings) -> Iterator[Finding]:
    names = ", ".join(services.carriers) or "none"
    yield Finding("carriers", good=bool(services.carriers), sentence=f"switched on: {names}.")
    if settings.twilio_on and settings.public_url:
        yield Finding(
            "twilio",
            good=True,
            sentence=f"its console has to call {settings.public_url}/webhooks/twilio/inbound "
            "(with #rc=2&rp=ct,rt,5xx behind it, so that it tries again when we cannot store a text).",
        )


def _reconciliation(services: Services, settings: Settings) -> Iterator[Finding]:
    every = settings.reconcile_every
    for name in services.reconciliation.carriers:
        about = f"{name} list"
        if every is None:
            yield Finding(about, good=True, sentence="not looked at by itself: STOPGATE_RECONCILE_EVERY is off.")
            continue
        record = services.store.reconciliation.record(name)
        yield Finding(about, good=_is_good(record, every, services.clock.now()), sentence=_told(record, every))


def _is_good(record: Record, every: timedelta, now: datetime) -> bool:
    if record.last is None:
        # Before the first look there is nothing wrong yet; a problem says that one was tried.
        return not record.problem
    return now - record.last.started_at < 3 * every


def _told(record: Record, every: timedelta) -> str:
    problem = "".join(f" {problem}" for problem in (record.problem, record.told_problem) if problem)
    if record.last is None:
        return f"not looked at yet; the sweeper does every {every}.{problem}"
    found = f"it had {record.last.ingested} texts nobody had seen" if record.last.ingested else "nothing was missing"
    return f"last looked at {record.last.started_at:%Y-%m-%d %H:%M} UTC; {found}.{problem}"


def _all_credentials(services: Services, _: Settings) -> Iterator[Finding]:
    for carrier in services.carriers.values():
        if isinstance(carrier, HasCredentials):
            yield _credentials(carrier)


def _credentials(carrier: HasCredentials) -> Finding:
    about = f"{carrier.name} credentials"
    try:
        state = carrier.check_credentials()
    except CarrierError as error:
        return Finding(about, good=False, sentence=str(error))
    return Finding(about, good=state == "active", sentence=f"accepted; the account is {state}.")


def _accounts(services: Services, _: Settings) -> Iterator[Finding]:
    accounts = services.store.directory.current(fresh=True).accounts
    senders = sum(len(account.senders) for account in accounts.values())
    good = bool(accounts)
    sentence = f"accounts: {len(accounts)}, with senders: {senders}."
    yield Finding(
        "accounts", good=good, sentence=sentence if good else "none yet: stopgate apply FILE.toml makes them."
    )
    for account in accounts.values():
        for carrier in sorted({sender.carrier for sender in account.senders} - set(services.carriers)):
            mute = ", ".join(sender.address for sender in account.senders if sender.carrier == carrier)
            sentence = (
                f"{account.id} cannot send from {mute}: the carrier {carrier} is not switched on (docs/settings.md)."
            )
            yield Finding("senders", good=False, sentence=sentence)
        if not acts_by_itself(account):
            sentence = f"{account.id} has automated_opt_outs off: every STOP waits for a person to read it."
            yield Finding("opt-outs", good=False, sentence=sentence)
