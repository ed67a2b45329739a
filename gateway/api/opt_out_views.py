"""The API's routes about lists of opt-outs: pages, counts, exports, adding, scrubbing."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag

from gateway.api.access import BODIES, SPREADSHEET, account, actor, check_key, services
from gateway.api.opt_out_models import (
    AddBody,
    AddedView,
    AddResult,
    ExportQuery,
    FilterQuery,
    OptOutCountView,
    OptOutItem,
    OptOutList,
    OptOutsQuery,
    ScrubQuery,
)
from gateway.api.paging import next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rendering import as_json
from gateway.errors import NotAllowed
from gateway.exports import EXPORT_FORMATS, export, export_name
from gateway.lists.reading import ListFileError
from gateway.logs import logger
from gateway.opt_out_adding import Addition, add_opt_outs, split_numbers
from gateway.opt_out_filters import OptOutFilter, Sort, in_words, read_number
from gateway.opt_out_lists import OptOut, OptOutLists
from gateway.phone import InvalidNumber
from gateway.scrubbing import ScrubOrder, scrubbed_pieces
from store.errors import StoreError
from store.journal import Source
from store.scopes import Channel

log = logger(__name__)

_OPT_OUTS = Tag(name="opt-outs", description="Who may not be texted or called, and why.")
_CHUNK = 256 * 1024

opt_outs_api = APIBlueprint("api_opt_outs", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
opt_outs_api.before_request(check_key)


def _lists() -> OptOutLists:
    return services().opt_out_lists


def _filter(query: FilterQuery) -> OptOutFilter:
    if not query.number:
        return query.as_filter("", "")
    try:
        return query.as_filter(*read_number(query.number, account().default_country or None))
    except InvalidNumber as error:
        raise Problem("invalid_number", f"number: {error}", reason=error.code.value) from None


@opt_outs_api.get("/opt-outs", tags=[_OPT_OUTS], responses={200: OptOutList})
def list_opt_outs(query: OptOutsQuery) -> Response:
    """The account's opt-outs, filtered and sorted, with who said so and how.

    Pages do not move while others come in. Where a filter has to be looked through, a page ends after a third of a
    second with what was found, and `next` goes on there.
    """
    page = _lists().page(account(), _filter(query), Sort(query.sort), limit=query.limit, after=place_of(query))
    return as_json(OptOutList(items=[_item(item) for item in page.items], next=next_of(query, page.next)))


def _item(item: OptOut) -> OptOutItem:
    return OptOutItem(
        number=item.number,
        channels=[channel.value for channel in item.channels],
        scope=item.scope.kind.value,
        sender=item.scope.sender or None,
        audience=item.scope.audience or None,
        source=item.source.label,
        type=item.who,
        since=item.since,
        added=item.added,
        note=item.note,
        actor=item.actor or None,
        text=item.text or None,
        matched=item.matched or None,
        rule=item.rule or None,
    )


@opt_outs_api.get("/opt-outs/count", tags=[_OPT_OUTS], responses={200: OptOutCountView})
def count_opt_outs(query: FilterQuery) -> Response:
    """How many opt-outs a filter takes, by channel, and the filter in words."""
    chosen = _filter(query)
    count = _lists().count(account(), chosen)
    counts = {channel.value: count.by_channel.get(channel) for channel in Channel}
    return as_json(OptOutCountView(**counts, exact=count.exact, filter=in_words(chosen)))


_FILE: dict[str, Any] = {
    "description": "The list as a file.",
    "content": {
        form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in EXPORT_FORMATS.values()
    },
}


@opt_outs_api.get("/opt-outs/export", tags=[_OPT_OUTS], responses={200: _FILE})
def export_opt_outs(query: ExportQuery) -> Response:
    """Exactly what a filter takes as a file, streamed, in the order asked for."""
    form = EXPORT_FORMATS[query.format]
    pieces = export(_lists(), account(), _filter(query), Sort(query.sort), form, bom=query.bom, plain=query.plain)
    response = Response(_begun(pieces), content_type=form.media_type)
    name = export_name(account(), form, services().clock.now())
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _begun(pieces: Iterator[bytes]) -> Iterable[bytes]:
    """The pieces, the first of which is made now: what fails at once is a problem document and no half file."""
    first = next(pieces, b"")
    return chain([first], pieces)


@opt_outs_api.post("/opt-outs", tags=[_OPT_OUTS], responses={200: AddResult})
def add_to_opt_outs(body: AddBody) -> Response:
    """Record opt-outs that came another way than by text: one number or up to 1,000, each with what came of it."""
    addition = Addition(
        channels=tuple(Channel(channel) for channel in dict.fromkeys(body.channels)),
        sender=body.sender,
        audience=body.audience,
        note=body.note,
        occurred_at=body.occurred_at,
    )
    added = add_opt_outs(
        services().consent, account(), split_numbers(body.numbers), addition, source=Source.API, actor=actor()
    )
    results = [
        AddedView(given=one.given, number=one.number or None, outcome=one.outcome, problem=one.problem or None)
        for one in added
    ]
    return as_json(AddResult(results=results, opted_out=sum(one.outcome == "opted_out" for one in added)))


_CSV: dict[str, Any] = {
    "description": "The same list with the columns allowed (yes or no) and reason.",
    "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
}


class ListFile(RawModel):
    """The list itself as the body."""

    mimetypes = list(BODIES["api_opt_outs.scrub_list"].types)  # noqa: RUF012 (the library's)


@opt_outs_api.post(
    "/opt-outs/scrub",
    tags=[_OPT_OUTS],
    responses={200: _CSV},
)
def scrub_list(query: ScrubQuery, raw: ListFile) -> Response:
    """Scrub a list: CSV (or xlsx) in, the same rows out with two more columns.

    Delimiter and encoding are recognised and kept. What is wrong with the file is said before the first byte. If the
    store stops answering later, the last line says so ("#error") and the transfer ends unfinished.
    """
    if query.sender and all(known.address != query.sender for known in account().senders):
        raise NotAllowed("unknown_sender", f"{query.sender} is not a sender of this account.")
    order = ScrubOrder(account(), query.sender, query.audience, Channel(query.channel), query.phone, query.country)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="stopgate-scrub-")))
        source = folder / ("list.xlsx" if raw.mimetype == SPREADSHEET else "list.csv")
        with source.open("wb") as file:
            shutil.copyfileobj(raw.stream, file, _CHUNK)
        pieces = scrubbed_pieces(services().store, order, source)
        try:
            first = next(pieces, b"")
        except ListFileError as error:
            raise Problem("unreadable_list", str(error)) from None
        left = stack.pop_all()
        response = Response(_to_the_end(chain([first], pieces), left), content_type="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="scrubbed.csv"'
        response.call_on_close(left.close)  # also when nobody reads it
    return response


def _to_the_end(pieces: Iterator[bytes], resources: ExitStack) -> Iterator[bytes]:
    """The pieces, and then away with what they were made of.

    What breaks on the way is said in a last line, and then breaks the transfer.
    """
    try:
        with resources:
            yield from pieces
    except (ListFileError, StoreError) as error:
        log.error("a list was not scrubbed to its end", why=str(error))
        sentence = str(error) if isinstance(error, ListFileError) else "The store does not answer."
        yield f"#error,This list is not complete. {sentence}\r\n".encode()
        raise
