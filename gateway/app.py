"""The web application: doors, error pages, security headers."""

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_bootstrap import Bootstrap5
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from gateway.api.failures import http_problem, is_api_request, validation_problem
from gateway.api.registering import register_api
from gateway.compression import compressed
from gateway.console.doors import DOORS as CONSOLE_DOORS
from gateway.console.failures import error_page
from gateway.health import health
from gateway.logs import configure_logs
from gateway.public.views import public
from gateway.services import Services, build
from gateway.settings import derived_secret, load_settings
from gateway.webhooks.views import webhooks

_MOST_BYTES = 16 * 1024 * 1024
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class _PeoplesSessions(SecureCookieSessionInterface):
    """Sessions are for people: webhooks and the API have none, and do not pay for one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(("/webhooks/", "/api/")):
            return None
        return super().open_session(app, request)


def create_app(services: Services | None = None) -> OpenAPI:
    """The application over services; over those of the environment's settings when none are given.

    Raises:
        SettingsError: the settings cannot be used.
    """
    if services is None:
        settings = load_settings()
        configure_logs(settings.log_format)
        services = build(settings)
    app = OpenAPI(
        __name__,
        info=Info(title="Stopgate", version="1", description="Texts, opt-outs and the answer to: may we text them?"),
        security_schemes={"key": {"type": "http", "scheme": "bearer"}},
        doc_ui=False,
        validation_error_callback=validation_problem,
        template_folder="console/templates",
        static_folder="console/static",
    )
    app.config.update(
        SECRET_KEY=derived_secret(services.secret_key, "sessions"),
        MAX_CONTENT_LENGTH=_MOST_BYTES,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(services.settings.public_url or "").startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.session_interface = _PeoplesSessions()
    app.extensions["stopgate"] = services
    csrf = CSRFProtect(app)
    csrf.exempt(webhooks)
    Bootstrap5(app)
    csrf.exempt(public)
    for door in (webhooks, health, public, *CONSOLE_DOORS):
        app.register_blueprint(door)
    register_api(app, csrf, services)
    app.register_error_handler(HTTPException, _http_error)
    app.after_request(compressed)
    app.after_request(_secure)
    return app


def _http_error(error: HTTPException) -> Response:
    if is_api_request():
        return http_problem(error)
    if request.path.startswith("/webhooks/"):
        return Response("", status=error.code, content_type="text/plain; charset=utf-8")
    return error_page(error)


def _secure(response: Response) -> Response:
    if request.blueprint == webhooks.name:
        return response  # read by machines
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
