"""Signing in and out, one's own password and sign-ins."""

import re

from flask import flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from gateway.console.access import (
    COOKIE,
    accounts_of,
    client_address,
    person,
    safe_next,
    services,
    signed_in,
)
from gateway.console.blueprints import console
from gateway.console.display import zones
from gateway.console.forms import Draft, draft
from gateway.console.listing import Column
from gateway.errors import NotAllowed
from gateway.signing_in import LIFE
from gateway.users import FIRST_NAME

_FIELD_OF = {"wrong_password": "old", "weak_password": "new", "bad_email": "email", "email_taken": "email"}
_COLUMNS = (Column("Browser"), Column("From"), Column("Since"), Column("Last used"), Column(""))
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip


@console.route("/login", methods=["GET", "POST"])
def sign_in() -> Response | str:
    """Sign in."""
    target = safe_next(request.values.get("next", ""))
    if request.method == "GET":
        if signed_in() is not None:
            return redirect(target or url_for("console.home"))
        return _sign_in_page(Draft(), target)
    typed = draft("email", secret=("password",))
    try:
        token = services().signing_in.sign_in(
            typed.values["email"],
            typed.values["password"],
            address=client_address(),
            browser=request.user_agent.string,
        )
    except NotAllowed as error:
        status = 429 if error.code == "too_many_tries" else 422
        return make_response(_sign_in_page(typed.refused(error, {}), target), status)
    # Nothing of before the sign-in is worth keeping, and a planted session would be.
    session.clear()
    response = redirect(target or url_for("console.home"))
    set_sign_in(response, token)
    return response


def _sign_in_page(shown: Draft, target: str) -> str:
    nobody_yet = all(user.signed_in_at is None for user in services().store.users.all())
    return render_template(
        "console/sign_in.html", draft=shown, next=target, phone=services().handset.on, nobody_yet=nobody_yet
    )


def set_sign_in(response: Response, token: str) -> None:
    """Give a browser its token."""
    secure = (services().settings.public_url or "").startswith("https://")
    seconds = round(LIFE.total_seconds())
    response.set_cookie(COOKIE, token, max_age=seconds, secure=secure, httponly=True, samesite="Lax")


@console.post("/logout")
def sign_out() -> Response:
    """Sign out of this browser."""
    found = signed_in()
    if found is not None:
        services().store.sign_ins.end(found.user.id, found.sign_in.id)
    session.clear()
    flash("You are signed out.", "done")
    response = redirect(url_for("console.sign_in"))
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    return response


@console.route("/password", methods=["GET", "POST"])
def password() -> Response | str:
    """Choose another password; the very first person also says who they are."""
    is_first = person().email == FIRST_NAME
    if request.method == "GET":
        return render_template("console/password.html", draft=Draft(), is_first=is_first)
    typed = draft("name", "email", secret=("old", "new", "again"))
    try:
        _choose_password(typed, is_first=is_first)
    except NotAllowed as error:
        refused = typed.refused(error, {**_FIELD_OF, "not_the_same": "again"})
        return make_response(render_template("console/password.html", draft=refused, is_first=is_first), 422)
    flash("Your password is changed. Your other sign-ins have ended.", "done")
    return redirect(url_for("console.home"))


def _choose_password(typed: Draft, *, is_first: bool) -> None:
    if typed.values["new"] != typed.values["again"]:
        raise NotAllowed("not_the_same", "This is not the same as above.")
    found = signed_in()
    assert found is not None
    services().users.change_password(
        found.user,
        typed.values["old"],
        typed.values["new"],
        keep=found.sign_in.id,
        introduce=(typed.values["email"], typed.values["name"]) if is_first else None,
    )


@console.get("/sign-ins")
def sign_ins() -> str:
    """Where one is signed in, and how the console looks here."""
    found = signed_in()
    assert found is not None
    return render_template(
        "console/sign_ins.html",
        columns=_COLUMNS,
        sign_ins=services().signing_in.all_of(found.user),
        current=found.sign_in.id,
        zones=zones(),
        roles=[(each.name, found.user.role_in(each.id)) for each in accounts_of(found.user)],
    )


@console.post("/sign-ins/end")
def end_sign_in() -> Response:
    """End one of one's own sign-ins."""
    services().signing_in.end(person(), request.form.get("sign_in", "")[:64])
    flash("That sign-in has ended.", "done")
    return redirect(url_for("console.sign_ins"))


@console.post("/sign-ins/end-others")
def end_other_sign_ins() -> Response:
    """End all of one's own sign-ins but this one."""
    found = signed_in()
    assert found is not None
    count = services().signing_in.end_others(found)
    flash("The other sign-in has ended." if count == 1 else f"{count} other sign-ins have ended.", "done")
    return redirect(url_for("console.sign_ins"))


@console.app_template_filter("browser")
def browser_name(agent: str) -> str:
    """A browser as its user knows it."""
    name = next((name for mark, name in _BROWSERS if mark in agent), "") or re.split(r"[/ ]", agent)[0] or "Browser"
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{name} on {system}" if system else name
