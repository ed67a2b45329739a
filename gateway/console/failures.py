"""What is shown when something does not work: pages in the same look, never a trace."""

from flask import Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from gateway.console.blueprints import console, pages
from gateway.errors import NotAllowed
from gateway.logs import logger
from store.errors import StoreError

log = logger(__name__)


def error_page(error: HTTPException) -> Response:
    """A page about an error. What went wrong inside is for the log alone."""
    shown = InternalServerError() if (error.code or 500) >= 500 else error
    return make_response(render_template("console/error.html", name=shown.name, sentence=shown.description), error.code)


@console.errorhandler(NotAllowed)
@pages.errorhandler(NotAllowed)
def _refused(error: NotAllowed) -> Response:
    status = 404 if error.code.startswith(("unknown_", "not_found")) else 409
    return make_response(render_template("console/error.html", name="This was refused", sentence=str(error)), status)


@console.errorhandler(StoreError)
@pages.errorhandler(StoreError)
def _store_unavailable(error: StoreError) -> Response:
    log.error("the store did not answer", path=request.url_rule.rule if request.url_rule else "", why=str(error))
    sentence = "The store does not answer just now. Nothing was changed by halves; try again in a moment."
    # The frame of a page asks the store who is here; this page goes without.
    for known in ("signed_in", "account"):
        g.pop(known, None)
    response = make_response(render_template("console/error.html", name="One moment", sentence=sentence), 503)
    response.headers["Retry-After"] = "2"
    return response
