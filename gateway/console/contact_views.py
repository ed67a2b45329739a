"""Contacts: a list to search, and a page with details, audiences and an Opt In/Out part."""

import re

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, can, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, Filter, listing
from gateway.contact_rows import ContactRow
from gateway.contacts import ContactChange
from gateway.errors import NotAllowed
from gateway.opt_out_filters import read_number
from gateway.phone import InvalidNumber, formatted, normalise
from store.consent import Source
from store.contacts import Contact, ContactPage, Phone
from store.scopes import ALL_CHANNELS, Channel

_COLUMNS = (Column("Name"), Column("Phones"), Column("Your id"), Column("May be texted"), Column("Since"))
_FILTERS = (
    Filter("number", "Number, or how it begins", words="with {}", placeholder="+1 415"),
    Filter("name", "Name", words="called {}…", placeholder="Riv"),
)
_PAGE = 50
_CHANNELS = {"both": ALL_CHANNELS, "text": (Channel.TEXT,), "voice": (Channel.VOICE,)}
_BETWEEN = re.compile(r"[,;\n]+")


@pages.get("/contacts")
def contacts() -> Response:
    """Everybody, by when they came, or those who are looked for."""
    return make_response(_list(Draft()))


def _list(shown: Draft) -> str:
    asked = listing(_FILTERS)
    try:
        page = _found(asked.values, asked.cursor)
    except ValueError:
        page = _found(asked.values, "")
    numbers = [contact.numbers[0] for contact in page.items if contact.phones]
    checked = iter(services().consent.check(account(), numbers)) if numbers else iter(())
    rows = [(contact, next(checked) if contact.phones else None) for contact in page.items]
    return render_template(
        "console/contacts.html", rows=rows, listing=asked, columns=_COLUMNS, next=page.next, draft=shown,
        audiences=account().audiences,
    )  # fmt: skip


def _found(values: object, after: str) -> ContactPage:
    asked = dict(values)  # type: ignore[call-overload]
    use = services().contacts
    if asked.get("number"):
        try:
            number, prefix = read_number(asked["number"], account().default_country or None)
        except InvalidNumber:
            return ContactPage((), "")
        return use.with_number(account(), number or prefix, limit=_PAGE, after=after)
    if asked.get("name"):
        return use.named(account(), asked["name"], limit=_PAGE, after=after)
    return use.page(account(), order="created", limit=_PAGE, after=after, descending=True)


@pages.post("/contacts")
def add_contact() -> Response:
    """Add a contact; one that is known by its id or number gets what is new."""
    typed = draft("first_name", "last_name", "phones", "contact_id", "audience")
    values = typed.values
    try:
        row = ContactRow(
            0, values["contact_id"], values["first_name"], values["last_name"], _phones(values["phones"]), {}
        )
        taken = services().contacts.take(account(), row, audience=values["audience"], actor=actor())
    except NotAllowed as error:
        fields = {"bad_number": "phones", "opted_out": "phones", "invalid_contact": ""}
        return make_response(_list(typed.refused(error, fields)), 422)
    flash(taken.outcome.sentence or ("Added." if taken.made else "Already known; what was new was added."),
          "warn" if taken.outcome.outcome == "opted_out" else "done")  # fmt: skip
    return redirect(url_for("account.contact", contact_id=taken.contact.id))


def _phones(text: str) -> list[Phone]:
    """Phones as they are typed: with commas or new lines between them."""
    found = []
    for part in (part.strip() for part in _BETWEEN.split(text) if part.strip()):
        try:
            found.append(Phone(normalise(part, account().default_country or None), ""))
        except InvalidNumber as error:
            raise NotAllowed("bad_number", f"{part[:40]}: {error}") from None
    return found


@pages.get("/contacts/<contact_id>")
def contact(contact_id: str) -> str:
    """One person: details, phones and how each stands, audiences."""
    return _page(services().contacts.get(account(), contact_id), Draft())


def _page(found: Contact, shown: Draft) -> str:
    numbers = found.numbers
    memberships = {
        number: services().store.audiences.memberships(number, account().id, account().audiences) for number in numbers
    }
    return render_template(
        "console/contact.html",
        contact=found,
        name=name_of(found),
        phones=services().contact_opt_outs.get(account(), found.id) if numbers else [],
        labels={phone.number: phone.label for phone in found.phones},
        memberships=memberships,
        audiences=account().audiences,
        audience_names={each.record.id: each.record.name for each in services().audiences.all(account())},
        typed_phones="\n".join(formatted(number) for number in numbers),
        draft=shown,
    )


