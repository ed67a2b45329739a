"""What every page is drawn with: who is here, where they can go, how it looks."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from flask import current_app, g, render_template, url_for

from gateway.console.access import accounts_of, can, signed_in
from gateway.console.blueprints import console
from gateway.console.display import SOURCE_WORDS, STATES, theme, zone
from gateway.console.navigation import navigation


@cache
def _digest(package: str, path: str) -> str:
    content = files(package).joinpath(path).read_bytes()
    return sha256(content).hexdigest()[:12]


def asset(filename: str) -> str:
    """The address of a file of ours, which changes when the file does, so that browsers may keep it for ever."""
    return url_for("console.static", filename=filename, v=_digest("gateway.console", f"static/{filename}"))


def bootstrap_css() -> str:
    """The address of Bootstrap's stylesheet, from its package."""
    path = "css/bootstrap.min.css"
    return url_for("bootstrap.static", filename=path, v=_digest("flask_bootstrap", f"static/bootstrap5/{path}"))


@console.app_context_processor
def _frame() -> dict[str, Any]:
    found = signed_in()
    in_account = "account" in g
    return {
        "person": found.user if found else None,
        "account": g.get("account"),
        "accounts": accounts_of(found.user) if found and not found.user.must_change_password else [],
        "navigation": navigation() if found and in_account else [],
        "can": can,
        "theme": theme(),
        "zone_name": zone().key,
        "states": STATES,
        "source_words": SOURCE_WORDS,
        "known_pages": current_app.view_functions,
        "asset": asset,
        "bootstrap_css": bootstrap_css,
    }


def confirm_page(
    title: str,
    sentences: list[str],
    *,
    button: str,
    back: str,
    fields: Mapping[str, str] | None = None,
    action: str = "",
    needs_reason: bool = False,
) -> str:
    """A page that says what will happen and to how many, before it does. Its form posts `confirmed=yes`.

    Args:
        title: the question ("Lift 12 opt-outs?").
        sentences: what will happen, and what will not.
        button: the words on the button, with the number ("Lift 12 opt-outs").
        back: where "Leave it as it is" leads.
        fields: what the form sends besides.
        action: where it posts; "" for the same address.
        needs_reason: ask for a reason, sent as `reason`.
    """
    return render_template(
        "console/confirm.html",
        title=title,
        sentences=sentences,
        button=button,
        back=back,
        fields=fields or {},
        action=action,
        needs_reason=needs_reason,
    )
