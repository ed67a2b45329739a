"""The API's routes about lists of texts and the incoming report."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, check_key, services
from gateway.api.paging import next_of, place_of
from gateway.api.rendering import address_in, as_json
from gateway.api.text_models import ExportQuery, IncomingList, IncomingQuery, MessageList, MessagesQuery
from gateway.api.text_rendering import incoming_item, message_item
from gateway.incoming_report import write
from gateway.lists.writing import FORMATS
from gateway.texts import TextQuery

_TEXTS = Tag(name="messages", description="Texts that go out.")
_INCOMING = Tag(name="incoming", description="Texts that came in, with what was made of them.")

texts_api = APIBlueprint("api_texts", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
texts_api.before_request(check_key)


def _query(query: MessagesQuery | IncomingQuery, **more: str | None) -> TextQuery:
    return TextQuery(
        number=address_in(query.number) if query.number else "",
        sender=query.sender or "",
        since=query.since,
        until=query.until,
        contains=query.contains or "",
        **{name: value or "" for name, value in more.items()},
    )


def _incoming_query(query: IncomingQuery) -> TextQuery:
    return _query(query, direction="in", decision=query.decision, outcome=query.outcome, rule=query.rule)


@texts_api.get("/messages", tags=[_TEXTS], responses={200: MessageList})
def list_messages(query: MessagesQuery) -> Response:
    """All texts of the account in both directions, newest first."""
    wanted = _query(query, direction=query.direction, status=query.status)
    page = services().texts.page(account().id, wanted, limit=query.limit, after=place_of(query))
    return as_json(MessageList(items=[message_item(item) for item in page.items], next=next_of(query, page.next)))


@texts_api.get("/incoming", tags=[_INCOMING], responses={200: IncomingList})
def list_incoming(query: IncomingQuery) -> Response:
    """The incoming report: every text that came in with the decision, its rule and the reason, newest first."""
    page = services().texts.page(account().id, _incoming_query(query), limit=query.limit, after=place_of(query))
    return as_json(IncomingList(items=[incoming_item(item) for item in page.items], next=next_of(query, page.next)))


_FILE = {
    "description": "The report as a file.",
    "content": {form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS.values()},
}


@texts_api.get("/incoming/export", tags=[_INCOMING], responses={200: _FILE})
def export_incoming(query: ExportQuery) -> Response:
    """The incoming report as a file, same filters, without limit and cursor. A pdf has 2,000 rows at most."""
    form = FORMATS[query.format]
    pieces = write(services().texts, account().id, _incoming_query(query), form)
    response = Response(pieces, content_type=form.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="incoming.{form.extension}"'
    return response
