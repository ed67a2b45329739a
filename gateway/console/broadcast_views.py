"""Broadcasts: their list, one of them while it is sent and after, stopping it and going on."""

from datetime import datetime
from hashlib import sha256

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_settings import setting_of
from gateway.broadcast_figures import Broadcast
from gateway.broadcast_texts import preview
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.broadcast_words import outcome_lines
from gateway.console.broadcast_writing_views import draft_page, refuse
from gateway.console.display import count_of
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, Listing, listing
from gateway.errors import NotAllowed
from gateway.linting import brand_of
from store.consent import milliseconds, moment

_COLUMNS = (
    Column("Broadcast"), Column("State"), Column("Texts", numeric=True), Column("Opt-outs after it", numeric=True),
    Column("By"), Column("When"),
)  # fmt: skip
_LEFT_COLUMNS = (Column("Number"), Column("Opted out"))
_PAGE = 25
_SHOWN_LEFT = 5


@pages.get("/broadcasts")
def broadcasts() -> str:
    """The account's broadcasts, newest first."""
    asked = listing()
    found = services().broadcasts.newest(account(), _PAGE + 1, before=_before(asked))
    shown = found[:_PAGE]
    last = shown[-1].record if shown else None
    return render_template(
        "console/broadcasts.html",
        broadcasts=shown,
        audiences=_audience_names(),
        columns=_COLUMNS,
        listing=asked,
        alarm=alarm(),
        next=f"{milliseconds(last.created_at)}:{last.id}" if last and len(found) > _PAGE else "",
    )


def _before(asked: Listing) -> tuple[datetime, str] | None:
    at, _, last = asked.cursor.partition(":")
    return (moment(at), last) if at.isdigit() and len(at) < 15 else None


def _audience_names() -> dict[str, str]:
    return {each.record.id: each.record.name for each in services().audiences.all(account())}


def alarm() -> float:
    """Opt-outs per hundred texts from which a broadcast is marked."""
    return float(setting_of(account().settings, "opt_out_rate_alarm"))


@pages.get("/broadcasts/<broadcast_id>")
def broadcast(broadcast_id: str) -> str:
    """One broadcast: a draft to look at, or what has come of it and what can be done now."""
    found = services().broadcasts.get(account(), broadcast_id)
    if found.record.status == "draft":
        return draft_page(found.record)
    return _page("console/broadcast.html", found)


@pages.get("/broadcasts/<broadcast_id>/live")
def broadcast_live(broadcast_id: str) -> Response:
    """The parts that change; 304 while nothing did."""
    found = services().broadcasts.get(account(), broadcast_id)
    response = make_response(_page("console/_broadcast.html", found))
    state = f"{found.record.status}{found.counts}{found.reasons}{found.skipped}{found.opted_out}"
    response.set_etag(sha256(state.encode()).hexdigest()[:32])
    if found.record.status != "sending":
        response.headers["X-Live"] = "end"
    response.make_conditional(request)
    return response


def _page(template: str, found: Broadcast) -> str:
    record = found.record
    left = services().broadcasts.who_left(account(), record.id, _SHOWN_LEFT) if found.opted_out else []
    return render_template(
        template,
        broadcast=found,
        record=record,
        active=record.status == "sending",
        lines=outcome_lines(found),
        left=left,
        alarm=alarm(),
        audience=_audience_names().get(record.audience, ""),
        shown=preview(account(), record.body, public_url=services().settings.public_url, sender=record.sender),
        brand=brand_of(account()),
    )


@pages.get("/broadcasts/<broadcast_id>/opt-outs")
def broadcast_opt_outs(broadcast_id: str) -> str:
    """Who opted out within a week of a broadcast."""
    found = services().broadcasts.get(account(), broadcast_id)
    asked = listing()
    left = services().broadcasts.who_left(account(), broadcast_id, _PAGE + 1, before=_before(asked))
    shown = left[:_PAGE]
    return render_template(
        "console/broadcast_opt_outs.html",
        broadcast=found,
        record=found.record,
        left=shown,
        alarm=alarm(),
        columns=_LEFT_COLUMNS,
        listing=asked,
        next=f"{milliseconds(shown[-1].at)}:{shown[-1].text}" if len(left) > _PAGE else "",
    )


def _back(broadcast_id: str) -> Response:
    return redirect(url_for("account.broadcast", broadcast_id=broadcast_id))


@pages.post("/broadcasts/<broadcast_id>/stop")
def stop_broadcast(broadcast_id: str) -> Response:
    """Stop it: what was not handed over stays here."""
    try:
        services().broadcasts.stop(account(), broadcast_id, actor=actor())
        flash("Stopped. Texts that wait are not handed over; go on with it whenever you like.", "done")
    except NotAllowed as error:
        refuse(error)
    return _back(broadcast_id)


@pages.route("/broadcasts/<broadcast_id>/resume", methods=["GET", "POST"])
def resume_broadcast(broadcast_id: str) -> Response | str:
    """Go on where it was. What stopped by itself is asked about first."""
    found = services().broadcasts.get(account(), broadcast_id)
    if request.form.get("confirmed") != "yes" and (found.record.problem or request.method == "GET"):
        return _ask_resume(found)
    try:
        services().broadcasts.resume(account(), broadcast_id, actor=actor())
        flash("It goes on where it was. Nobody gets it twice.", "done")
    except NotAllowed as error:
        refuse(error)
    return _back(broadcast_id)


def _ask_resume(found: Broadcast) -> str:
    record, left = found.record, max(found.size - found.done, 0)
    sentences = [record.problem] if record.problem else []
    if record.alarm:
        sentences.append("People opt out of texts that they did not expect. Did this audience ask for it?")
        sentences.append("It does not stop by itself a second time.")
    waiting = count_of(left, "person has", "people have")
    sentences.append(f"{waiting} not got it yet. Whoever opted out meanwhile gets nothing, and nobody gets it twice.")
    return confirm_page(
        f"Go on with {record.name}?",
        sentences,
        button=f"Go on with {count_of(left, 'person', 'people')}",
        back=url_for("account.broadcast", broadcast_id=record.id),
    )


@pages.route("/broadcasts/<broadcast_id>/remove", methods=["GET", "POST"])
def remove_broadcast(broadcast_id: str) -> Response | str:
    """Throw a draft away."""
    found = services().broadcasts.get(account(), broadcast_id)
    if found.record.status == "draft" and request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Throw away the draft {found.record.name}?",
            ["Nobody has got it. It cannot be brought back."],
            button="Throw the draft away",
            back=url_for("account.broadcast", broadcast_id=broadcast_id),
        )
    try:
        services().broadcasts.remove(account(), broadcast_id)
        flash(f"The draft {found.record.name} is gone.", "done")
    except NotAllowed as error:
        refuse(error)
        return _back(broadcast_id)
    return redirect(url_for("account.broadcasts"))
