"""Broadcasts before they are sent: writing one, who would get it and what it costs, and sending it."""

from dataclasses import dataclass

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.audiences import SendingAudience
from gateway.broadcast_texts import MOST_CHARACTERS, VARIABLES, preview
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.errors import NotAllowed
from gateway.linting import Preview, brand_of
from gateway.phone import formatted
from store.broadcasts import BroadcastRecord
from store.consent import milliseconds, moment

_FIELDS = ("name", "audience", "sender", "body")
_FIELD_OF = {
    "unknown_audience": "audience", "unknown_sender": "sender", "sender_needed": "sender",
    "unknown_variable": "body", "too_long": "body", "name_too_long": "name",
}  # fmt: skip
_LONGEST_NAME = 100
_SENT_LATELY = 10


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a text would look like, who would get it, and what it would cost. sending: None without an audience."""

    shown: Preview
    sending: SendingAudience | None

    @property
    def segments(self) -> int:
        """What the carrier would bill."""
        return self.shown.segments * (self.sending.sendable if self.sending else 0)


def _outlook(audience: str, sender: str, body: str) -> Outlook:
    known = audience in account().audiences
    sender = sender if any(each.address == sender for each in account().senders) else ""
    sending = services().audiences.sendable(account(), audience, sender=sender or None) if known else None
    from_sender = sending.sender if sending else sender
    return Outlook(preview(account(), body, public_url=services().settings.public_url, sender=from_sender), sending)


def draft_page(record: BroadcastRecord) -> str:
    """A draft, with what would come of sending it."""
    try:
        problem = ""
        services().broadcasts.ready(account(), record.id)
    except NotAllowed as error:
        problem = str(error)
    return render_template(
        "console/broadcast_draft.html",
        record=record,
        outlook=_outlook(record.audience, record.sender, record.body),
        audience=_audience_name(record.audience),
        problem=problem,
        brand=brand_of(account()),
    )


def _audience_name(audience: str) -> str:
    found = {each.record.id: each.record.name for each in services().audiences.all(account())}
    return found.get(audience, audience)


@pages.route("/broadcasts/new", methods=["GET", "POST"])
def new_broadcast() -> Response | str:
    """Write a broadcast; nobody is texted before it is sent. `like`: begin with the text of another."""
    if request.method == "GET":
        return _form(None, Draft(_like(request.args.get("like", ""))))
    typed = draft(*_FIELDS)
    try:
        _refuse_long(typed)
        made = services().broadcasts.create(
            account(),
            name=typed.values["name"] or _audience_name(typed.values["audience"])[:_LONGEST_NAME],
            audience=typed.values["audience"],
            sender=typed.values["sender"],
            body=typed.values["body"],
            actor=actor(),
        )
    except NotAllowed as error:
        return make_response(_form(None, typed.refused(error, _FIELD_OF)), 422)
    return redirect(url_for("account.broadcast", broadcast_id=made.record.id))


def _like(identifier: str) -> dict[str, str]:
    if not identifier:
        return {"audience": request.args.get("audience", "")}
    record = services().broadcasts.get(account(), identifier).record
    return {name: getattr(record, name) for name in _FIELDS}


def _refuse_long(typed: Draft) -> None:
    if len(typed.values["name"]) > _LONGEST_NAME:
        raise NotAllowed("name_too_long", f"Use {_LONGEST_NAME} characters at most.")
    if len(typed.values["body"]) > MOST_CHARACTERS:
        raise NotAllowed("too_long", f"A text has {MOST_CHARACTERS:,} characters at most.")


def _form(record: BroadcastRecord | None, shown: Draft) -> str:
    values = shown.values
    audiences = services().audiences.all(account())
    chosen = values.get("audience") or (audiences[0].record.id if audiences else "")
    return render_template(
        "console/broadcast_form.html",
        record=record,
        draft=Draft({**values, "audience": chosen}, shown.errors),
        audiences=[(each.record.id, f"{each.record.name}, {each.members:,}") for each in audiences],
        senders=[
            ("", "The audience's own sender"),
            *((each.address, formatted(each.address)) for each in account().senders),
        ],
        variables=list(VARIABLES.items()),
        outlook=_outlook(chosen, values.get("sender", ""), values.get("body", "")),
        brand=brand_of(account()),
    )


@pages.route("/broadcasts/<broadcast_id>/edit", methods=["GET", "POST"])
def edit_broadcast(broadcast_id: str) -> Response | str:
    """Change a draft."""
    record = services().broadcasts.get(account(), broadcast_id).record
    page = url_for("account.broadcast", broadcast_id=broadcast_id)
    if record.status != "draft":
        flash("It was sent already, so it stays as it is. Write another like it.", "refused")
        return redirect(page)
    if request.method == "GET":
        return _form(record, Draft({name: getattr(record, name) for name in _FIELDS}))
    typed = draft(*_FIELDS)
    try:
        _refuse_long(typed)
        services().broadcasts.change(account(), broadcast_id, typed.values)
    except NotAllowed as error:
        return make_response(_form(record, typed.refused(error, _FIELD_OF)), 422)
    return redirect(page)


@pages.post("/broadcasts/check")
def check_broadcast() -> str:
    """A broadcast that is being written, as it would look, and to whom it would go; a part of a page."""
    typed = draft("audience", "sender", "body").values
    outlook = _outlook(typed["audience"], typed["sender"], typed["body"][:MOST_CHARACTERS])
    return render_template("console/_broadcast_outlook.html", outlook=outlook, brand=brand_of(account()))


@pages.route("/broadcasts/<broadcast_id>/send", methods=["GET", "POST"])
def send_broadcast(broadcast_id: str) -> Response | str:
    """Say what will happen and to how many; then do it."""
    page = redirect(url_for("account.broadcast", broadcast_id=broadcast_id))
    record = services().broadcasts.get(account(), broadcast_id).record
    try:
        if request.form.get("confirmed") == "yes":
            seen = request.form.get("as_of", "")
            as_of = moment(seen) if seen.isdigit() and len(seen) < 15 else record.updated_at
            services().broadcasts.start(account(), broadcast_id, actor=actor(), as_of=as_of)
            return page
        sender, _ = services().broadcasts.ready(account(), broadcast_id)
    except NotAllowed as error:
        refuse(error)
        return page
    return render_template(
        "console/broadcast_send.html",
        record=record,
        sender=sender,
        as_of=milliseconds(record.updated_at),
        outlook=_outlook(record.audience, record.sender, record.body),
        audience=_audience_name(record.audience),
        again=_sent_before(record),
        brand=brand_of(account()),
    )


def refuse(error: NotAllowed) -> None:
    """Say why something was refused, on the page that comes next; a broadcast of others is not found."""
    if error.code == "not_found":
        raise error
    flash(str(error), "refused")


def _sent_before(record: BroadcastRecord) -> BroadcastRecord | None:
    """A broadcast with the same text that went to the same audience lately."""
    for other in services().store.broadcasts.newest(account().id, _SENT_LATELY):
        if other.status != "draft" and (other.audience, other.body) == (record.audience, record.body):
            return other
    return None
