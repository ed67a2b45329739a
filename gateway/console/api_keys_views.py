"""API keys of an account: made and shown once, revoked."""

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import Column
from gateway.roles import KEY_ROLES
from store.api_keys import ApiKey

_COLUMNS = (Column("Name"), Column("May"), Column("Made"), Column("Last used"), Column(""))
_LONGEST_NAME = 80


@pages.get("/api-keys")
def api_keys() -> str:
    """All keys, without their secrets."""
    return _page(Draft({"role": "send"}), "")


def _page(shown: Draft, secret: str) -> str:
    return render_template(
        "console/api_keys.html",
        keys=services().store.api_keys.all(account().id),
        columns=_COLUMNS,
        roles=KEY_ROLES,
        choices=[(role, f"{role}: {words}") for role, words in KEY_ROLES.items()],
        draft=shown,
        secret=secret,
    )


@pages.post("/api-keys")
def make_api_key() -> Response:
    """Make a key. Its secret is in this answer and never again."""
    typed = draft("name", "role")
    errors = {}
    if not typed.values["name"] or len(typed.values["name"]) > _LONGEST_NAME:
        errors["name"] = (
            f"Give it a name of {_LONGEST_NAME} characters at most, so that you know which program uses it."
        )
    if typed.values["role"] not in KEY_ROLES:
        errors["role"] = "Choose what it may do."
    if errors:
        return make_response(_page(Draft(typed.values, errors), ""), 422)
    _, secret = services().account_changes.make_key(
        account(), typed.values["role"], name=typed.values["name"], actor=actor()
    )
    return make_response(_page(Draft({"role": "send"}), secret))


@pages.route("/api-keys/<key_id>/revoke", methods=["GET", "POST"])
def revoke_api_key(key_id: str) -> Response | str:
    """Revoke a key, after saying what that means."""
    key = next((each for each in services().store.api_keys.all(account().id) if each.id == key_id), None)
    if key is None:
        abort(404)
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Revoke {_named(key)}?",
            ["Programs that use it are refused from this moment on. It cannot be given back; make a new one instead."],
            button="Revoke 1 key",
            back=url_for("account.api_keys"),
        )
    services().account_changes.revoke_key(account(), key.id, actor=actor())
    flash(f"{_named(key)} is revoked.", "done")
    return redirect(url_for("account.api_keys"))


def _named(key: ApiKey) -> str:
    return key.name or f"the key {key.id}"
