"""Who may sign in to an account, and what each may do."""

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, can, person, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import Column
from gateway.errors import NotAllowed
from gateway.roles import CAPABILITIES, OWNER, ROLES
from store.users import EVERY_ACCOUNT, User

_COLUMNS = (Column("Person"), Column("Role"), Column("Last signed in"), Column(""))
_FIELD_OF = {"bad_email": "email", "email_taken": "email", "unknown_role": "role"}


@pages.get("/users")
def users() -> str:
    """Everybody with a role here."""
    return _page(Draft())


def _page(shown: Draft, invited: tuple[User, str] | None = None) -> str:
    return render_template(
        "console/users.html",
        people=services().users.in_account(account().id),
        columns=_COLUMNS,
        roles=ROLES,
        given=[(role, role) for role in _roles_to_give()],
        capabilities=[each for each in CAPABILITIES.values() if not each.everywhere],
        draft=shown,
        invited=invited,
        everywhere=EVERY_ACCOUNT,
    )


def _roles_to_give() -> list[str]:
    return [role for role in ROLES if role != OWNER or can("owners")]


@pages.post("/users")
def add_user() -> Response:
    """Let somebody sign in: a new person with a password for once, or one who has a role elsewhere."""
    typed = draft("email", "name", "role")
    if typed.values["role"] not in _roles_to_give():
        refused = NotAllowed("unknown_role", "Choose one of these roles.")
        return make_response(_page(typed.refused(refused, _FIELD_OF)), 422)
    try:
        invited = services().users.add(
            typed.values["email"], typed.values["name"], account().id, typed.values["role"], actor=actor()
        )
    except NotAllowed as error:
        return make_response(_page(typed.refused(error, _FIELD_OF)), 422)
    # The password is in this answer and nowhere else, so there is no redirect that could show it again.
    return make_response(_page(Draft(), invited))


@pages.route("/users/<user_id>", methods=["GET", "POST"])
def user(user_id: str) -> Response | str:
    """One person: another role, another password, or none of it."""
    found = _find(user_id)
    if request.method == "POST":
        role = request.form.get("role", "")
        if role not in _roles_to_give():
            abort(400, "Choose one of the roles.")
        services().users.give_role(found, account().id, role, actor=actor())
        flash(f"{found.name} is {role} now.", "done")
        return redirect(url_for("account.users"))
    return render_template(
        "console/user.html",
        someone=found,
        given=[(role, f"{role}: {ROLES[role]}") for role in _roles_to_give()],
        role=found.role_in(account().id),
        everywhere=EVERY_ACCOUNT in found.memberships,
        mine=found.id == person().id,
        locked=not _may_change(found),
        draft=Draft(),
    )


@pages.route("/users/<user_id>/password", methods=["GET", "POST"])
def reset_user_password(user_id: str) -> Response | str:
    """Give a person a password for one sign-in."""
    found = _changeable(user_id)
    if set(found.memberships) - {account().id}:
        abort(403, "This person has roles in other accounts too; the operator resets the password.")
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Give {found.name} a new password?",
            ["The password of now stops working and all sign-ins of this person end.",
             "You will see the new password once, to pass it on; it has to be changed at the first sign-in."],
            button="Make a new password",
            back=url_for("account.user", user_id=user_id),
        )  # fmt: skip
    password = services().users.reset_password(found, actor=actor())
    return make_response(_page(Draft(), (found, password)))


@pages.route("/users/<user_id>/remove", methods=["GET", "POST"])
def remove_user(user_id: str) -> Response | str:
    """Take a person's role in this account away."""
    found = _changeable(user_id)
    if EVERY_ACCOUNT in found.memberships:
        abort(403, "This person has a role in all accounts; the operator changes that (stopgate users role).")
    if request.form.get("confirmed") != "yes":
        alone = not set(found.memberships) - {account().id}
        last = "The person has no other account, and cannot sign in any more." if alone else "Other accounts stay."
        return confirm_page(
            f"Remove {found.name}?",
            [f"{found.email} loses the role in {account().name}, and all sign-ins end.", last,
             "What the person did stays in the journals."],
            button="Remove 1 person",
            back=url_for("account.user", user_id=user_id),
        )  # fmt: skip
    if set(found.memberships) == {account().id}:
        services().users.remove(found, actor=actor())
    else:
        services().users.give_role(found, account().id, "", actor=actor())
    flash(f"{found.name} was removed.", "done")
    return redirect(url_for("account.users"))


def _find(user_id: str) -> User:
    found = services().store.users.find(user_id)
    if found is None or found.role_in(account().id) is None:
        abort(404)
    if request.method == "POST" and not _may_change(found):
        abort(403, "Only an owner changes owners.")
    return found


def _changeable(user_id: str) -> User:
    found = _find(user_id)
    if not _may_change(found):
        abort(403, "Only an owner changes owners.")
    if found.id == person().id:
        abort(403, "Somebody else has to do this for you.")
    return found


def _may_change(found: User) -> bool:
    return found.role_in(account().id) != OWNER or can("owners")