def name_of(found: Contact) -> str:
    """What a contact is called on a page."""
    name = f"{found.first_name} {found.last_name}".strip()
    return name or (formatted(found.numbers[0]) if found.phones else found.contact_id or "No name")


@pages.post("/contacts/<contact_id>")
def change_contact(contact_id: str) -> Response:
    """Change names, phones and properties."""
    found = services().contacts.get(account(), contact_id)
    typed = draft("first_name", "last_name", "phones", "contact_id")
    properties = {name: request.form.get(f"property:{name}", "").strip()[:500] or None for name in found.properties}
    new_name, new_value = request.form.get("new_name", "").strip()[:60], request.form.get("new_value", "").strip()[:500]
    if new_name and new_value:
        properties[new_name] = new_value
    try:
        labels = {phone.number: phone.label for phone in found.phones}
        phones = [Phone(phone.number, labels.get(phone.number, "")) for phone in _phones(typed.values["phones"])]
        change = ContactChange(
            contact_id=typed.values["contact_id"],
            first_name=typed.values["first_name"],
            last_name=typed.values["last_name"],
            phones=phones,
            properties=properties,
        )
        services().contacts.change(account(), contact_id, change)
    except NotAllowed as error:
        fields = {"bad_number": "phones", "opted_out": "phones", "contact_id_taken": "contact_id"}
        return make_response(_page(found, typed.refused(error, fields)), 422)
    flash("Saved.", "done")
    return redirect(url_for("account.contact", contact_id=contact_id))


@pages.post("/contacts/<contact_id>/opt-outs")
def contact_opt_outs(contact_id: str) -> Response:
    """The Opt In/Out part: opt a phone, or all of them, out or in again."""
    number, channels = request.form.get("number") or None, _CHANNELS.get(request.form.get("channels", ""), ALL_CHANNELS)
    use, back = services().contact_opt_outs, redirect(url_for("account.contact", contact_id=contact_id))
    try:
        if request.form.get("to") == "out":
            use.opt_out(
                account(), contact_id, actor=actor(), source=Source.ADMIN if can("lift") else Source.AGENT,
                number=number, channels=channels, note=request.form.get("note", "").strip()[:500],
            )  # fmt: skip
            flash("Opted out.", "done")
            return back
        reason = request.form.get("note", "").strip()[:500]
        if not can("lift") or not reason or request.form.get("agreed") != "yes":
            raise NotAllowed("reason_needed", "Give a reason, and say that the person agreed. Nothing was lifted.")
        done = use.lift(account(), contact_id, actor=actor(), source=Source.ADMIN, number=number, channels=channels,
                        reason=reason)  # fmt: skip
        lifted = any(outcome.changed for phone in done for outcome in phone.outcomes)
        flash("Opted in again." if lifted else "There was nothing to lift.", "done" if lifted else "warn")
        for phone in done:
            if phone.refused is not None:
                flash(f"{formatted(phone.number)}: {phone.refused}", "refused")
    except NotAllowed as error:
        flash(str(error), "refused")
    return back


@pages.post("/contacts/<contact_id>/audiences")
def contact_audiences(contact_id: str) -> Response:
    """Put a phone into an audience, or take it out."""
    found = services().contacts.get(account(), contact_id)
    number, audience = request.form.get("number", ""), request.form.get("audience", "")
    if number in found.numbers and audience in account().audiences:
        if request.form.get("to") == "leave":
            services().audiences.leave(account(), audience, number)
            flash(f"{formatted(number)} left {audience}.", "done")
        else:
            (added,) = services().audiences.add(account(), audience, [number])
            if added.reason is not None:
                why = f"{added.reason.sentence} {added.reason.way_back}"
                flash(f"{formatted(number)} is opted out and was not added to {audience}. {why}", "refused")
            else:
                flash(f"{formatted(number)} is in {audience}.", "done")
    return redirect(url_for("account.contact", contact_id=contact_id))


@pages.route("/contacts/<contact_id>/remove", methods=["GET", "POST"])
def remove_contact(contact_id: str) -> Response | str:
    """Remove a contact."""
    found = services().contacts.get(account(), contact_id)
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Remove {name_of(found)}?",
            ["The contact and its properties are gone, and its numbers leave all audiences.",
             "Opt-outs of the numbers stay, and so do texts. To erase a person, use Erase on the page of the number."],
            button="Remove 1 contact",
            back=url_for("account.contact", contact_id=contact_id),
        )  # fmt: skip
    services().contacts.remove(account(), contact_id)
    flash(f"{name_of(found)} was removed.", "done")
    return redirect(url_for("account.contacts"))
