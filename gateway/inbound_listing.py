"""Asking a carrier for its inbound texts: in parts of a day, page by page, patiently."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.carriers.base import InboundPage, InboundQuery, InboundText, ListsInbound
from gateway.errors import CarrierError
from gateway.logs import logger
from store.directory import Account

log = logger(__name__)

EVERY_SENDER = ""
# The unseen texts of one part are sorted in memory, so that a START after a STOP stays after it.
_PART = timedelta(days=1)
_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 15, 30, 60))
_LONGEST_WAIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the time that is looked at. end: None is open: whatever there is by then."""

    begin: datetime
    end: datetime | None

    def holds(self, text: InboundText) -> bool:
        """Whether a text is of this part; carriers may list more than was asked for."""
        at = text.received_at
        return at is None or (at >= self.begin and (self.end is None or at < self.end))


def parts(since: datetime, until: datetime | None, now: datetime) -> Iterator[Part]:
    """The parts from `since` on, oldest first; the last one is open when `until` is None."""
    begin, last = since, until or now
    # The last part may be half as long again: a remainder of seconds is not worth a list of its own.
    while begin + 1.5 * _PART < last:
        yield Part(begin, begin + _PART)
        begin += _PART
    yield Part(begin, until)


def addresses_of(accounts: Sequence[Account], carrier: str) -> frozenset[str]:
    """The addresses of a carrier that accounts can be texted at."""
    return frozenset(
        sender.address
        for account in accounts
        for sender in account.senders
        if sender.carrier == carrier and sender.kind != "alphanumeric"
    )


def listings_for(addresses: frozenset[str]) -> tuple[str, ...]:
    """The senders to list one by one; or EVERY_SENDER alone.

    A messaging service is a pool of numbers nobody told us; its texts are found by listing everything.
    """
    if any(address.startswith("MG") for address in addresses):
        return (EVERY_SENDER,)
    return tuple(sorted(addresses))


def pages(
    carrier: ListsInbound, sender: str, part: Part, pause: Callable[[float], None]
) -> Iterator[Sequence[InboundText]]:
    """The texts of one part, a page at a time, and also some that are not of it.

    Raises:
        CarrierError: the carrier refused, or did not answer for as long as we asked.
    """
    query = InboundQuery(sender, part.begin, part.end)
    while True:
        found = _page(carrier, query, pause)
        yield found.texts
        if not found.next_page or found.next_page == query.page:
            return
        query = InboundQuery(sender, part.begin, part.end, found.next_page)


def _page(carrier: ListsInbound, query: InboundQuery, pause: Callable[[float], None]) -> InboundPage:
    for wait in _WAITS:
        try:
            return carrier.inbound_page(query)
        except CarrierError as error:
            if not error.again:
                raise
            log.warning("the carrier did not answer and is asked again", carrier=carrier.name, problem=str(error))
            pause(max(wait, min(error.retry_after or wait, _LONGEST_WAIT)).total_seconds())
    return carrier.inbound_page(query)
