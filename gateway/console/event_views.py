"""Outgoing events: where they are sent, what became of each, and sending one again."""

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.configuration_journal import write_down
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, listing
from gateway.errors import NotAllowed
from gateway.events import EVENT_KINDS
from store.events import Endpoint

_ENDPOINTS = (Column("Address"), Column("Kinds"), Column("State"), Column(""))
_DELIVERIES = (Column("Event"), Column("State"), Column("Tries", numeric=True), Column("Answer"), Column("When"),
               Column(""))  # fmt: skip
_FIELD_OF = {"bad_endpoint": "url", "unknown_event_kind": "kinds", "too_many_endpoints": ""}
_PAGE = 50


@pages.get("/events")
def events() -> str:
    """Where events are sent."""
    return _page(Draft())


def _page(shown: Draft, made: Endpoint | None = None) -> str:
    return render_template(
        "console/events.html",
        endpoints=services().store.events.endpoints(account().id),
        columns=_ENDPOINTS,
        kinds=EVENT_KINDS.values(),
        draft=shown,
        chosen=request.form.getlist("kinds"),
        made=made,
    )


@pages.post("/events")
def add_endpoint() -> Response:
    """Send events to one more address."""
    typed = draft("url", "note")
    try:
        made = services().event_delivery.add(
            account().id, typed.values["url"], request.form.getlist("kinds"), typed.values["note"]
        )
    except NotAllowed as error:
        return make_response(_page(typed.refused(error, _FIELD_OF)), 422)
    _write_down(made, "", _said(made))
    # The secret is in this answer and nowhere else, so there is no redirect that could show it again.
    return make_response(_page(Draft(), made))


@pages.get("/events/<endpoint_id>")
def endpoint(endpoint_id: str) -> str:
    """One address: what it gets, and what became of it."""
    return _endpoint_page(services().event_delivery.endpoint(account().id, endpoint_id), Draft())


def _endpoint_page(found: Endpoint, shown: Draft) -> str:
    asked = listing()
    start = asked.cursor if asked.cursor.isdigit() else ""
    deliveries, following = services().store.events.deliveries(account().id, found.id, before=start, limit=_PAGE)
    return render_template(
        "console/endpoint.html",
        endpoint=found,
        kinds=EVENT_KINDS.values(),
        draft=shown,
        columns=_DELIVERIES,
        deliveries=deliveries,
        listing=asked,
        next=following,
    )


@pages.post("/events/<endpoint_id>")
def change_endpoint(endpoint_id: str) -> Response:
    """Change an address, or switch it on or off."""
    before = services().event_delivery.endpoint(account().id, endpoint_id)
    typed = draft("url", "note")
    to = request.form.get("to")
    try:
        if to in {"on", "off"}:
            after = services().event_delivery.change(account().id, endpoint_id, active=to == "on")
        else:
            after = services().event_delivery.change(
                account().id,
                endpoint_id,
                url=typed.values["url"],
                kinds=request.form.getlist("kinds"),
                note=typed.values["note"],
            )
    except NotAllowed as error:
        return make_response(_endpoint_page(before, typed.refused(error, _FIELD_OF)), 422)
    _write_down(after, _said(before), _said(after))
    if request.headers.get("X-Requested-With") == "console":
        return Response(status=204)
    flash("Saved.", "done")
    return redirect(url_for("account.endpoint", endpoint_id=endpoint_id))


@pages.route("/events/<endpoint_id>/remove", methods=["GET", "POST"])
def remove_endpoint(endpoint_id: str) -> Response | str:
    """Send nothing to an address any more."""
    found = services().event_delivery.endpoint(account().id, endpoint_id)
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            "Send no more events there?",
            [f"{found.url} gets nothing any more, also nothing that is on its way.",
             "Its secret and its log are gone. To pause it, switch it off instead."],
            button="Remove 1 address",
            back=url_for("account.endpoint", endpoint_id=endpoint_id),
        )  # fmt: skip
    services().event_delivery.remove(account().id, endpoint_id)
    _write_down(found, _said(found), "")
    flash(f"Events are not sent to {found.url} any more.", "done")
    return redirect(url_for("account.events"))


@pages.post("/events/<endpoint_id>/deliveries/<event_id>")
def replay_delivery(endpoint_id: str, event_id: str) -> Response:
    """Send an event again."""
    services().event_delivery.replay(account().id, endpoint_id, event_id)
    flash("The event is sent again.", "done")
    return redirect(url_for("account.endpoint", endpoint_id=endpoint_id))


def _said(found: Endpoint) -> str:
    state = "on" if found.active else "off"
    return f"{found.url} ({', '.join(found.kinds) or 'all kinds'}), {state}"


def _write_down(found: Endpoint, before: str, after: str) -> None:
    write_down(
        services().store, account().id, services().clock.now(), actor(),
        area="events", name=found.id, before=before, after=after,
    )  # fmt: skip
