"""The opt-out page. Looking at it changes nothing, since programs that check links look at it too; its button does."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO

import segno
from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from gateway.account_settings import setting_of
from gateway.linting import brand_of
from gateway.opt_out_links import LinkTarget
from gateway.phone import formatted
from gateway.reply_texts import DEFAULT_LANGUAGE, LANGUAGES
from gateway.services import Services

public = Blueprint("public", __name__, template_folder="templates", static_folder="static", static_url_path="/o/static")


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("texts.toml").read_text(encoding="utf-8"))


def _services() -> Services:
    services: Services = current_app.extensions["stopgate"]
    return services


def _target(token: str) -> LinkTarget:
    target = _services().opt_out_links.read(token)
    if target is None:
        abort(404)
    return target


def _language() -> str:
    return request.accept_languages.best_match(LANGUAGES, DEFAULT_LANGUAGE)


@public.get("/o/<token>")
def opt_out(token: str) -> Response:
    """What the button will do, or that it was done."""
    target = _target(token)
    language = _language()
    values = {
        "brand": brand_of(target.account),
        "digits": target.number[-4:],
        "sender": formatted(target.sender.address),
        "contact": str(setting_of(target.account.settings, "help_contact")),
    }
    texts = {name: text.format_map(values) for name, text in _texts()[language].items()}
    page = render_template(
        "public/opt_out.html",
        texts=texts,
        language=language,
        token=token,
        receives=target.receives,
        contact=values["contact"],
        block=_services().opt_out_links.blocked_by(target),
    )
    response = Response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.vary.add("Accept-Language")
    return response


@public.post("/o/<token>")
def opt_out_now(token: str) -> WerkzeugResponse:
    """Opt the person out. The token is the right to do so, so there is no other one to forge."""
    _services().opt_out_links.opt_out(_target(token))
    return redirect(url_for("public.opt_out", token=token), code=303)


@public.get("/o/<token>/qr.svg")
def qr(token: str) -> Response:
    """The link as a QR code, for print."""
    target = _target(token)
    link = _services().opt_out_links.link(target.account, target.sender.address, target.number)
    picture = BytesIO()
    segno.make(link, error="m", micro=False).save(picture, kind="svg", scale=4, border=4)
    return Response(picture.getvalue(), content_type="image/svg+xml")
