"""The start of the console, and an account's home."""

from flask import g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import accounts_of, safe_next, services, signed_in
from gateway.console.blueprints import console, pages
from gateway.console.display import THEME_COOKIE, THEMES, ZONE_COOKIE, zones
from store.users import EVERY_ACCOUNT

LAST_ACCOUNT_COOKIE = "account"
_A_YEAR = 365 * 24 * 3600


@console.get("/")
def home() -> Response | str:
    """Where to go: the account that was open last, or sign in."""
    found = signed_in()
    if found is None:
        return redirect(url_for("console.sign_in"))
    if found.user.must_change_password:
        return redirect(url_for("console.password"))
    accounts = accounts_of(found.user)
    if not accounts:
        return render_template("console/no_account.html", everywhere=EVERY_ACCOUNT in found.user.memberships)
    last = request.cookies.get(LAST_ACCOUNT_COOKIE, "")
    account = next((each for each in accounts if each.id == last), accounts[0])
    return redirect(url_for("account.home", account_id=account.id))


@pages.after_request
def _remember_account(response: Response) -> Response:
    if request.endpoint == "account.home" and response.status_code == 200:
        remember(response, LAST_ACCOUNT_COOKIE, g.account.id)
    return response


@console.post("/preferences")
def preferences() -> Response:
    """Colours and time zone of this browser."""
    response = redirect(safe_next(request.form.get("back", "")) or url_for("console.home"))
    if request.form.get("theme", "") in THEMES:
        remember(response, THEME_COOKIE, request.form["theme"])
    chosen = request.form.get("zone", "")
    if chosen == "UTC" or chosen in zones():
        remember(response, ZONE_COOKIE, chosen)
    return response


def remember(response: Response, name: str, value: str) -> None:
    """Keep a choice in this browser for a year."""
    secure = (services().settings.public_url or "").startswith("https://")
    response.set_cookie(name, value, max_age=_A_YEAR, samesite="Lax", secure=secure)
