"""Texts to senders that no account has: what they are, and handling them once somebody has the sender."""

from itertools import islice

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from gateway.console.access import services
from gateway.console.blueprints import pages
from gateway.console.listing import Column
from gateway.directory import owners_of

_COLUMNS = (Column("From"), Column("To"), Column("Text"), Column("Came"), Column("Now"))
_MOST = 200


@pages.get("/unrouted")
def unrouted() -> str:
    """The texts, oldest first."""
    waiting = list(islice(services().routing.waiting(), _MOST + 1))
    directory = services().store.directory
    rows = [(each.text, bool(owners_of(directory, each.text.sender, each.text.service))) for each in waiting[:_MOST]]
    return render_template(
        "console/unrouted.html",
        rows=rows,
        more=len(waiting) > _MOST,
        ready=sum(has_owner for _, has_owner in rows),
        columns=_COLUMNS,
    )


@pages.post("/unrouted")
def replay_unrouted() -> Response:
    """Handle the texts whose sender has an account now."""
    handled, left = services().routing.replay()
    said = f"{handled:,} texts were handled as of the time they came." if handled != 1 else "1 text was handled."
    flash(f"{said} {left:,} still have nobody." if left else said, "done" if handled else "warn")
    return redirect(url_for("account.unrouted"))
