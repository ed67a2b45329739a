"""Audiences: lists of numbers, who of them would get a text now, and why the others would not."""

import re
from collections.abc import Sequence

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.audiences import Added
from gateway.console.access import account, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, listing
from gateway.errors import NotAllowed
from gateway.opt_out_adding import split_numbers
from gateway.phone import InvalidNumber, formatted, normalise

_COLUMNS = (Column("Audience"), Column("Numbers", numeric=True), Column("Texts from"), Column(""))
_MEMBERS = (Column("Number"), Column("Contact"), Column(""))
_FIELD_OF = {"bad_audience_id": "id", "audience_exists": "id", "unknown_sender": "sender"}
_PAGE = 50
_MOST = 1000
# So many numbers are told one by one.
_SHOWN = 5
# As the API takes it: it stands in addresses and in key names.
_ID = re.compile(r"[^\s/{}][^/{}\x00-\x1f\x7f]{0,79}")


@pages.get("/audiences")
def audiences() -> Response:
    """All of them with how many numbers are in each."""
    return make_response(_list(Draft()))


def _list(shown: Draft) -> str:
    return render_template(
        "console/audiences.html", audiences=services().audiences.all(account()), columns=_COLUMNS, draft=shown,
        senders=_senders(),
    )  # fmt: skip


def _senders() -> list[tuple[str, str]]:
    return [("", "Any sender"), *((each.address, formatted(each.address)) for each in account().senders)]


@pages.post("/audiences")
def add_audience() -> Response:
    """Make an audience."""
    typed = draft("id", "name", "sender")
    try:
        if not _ID.fullmatch(typed.values["id"]):
            raise NotAllowed("bad_audience_id", "Up to 80 letters, digits, blanks or signs, without / and {}.")
        made, _ = services().audiences.create(
            account(), typed.values["id"], name=typed.values["name"], sender=typed.values["sender"]
        )
    except NotAllowed as error:
        return make_response(_list(typed.refused(error, _FIELD_OF)), 422)
    flash(f"{made.record.name} is there.", "done")
    return redirect(url_for("account.audience", audience_id=made.record.id))


@pages.get("/audiences/<audience_id>")
def audience(audience_id: str) -> Response:
    """One audience: who would get a text now, and its numbers."""
    return make_response(_page(audience_id, Draft()))


def _page(audience_id: str, shown: Draft) -> str:
    found = services().audiences.get(account(), audience_id)
    asked = listing()
    try:
        members = services().audiences.members(account(), audience_id, limit=_PAGE, after=asked.cursor)
    except ValueError:
        members = services().audiences.members(account(), audience_id, limit=_PAGE)
    contacts = services().store.contacts.with_numbers(account().id, members.numbers) if members.numbers else {}
    return render_template(
        "console/audience.html",
        audience=found,
        sending=services().audiences.sendable(account(), audience_id, sender=found.record.sender or None),
        members=[(number, contacts[number][0] if contacts.get(number) else None) for number in members.numbers],
        columns=_MEMBERS,
        listing=asked,
        next=members.next,
        senders=_senders(),
        draft=shown,
    )


@pages.post("/audiences/<audience_id>")
def change_audience(audience_id: str) -> Response:
    """Change what it is called, or what its texts come from."""
    typed = draft("name", "sender")
    try:
        services().audiences.change(account(), audience_id, name=typed.values["name"], sender=typed.values["sender"])
    except NotAllowed as error:
        return make_response(_page(audience_id, typed.refused(error, {"unknown_sender": "sender"})), 422)
    flash("Saved.", "done")
    return redirect(url_for("account.audience", audience_id=audience_id))


@pages.post("/audiences/<audience_id>/members")
def change_members(audience_id: str) -> Response:
    """Add pasted numbers, or take one out."""
    leaving = request.form.get("leave", "")
    if leaving:
        if services().audiences.leave(account(), audience_id, leaving):
            flash(f"{formatted(leaving)} left. To block texts as well, opt the number out.", "done")
        return redirect(url_for("account.audience", audience_id=audience_id))
    typed = draft("numbers")
    given = split_numbers(request.form.get("numbers", "")[:100_000])
    numbers, wrong = [], []
    for text in given:
        try:
            numbers.append(normalise(text, account().default_country or None))
        except InvalidNumber as error:
            wrong.append(f"{text[:40]}: {error}")
    try:
        if not given:
            raise NotAllowed("no_numbers", "Paste at least one number.")
        if len(given) > _MOST:
            raise NotAllowed("no_numbers", f"Add {_MOST:,} numbers at most at once, or import them as a file.")
        added = services().audiences.add(account(), audience_id, list(dict.fromkeys(numbers))) if numbers else []
    except NotAllowed as error:
        return make_response(_page(audience_id, typed.refused(error, {"no_numbers": "numbers"})), 422)
    _say(added, wrong)
    return redirect(url_for("account.audience", audience_id=audience_id))


def _say(added: Sequence[Added], wrong: Sequence[str]) -> None:
    """What came of numbers that were pasted: who joined, who is opted out and why, what is no number."""
    joined = sum(each.outcome == "joined" for each in added)
    known = sum(each.outcome == "already_member" for each in added)
    out = [(each.number, each.reason) for each in added if each.reason is not None]
    if joined or known:
        flash(f"{joined:,} joined, {known:,} were in it already.", "done")
    if out:
        numbers = f"{len(out):,} {'number is' if len(out) == 1 else 'numbers are'} opted out and did not join."
        shown = " ".join(f"{formatted(number)}: {why.sentence} {why.way_back}" for number, why in out[:_SHOWN])
        flash(f"{numbers} {shown}{_and_more(out)}", "refused")
    if wrong:
        flash(f"{len(wrong):,} {'is no phone number' if len(wrong) == 1 else 'are no phone numbers'}. "
              f"{' '.join(wrong[:_SHOWN])}{_and_more(wrong)}", "refused")  # fmt: skip


def _and_more(told: Sequence[object]) -> str:
    return f" And {len(told) - _SHOWN:,} more." if len(told) > _SHOWN else ""


@pages.route("/audiences/<audience_id>/remove", methods=["GET", "POST"])
def remove_audience(audience_id: str) -> Response | str:
    """Remove an audience."""
    found = services().audiences.get(account(), audience_id)
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Remove the audience {found.record.name}?",
            [f"{found.members:,} numbers leave it. The contacts stay.",
             "Opt-outs from this audience stay, should it be made again."],
            button=f"Remove the audience and {found.members:,} places",
            back=url_for("account.audience", audience_id=audience_id),
        )  # fmt: skip
    try:
        services().audiences.remove(account(), audience_id)
        flash(f"{found.record.name} was removed.", "done")
    except NotAllowed as error:
        flash(str(error), "refused")
        return redirect(url_for("account.audience", audience_id=audience_id))
    return redirect(url_for("account.audiences"))
