"""One number: may we text or call it, why, everything that happened, and what can be done about it."""

import json
from collections.abc import Sequence

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, can, services
from gateway.console.blueprints import pages
from gateway.console.forms import flash_undo
from gateway.console.layout import confirm_page
from gateway.console.number_timeline import timeline
from gateway.errors import NotAllowed
from gateway.phone import InvalidNumber, formatted, normalise
from gateway.standings import standings, why_blocked
from store.addresses import is_number
from store.consent import Source
from store.scopes import ALL_CHANNELS, Channel

_CHANNELS = {"both": ALL_CHANNELS, "text": (Channel.TEXT,), "voice": (Channel.VOICE,)}
_WORDS = {"both": "texts and calls", "text": "texts", "voice": "calls"}
_LONGEST = 500
_ERASED = (
    "Texts, the conversation, contact details, places in audiences and the words in the journal are erased.",
    "This cannot be undone. If the person may need proof of what happened, save the proof file first.",
    "Opt-outs stay, as a keyed hash that names nobody, and go on being honoured.",
    "The number is opted out first, so that it is not texted when it comes back with another list.",
)


@pages.get("/numbers")
def find_number() -> Response:
    """Go to the page of a number that was typed or pasted in any form."""
    typed = request.args.get("number", "")
    try:
        return redirect(url_for("account.number", number=normalise(typed, account().default_country or None)))
    except InvalidNumber as error:
        flash(f"“{typed[:40]}” is no phone number. {error}" if typed.strip() else "Type the number to find.", "refused")
        return redirect(url_for("account.home"))


def _number(text: str) -> str:
    if not is_number(text):
        abort(404, "This is not a phone number in international form, such as +14155550100.")
    return text


@pages.get("/numbers/<number>")
def number(number: str) -> str:
    """How it stands, why, and what happened."""
    found = services().consent.explain(account(), _number(number), messages=200)
    return render_template(
        "console/number.html",
        number=number,
        found=found,
        standings=standings(account(), found),
        reasons=why_blocked(account(), found),
        events=timeline(found, services().store.messages.timeline),
        channel_words=_WORDS,
    )


@pages.route("/numbers/<number>/opt-out", methods=["POST"])
def opt_out_number(number: str) -> Response:
    """Opt a number out, for what was chosen."""
    kind = request.form.get("channels", "both")
    sender = request.form.get("sender", "")
    try:
        outcomes = services().consent.opt_out(
            account(),
            _number(number),
            source=Source.ADMIN if can("lift") else Source.AGENT,
            actor=actor(),
            channels=_CHANNELS.get(kind, ALL_CHANNELS),
            sender=sender or None,
            note=request.form.get("note", "").strip()[:_LONGEST],
        )
    except NotAllowed as error:
        flash(str(error), "refused")
        return _back(number)
    if any(outcome.changed for outcome in outcomes):
        said = f"{formatted(number)} is opted out of {_WORDS.get(kind, _WORDS['both'])}."
        if can("lift"):
            flash_undo(said, url_for("account.lift_number", number=number), confirmed="yes", agreed="yes",
                       channels=kind, sender=sender, reason="Opted out by mistake a moment ago.")  # fmt: skip
        else:
            flash(said, "done")
    else:
        flash(f"{formatted(number)} was opted out already; stronger evidence or the first date stays.", "done")
    return _back(number)


@pages.route("/numbers/<number>/opt-in", methods=["GET", "POST"])
def lift_number(number: str) -> Response | str:
    """Lift what an admin may lift, with a reason and after agreeing that the person consented."""
    kind, reason = request.values.get("channels", "both"), request.form.get("reason", "").strip()
    if request.method == "GET" or request.form.get("confirmed") != "yes":
        return render_template("console/lift.html", number=_number(number), channels=kind, words=_WORDS)
    if not reason or request.form.get("agreed") != "yes":
        flash("Give a reason, and say that the person agreed. Nothing was lifted.", "refused")
        return redirect(url_for("account.lift_number", number=number, channels=kind))
    try:
        outcomes = services().consent.lift(
            account(),
            _number(number),
            source=Source.ADMIN,
            actor=actor(),
            channels=_CHANNELS.get(kind, ALL_CHANNELS),
            sender=request.form.get("sender") or None,
            reason=reason[:_LONGEST],
        )
    except NotAllowed as error:
        flash(str(error), "refused")
        return _back(number)
    lifted = any(outcome.changed for outcome in outcomes)
    if lifted:
        flash(f"{formatted(number)} may be reached again by {_WORDS.get(kind, _WORDS['both'])}.", "done")
    else:
        flash("There was nothing to lift.", "warn")
    return _back(number)


@pages.get("/numbers/<number>/proof")
def proof_file(number: str) -> Response:
    """The whole history as a file that shows changes."""
    document = services().proofs.make(account(), _number(number))
    response = Response(json.dumps(document, ensure_ascii=False, indent=1), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="proof-{number[1:]}.json"'
    return response


@pages.route("/numbers/<number>/erase", methods=["GET", "POST"])
def erase_number(number: str) -> Response | str:
    """Erase what is kept about a person."""
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Erase what is kept about {formatted(_number(number))}?",
            list(_ERASED),
            button="Erase 1 person",
            back=url_for("account.number", number=number),
            needs_reason=True,
        )
    done = services().erasure.erase(
        account(), _number(number), source=Source.ADMIN, actor=actor(),
        reason=request.form.get("reason", "").strip()[:_LONGEST], block=True,
    )  # fmt: skip
    flash(f"Erased: {_counted(done.counts)}. {done.blocks} opt-outs stay, as keyed hashes.", "done")
    return redirect(url_for("account.home"))


def _counted(counts: object) -> str:
    rows: Sequence[tuple[str, int]] = list(dict(counts).items())  # type: ignore[call-overload]
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows if count) or "nothing was kept"


def _back(number: str) -> Response:
    return redirect(url_for("account.number", number=number))
