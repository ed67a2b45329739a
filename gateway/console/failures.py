"""What is shown when something does not work: pages in the same look, never a trace."""

from flask import Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from gateway.console.blueprints import console, pages
from gateway.errors import NotAllowed
from gateway.logs import logger
from store.errors import StoreError

log = logger(__name__)

# What Werkzeug says of errors that nobody explained, in words for people.
_PLAIN = {
    403: ("This is not for you", "Your role does not include this page. Ask an owner or admin of this account."),
    404: ("There is nothing here", "The page is gone, or the address is not quite right."),
    405: ("There is nothing here", "This address takes forms and shows no page."),
    413: ("Too much at once", "What was sent is larger than this page takes."),
    500: ("Something went wrong here", "It is in the log. Try again; if it happens again, tell who runs this server."),
}


def error_page(error: HTTPException) -> Response:
    """A page about an error. What went wrong inside is for the log alone."""
    shown = InternalServerError() if (error.code or 500) >= 500 else error
    name, sentence = shown.name, shown.description
    if sentence == type(shown).description:  # nobody said more about it
        name, sentence = _PLAIN.get(shown.code or 0, (name, sentence))
    return make_response(render_template("console/error.html", name=name, sentence=sentence), error.code)


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
