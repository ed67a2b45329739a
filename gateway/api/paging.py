"""Lists in pages: opaque cursors that fit one list and its filters only.

A cursor is the place where the next page begins, signed (itsdangerous), so that what no page of ours gave is refused
instead of being read as some place. A list's query extends PageQuery; its route asks `place_of(query)` and answers
`next=next_of(query, place)`.
"""

import json
from typing import Annotated

from flask import current_app, request
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.models import Strict
from gateway.api.problems import Problem


class PageQuery(Strict):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=200, description="Most items of a page.")] = 50
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        None, description="`next` of the page before, with the same filters."
    )


class Paged(BaseModel):
    """A page of a list. Lists extend it with their `items`."""

    next: str | None = Field(None, description="The cursor of the next page; null at the end.")


def place_of(query: PageQuery) -> str:
    """The place where the page asked for begins; "" for the first.

    Raises:
        Problem: bad_cursor.
    """
    if not query.cursor:
        return ""
    try:
        return str(_sealer(query).loads(query.cursor))
    except BadData:
        raise Problem(
            "bad_cursor", "This cursor is not from this list with these filters. Begin again without one."
        ) from None


def next_of(query: PageQuery, place: str) -> str | None:
    """The cursor of the page that begins at `place`; None at the end (when it is "")."""
    if not place:
        return None
    sealed = _sealer(query).dumps(place)
    return sealed if isinstance(sealed, str) else sealed.decode()


def _sealer(query: PageQuery) -> URLSafeSerializer:
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    key = current_app.config["SECRET_KEY"]
    return URLSafeSerializer(key, salt=json.dumps(["cursor", request.path, filters], sort_keys=True))
