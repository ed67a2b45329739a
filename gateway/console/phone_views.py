"""The simulator's phone."""

from hashlib import sha256

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from gateway.console.access import services
from gateway.console.blueprints import console
from gateway.console.display import SOURCE_WORDS
from gateway.errors import NotAllowed
from gateway.outbound import SendRequest
from gateway.phone import InvalidNumber, normalise
from gateway.simulating import PhoneScreen

# A number of the range kept for fiction.
_DEFAULT_PHONE = "+12025550123"
_LONGEST_TEXT = 1600

# What is said under a bubble, by status. What is not here needs no words.
STATUS_WORDS = {
    "queued": "on its way",
    "handing_over": "on its way",
    "accepted": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "not delivered",
    "failed": "failed",
    "unknown": "unknown whether it arrived",
    "suppressed": "stopped by Stopgate: this person opted out",
    "expired": "too late, not sent",
}


def _screen(sender: str, number: str) -> PhoneScreen:
    try:
        return services().handset.screen(sender, normalise(number, "US"))
    except (NotAllowed, InvalidNumber):
        abort(404)


def _only_with_simulator() -> None:
    if not services().handset.on:
        abort(404)


@console.get("/phone")
def phone() -> str | Response:
    """A phone on a page."""
    _only_with_simulator()
    if not services().handset.senders():
        return render_template("console/phone_empty.html")
    asked = request.args.get("me", _DEFAULT_PHONE)
    try:
        number: str = normalise(asked, "US")
    except InvalidNumber as error:
        flash(f"{asked[:40]} is not a phone number. {error}", "refused")
        number = _DEFAULT_PHONE
    screen = _screen(request.args.get("sender", ""), number)
    return render_template("console/phone.html", **_shown(screen))


def _shown(screen: PhoneScreen) -> dict[str, object]:
    source = screen.check.block.source.label if screen.check.block and screen.check.block.source else ""
    return {
        "screen": screen,
        "senders": services().handset.senders(),
        "status_words": STATUS_WORDS,
        "why_not": SOURCE_WORDS.get(source, ""),
        "by_person": source in {"keyword", "link", "carrier"},
    }


@console.get("/phone/screen")
def phone_screen() -> Response:
    """The parts of the phone that change; 304 while nothing did."""
    _only_with_simulator()
    screen = _screen(request.args.get("sender", ""), request.args.get("me", _DEFAULT_PHONE))
    response = make_response(render_template("console/_phone_screen.html", **_shown(screen)))
    response.set_etag(sha256(screen.version.encode()).hexdigest()[:32])
    response.make_conditional(request)
    return response


@console.post("/phone/text")
def phone_text() -> WerkzeugResponse:
    """The person texts the sender."""
    _only_with_simulator()
    screen = _screen(request.form.get("sender", ""), request.form.get("me", ""))
    body = request.form.get("body", "")[:_LONGEST_TEXT]
    if body.strip():
        services().handset.text(screen.sender.address, screen.number, body)
    else:
        flash("Type a text first.", "refused")
    return _back(screen)


@console.post("/phone/send")
def phone_send() -> WerkzeugResponse:
    """The sender texts the person: refused here when the person opted out."""
    _only_with_simulator()
    screen = _screen(request.form.get("sender", ""), request.form.get("me", ""))
    body = request.form.get("body", "")[:_LONGEST_TEXT].strip()
    try:
        if not body:
            raise NotAllowed("empty", "Type a text first.")
        services().outbound.accept(screen.account, SendRequest(screen.sender.address, screen.number, body))
        services().handset.wait(screen.account, screen.number)
        flash("Sent.", "done")
    except NotAllowed as error:
        why = SOURCE_WORDS.get(str(error.facts.get("source", "")), "")
        sentence = f"This person opted out, {why}. The text was not taken." if why else str(error)
        flash(f"Refused. {sentence} A program gets the code {error.code}.", "refused")
    return _back(screen)


def _back(screen: PhoneScreen) -> WerkzeugResponse:
    return redirect(url_for("console.phone", sender=screen.sender.address, me=screen.number))
