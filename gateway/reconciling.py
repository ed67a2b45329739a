"""Reconciling: texts the carrier got for us and no webhook brought are taken in late, through the same door.

A webhook that fails is offered for 15 seconds and never again, so after an outage a STOP is known to the carrier's
list of messages and to nobody else. A text that was handled is in the store by its carrier id and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.carriers.base import Carrier, InboundText, ListsInbound
from gateway.clock import Clock
from gateway.errors import CarrierError, GatewayError
from gateway.inbound import Inbound
from gateway.inbound_listing import EVERY_SENDER, Part, addresses_of, listings_for, pages, parts
from gateway.logs import logger
from gateway.phone import masked
from keywords import Action, decide
from store import Store
from store.inbound import SEEN_FOR
from store.leases import Lease
from store.messages import message_id
from store.reconciliation import Progress

log = logger(__name__)

BY_HAND, SCHEDULED = "by_hand", "scheduled"
# A webhook has 15 seconds with all its retries: a younger text is still on its way.
_SETTLED = timedelta(minutes=1)
# Further back, the marks of texts that were handled may be gone, and they would look new.
_FURTHEST = SEEN_FOR - timedelta(days=10)
_MOST_STALE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What to reconcile.

    carrier: its name. since, until: by the carrier's clock; until None means up to now. account: only its senders.
    kind: BY_HAND or SCHEDULED. asked: the request in the asker's words; an interrupted run goes on for the same
    words. dry_run: look, and change nothing.
    """

    carrier: str
    since: datetime
    until: datetime | None = None
    account: str | None = None
    kind: str = BY_HAND
    asked: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Texts, counted.

    seen: handled before. ingested: taken in now (in a dry run: would be). opt_outs, held: how many of those.
    stale: how many of those changed nothing, because something newer was known. too_new: left to their webhooks.
    """

    seen: int = 0
    ingested: int = 0
    opt_outs: int = 0
    held: int = 0
    stale: int = 0
    too_new: int = 0

    def plus(self, **counts: int) -> "Tally":
        """The tally with some counts raised."""
        return replace(self, **{name: getattr(self, name) + count for name, count in counts.items()})


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run that ended by itself.

    since: where it began: what was asked for, or where an interrupted run went on (resumed). senders: how many were
    asked for. problems: what the carrier refused to list, a sentence each. stale: opt-outs that changed nothing
    because something newer was known, a line each, some of them.
    """

    since: datetime
    senders: int
    tally: Tally
    resumed: bool
    problems: tuple[str, ...]
    stale: tuple[str, ...]


