"""What the API says of itself: the OpenAPI document, and the same as a page to read."""

import re
from typing import cast

from flask import Blueprint, Response, current_app, json, render_template, request
from flask_openapi3.openapi import OpenAPI
from markupsafe import Markup, escape

from gateway.api.access import ROLES, services
from gateway.api.conventions import ADVICE, CONVENTIONS
from gateway.api.describing import Document, described, endpoints_of
from gateway.api.problems import PROBLEMS
from gateway.api.reading import groups_of

pages = Blueprint(
    "api_docs",
    __name__,
    url_prefix="/api",
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
)


@pages.app_template_filter("code")
def code_filter(text: str) -> Markup:
    """A text in which `backticks` stand around code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped first)


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


@pages.get("/docs")
def docs() -> str:
    """All operations with their fields, answers and requests to copy."""
    document = document_of(cast("OpenAPI", current_app))
    base_url = services().settings.public_url or request.host_url.rstrip("/")
    return render_template(
        "api/docs.html",
        version=document["info"]["version"],
        groups=groups_of(document, base_url),
        conventions=CONVENTIONS,
        roles=list(ROLES),
        problems=list(PROBLEMS.values()),
        advice=ADVICE,
    )
