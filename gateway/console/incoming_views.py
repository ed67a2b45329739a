"""The incoming report: every text that came in, what was made of it and why, and the same as a file."""

from datetime import datetime, time, timedelta

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from gateway.console.access import account, services
from gateway.console.blueprints import pages
from gateway.console.display import zone
from gateway.console.listing import CHOICE, DAY, Column, Filter, Listing, listing
from gateway.incoming_report import write
from gateway.lists.writing import FORMATS
from gateway.message_words import OUTCOMES, decided
from gateway.phone import InvalidNumber, formatted, normalise
from gateway.texts import DECISIONS, TextQuery

_COLUMNS = (Column("Number"), Column("Text"), Column("Understood as"), Column("What it did"), Column("Came"))
_PAGE = 50


def _filters() -> tuple[Filter, ...]:
    senders = tuple((sender.address, formatted(sender.address)) for sender in account().senders)
    return (
        Filter("number", "Number", words="from {}", placeholder="+1 415 555 0100"),
        Filter("sender", "Texted", CHOICE, "to {}", senders),
        Filter("decision", "Understood as", CHOICE, "understood as {}",
               tuple((name, name.replace("_", " ")) for name in DECISIONS)),
        Filter("outcome", "What it did", CHOICE, "that were: {}", tuple(OUTCOMES.items())),
        Filter("words", "With the words", words="with “{}”", formerly="contains"),
        Filter("since", "From", DAY, "since {}"),
        Filter("until", "To", DAY, "until {}"),
    )  # fmt: skip


def _query(asked: Listing) -> TextQuery:
    values = asked.values
    number = values.get("number", "")
    if number:
        try:
            number = normalise(number, account().default_country or None)
        except InvalidNumber:
            number = number if number.isdigit() else "-"  # a short code, or nothing that anybody has
    return TextQuery(
        direction="in",
        number=number,
        sender=values.get("sender", ""),
        decision=values.get("decision", ""),
        outcome=values.get("outcome", ""),
        since=_day(values.get("since", "")),
        until=_day(values.get("until", ""), days=1),
        contains=values.get("words", ""),
    )


def _day(value: str, *, days: int = 0) -> datetime | None:
    """The beginning of a day where the viewer is, or of one `days` later."""
    if not value:
        return None
    return datetime.combine(datetime.fromisoformat(value).date() + timedelta(days=days), time(0), zone())


@pages.get("/incoming")
def incoming() -> str:
    """The texts, newest first."""
    asked = listing(_filters())
    query = _query(asked)
    try:
        page = services().texts.page(account().id, query, limit=_PAGE, after=asked.cursor)
    except ValueError:
        page = services().texts.page(account().id, query, limit=_PAGE)
    return render_template(
        "console/incoming.html",
        rows=[(message, decided(message)) for message in page.items],
        outcomes=OUTCOMES,
        listing=asked,
        columns=_COLUMNS,
        next=page.next,
        formats=FORMATS,
    )


@pages.get("/incoming/export")
def export_incoming() -> Response:
    """What the page shows, as a file."""
    form = FORMATS.get(request.args.get("format", "csv"))
    if form is None:
        abort(404, f"There is no such format; formats are: {', '.join(FORMATS)}.")
    pieces = write(services().texts, account().id, _query(listing(_filters())), form, bom=True)
    response = Response(pieces, content_type=form.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="incoming-{account().id}.{form.extension}"'
    return response