def _say_nothing(_tally: Tally, _where: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches a run. Both may raise to end it; what was done is kept.

    pause: waits for some seconds. on_page: called after each page with the counts and where the run is.
    """

    pause: Callable[[float], None]
    on_page: Callable[[Tally, str], None] = _say_nothing


@dataclass(slots=True)
class _Run:
    """One run: what it is for, its lock (None in a dry run), and what came of it so far."""

    request: Request
    carrier: ListsInbound
    addresses: frozenset[str]
    watch: Watch
    lock: Lease | None
    tally: Tally = field(default_factory=Tally)
    problems: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    failed_since: datetime | None = None

    def has(self, text: InboundText) -> bool:
        """Whether a text went to a sender this run is about."""
        return text.sender in self.addresses or text.service in self.addresses


class Reconciler:
    """Takes in what webhooks did not bring."""

    def __init__(self, store: Store, carriers: Mapping[str, Carrier], inbound: Inbound, clock: Clock) -> None:
        self._store = store
        self._carriers = carriers
        self._inbound = inbound
        self._clock = clock

    def reconcile(self, request: Request, watch: Watch | None = None) -> Report:
        """Look through the carrier's list and take in what was never seen.

        Raises:
            GatewayError: the carrier is not switched on or keeps no list, `since` is too long ago, or there is no
                such account.
            CarrierError: the carrier stopped answering; the same request goes on from there.
            AlreadyRunning: somebody else reconciles with this carrier now.
            StoreError: the store did not answer; the same request goes on from there.
        """
        request = replace(request, since=request.since.replace(microsecond=0))
        carrier = self._lister(request)
        addresses = self._addresses(request)
        watch = watch or Watch(self._clock.sleep)
        if request.dry_run:
            return self._do(_Run(request, carrier, addresses, watch, lock=None))
        with self._store.reconciliation.running(request.carrier) as lock:
            return self._do(_Run(request, carrier, addresses, watch, lock))

    def _lister(self, request: Request) -> ListsInbound:
        carrier = self._carriers.get(request.carrier)
        if carrier is None:
            raise GatewayError(f"The carrier {request.carrier} is not switched on; `stopgate doctor` shows which are.")
        if not isinstance(carrier, ListsInbound):
            raise GatewayError(f"The carrier {request.carrier} keeps no list of texts that could be read.")
        if request.since < self._clock.now() - _FURTHEST:
            raise GatewayError(f"Reconciling goes back {_FURTHEST.days} days at most: older marks are not kept.")
        return carrier

    def _addresses(self, request: Request) -> frozenset[str]:
        accounts = self._store.directory.current(fresh=True).accounts
        if request.account is None:
            return addresses_of(list(accounts.values()), request.carrier)
        if request.account not in accounts:
            raise GatewayError(f"There is no account {request.account!r}. Accounts: {', '.join(accounts) or 'none'}.")
        return addresses_of([accounts[request.account]], request.carrier)

    def _do(self, run: _Run) -> Report:
        request, now = run.request, self._clock.now()
        kept = self._store.reconciliation.progress(request.carrier, request.kind) if run.lock else None
        resumed = kept is not None and kept.asked == request.asked
        progress = kept if kept and resumed else Progress(request.asked, request.since, (), now)
        self._walk(run, progress, now)
        if run.lock is not None:
            self._keep_place(run, progress)
        log.info("reconciled", carrier=request.carrier, kind=request.kind, since=str(progress.since), counts=run.tally)
        return Report(progress.since, len(run.addresses), run.tally, resumed, tuple(run.problems), tuple(run.stale))

    def _walk(self, run: _Run, progress: Progress, now: datetime) -> None:
        """All parts, oldest first, and in each all senders. The place is kept after each, so that a run can go on."""
        done = progress.done
        for part in parts(progress.since, run.request.until, now):
            for sender in listings_for(run.addresses):
                if sender in done:
                    continue
                self._look_at(run, sender, part)
                # More may come into an open part: it is looked at as a whole when the run goes on.
                done = (*done, sender) if part.end is not None else ()
                self._save(run, replace(progress, since=part.begin, done=done))
            done = ()

    def _save(self, run: _Run, progress: Progress) -> None:
        if run.failed_since is not None:
            progress = replace(progress, since=run.failed_since, done=())
        if run.lock is not None:
            self._store.reconciliation.save_progress(run.carrier.name, run.request.kind, progress)

    def _keep_place(self, run: _Run, progress: Progress) -> None:
        """Forget the place after a complete run; after one with gaps, the next begins at the first gap."""
        if run.failed_since is None:
            self._store.reconciliation.forget_progress(run.carrier.name, run.request.kind)
        else:
            self._save(run, progress)

    def _look_at(self, run: _Run, sender: str, part: Part) -> None:
        unseen: list[InboundText] = []
        try:
            for texts in pages(run.carrier, sender, part, run.watch.pause):
                if run.lock is not None:
                    run.lock.renew()
                unseen += self._unseen(run, [text for text in texts if run.has(text) and part.holds(text)])
                run.watch.on_page(run.tally, _where(sender, part))
        except CarrierError as error:
            if error.hopeless or error.again:
                raise
            run.problems.append(f"{sender or 'All senders'}: {error}")
            run.failed_since = run.failed_since or part.begin
        for text in sorted(unseen, key=lambda text: text.received_at or datetime.min.replace(tzinfo=UTC)):
            self._ingest(run, text)
        if unseen:
            run.watch.on_page(run.tally, _where(sender, part))

    def _unseen(self, run: _Run, texts: Sequence[InboundText]) -> list[InboundText]:
        settled_before = self._clock.now() - _SETTLED
        settled = [text for text in texts if text.received_at is None or text.received_at <= settled_before]
        flags = self._store.inbound.were_seen(run.carrier.name, [(text.address, text.carrier_id) for text in settled])
        unseen = [text for text, seen in zip(settled, flags, strict=True) if not seen]
        run.tally = run.tally.plus(seen=len(settled) - len(unseen), too_new=len(texts) - len(settled))
        return unseen

    def _ingest(self, run: _Run, text: InboundText) -> None:
        if run.lock is None:
            # The built-in words alone: what an account's own words would do is not played through.
            would_stop = decide(text.body).action is Action.OPT_OUT
            run.tally = run.tally.plus(ingested=1, opt_outs=int(would_stop))
            return
        received = self._inbound.receive(text, run.carrier.traits)
        if received.duplicate:
            run.tally = run.tally.plus(seen=1)
            return
        self._store.reconciliation.count_ingested(run.carrier.name, 1)
        outcomes = {outcome.outcome for outcome in received.outcomes}
        stale = "stale" in outcomes and not any(outcome.changed for outcome in received.outcomes)
        opt_out = self._was_opt_out(text)
        run.tally = run.tally.plus(
            ingested=1, opt_outs=int(opt_out), held=int(received.reply == "held"), stale=int(stale)
        )
        if stale and opt_out and len(run.stale) < _MOST_STALE_SHOWN:
            at = text.received_at or self._clock.now()
            run.stale.append(f"{masked(text.address)} to {text.sender} at {at:%Y-%m-%d %H:%M:%S} UTC")

    def _was_opt_out(self, text: InboundText) -> bool:
        message = self._store.messages.get(message_id(text.address, text.carrier, text.carrier_id, "in"))
        return message is not None and message.extra.get("action") == Action.OPT_OUT


def _where(sender: str, part: Part) -> str:
    what = "all senders" if sender == EVERY_SENDER else sender
    return f"{part.begin:%Y-%m-%d %H:%M}  {what}"
