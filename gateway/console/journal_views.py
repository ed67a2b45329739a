"""The consent journal: every change of anybody's consent, as it was recorded, and the same as a file."""

from dataclasses import replace
from datetime import datetime, time, timedelta

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from gateway.console.access import account, services
from gateway.console.blueprints import pages
from gateway.console.display import zone
from gateway.console.listing import CHOICE, DAY, Column, Filter, Listing, listing
from gateway.console.number_timeline import change_of
from gateway.journal_report import write
from gateway.lists.writing import FORMATS
from gateway.phone import InvalidNumber, normalise
from store.journal_listing import JournalFilter

_PAGE = 50
_COLUMNS = (Column("Number"), Column("What happened"), Column("By whom, and why"), Column("When"))
_SOURCES = (
    ("keyword", "the person's text"), ("link", "the person's link"), ("carrier", "the carrier"),
    ("agent", "a colleague"), ("admin", "an admin"), ("api", "a program"), ("import", "an import"),
)  # fmt: skip
_KINDS = (("opt_out", "opt-outs"), ("lift", "lifts"))
_FILTERS = (
    Filter("number", "Number", words="of {}", placeholder="+1 415 555 0100"),
    Filter("kind", "What", CHOICE, "{} only", _KINDS),
    Filter("source", "By", CHOICE, "by {}", _SOURCES),
    Filter("since", "Recorded from", DAY, "since {}"),
    Filter("until", "To", DAY, "until {}"),
)


def _wanted(asked: Listing) -> JournalFilter:
    values = asked.values
    wanted = JournalFilter(
        number=_number(values.get("number", "")),
        kinds=(values["kind"],) if "kind" in values else (),
        sources=(values["source"],) if "source" in values else (),
        since=_day(values.get("since", "")),
    )
    end = _day(values.get("until", ""), days=1)
    return replace(wanted, until=end - timedelta(milliseconds=1)) if end else wanted


def _number(typed: str) -> str:
    if not typed:
        return ""
    try:
        return normalise(typed, account().default_country or None)
    except InvalidNumber:
        return typed if typed.isdigit() else "-"  # a short code, or nothing that anybody has


def _day(value: str, *, days: int = 0) -> datetime | None:
    """The beginning of a day where the viewer is, or of one `days` later."""
    if not value:
        return None
    return datetime.combine(datetime.fromisoformat(value).date() + timedelta(days=days), time(0), zone())


@pages.get("/journal")
def journal() -> str:
    """The journal, what was recorded last first."""
    asked = listing(_FILTERS)
    store = services().store
    try:
        page = store.journal_listing.newest(account().id, _wanted(asked), limit=_PAGE, after=asked.cursor)
    except ValueError:  # an address that somebody shortened: from the beginning
        page = store.journal_listing.newest(account().id, _wanted(asked), limit=_PAGE)
    return render_template(
        "console/journal.html",
        rows=[(entry, change_of(entry)) for _, entry in page.items],
        listing=asked,
        columns=_COLUMNS,
        next=page.next,
        formats=FORMATS,
    )


@pages.get("/journal/export")
def export_journal() -> Response:
    """What the page shows, as a file."""
    form = FORMATS.get(request.args.get("format", "csv"))
    if form is None:
        abort(404, f"There is no such format; formats are: {', '.join(FORMATS)}.")
    response = Response(
        write(services().store, account().id, _wanted(listing(_FILTERS)), form, bom=True), content_type=form.media_type
    )
    response.headers["Content-Disposition"] = f'attachment; filename="journal-{account().id}.{form.extension}"'
    return response
