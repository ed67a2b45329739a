"""What the API says of itself: the OpenAPI document, and the same as a page to read."""

from typing import cast

from flask import Blueprint, Response, current_app, json
from flask_openapi3.openapi import OpenAPI

from gateway.api.describing import Document, described, endpoints_of

pages = Blueprint("api_docs", __name__, url_prefix="/api")


def document_of(app: OpenAPI) -> Document:
    """The OpenAPI 3.1 document of an application. Made once."""
    made: Document | None = app.extensions.get("stopgate_openapi")
    if made is None:
        made = app.extensions["stopgate_openapi"] = described(app.api_doc, endpoints_of(app.url_map))
    return made


@pages.get("/v1/openapi.json")
def openapi_document() -> Response:
    """The OpenAPI document."""
    document = document_of(cast("OpenAPI", current_app))
    return Response(json.dumps(document), content_type="application/json")
