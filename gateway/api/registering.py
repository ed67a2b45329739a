"""Puts the API into the application: its doors, and what every route gets without asking for it."""

from flask import Response
from flask_openapi3.openapi import OpenAPI
from flask_wtf import CSRFProtect

from gateway.api.doors import DOORS
from gateway.api.failures import is_api_request, register_failures
from gateway.api.freshness import say_if_changed
from gateway.api.pages import pages
from gateway.api.rates import KeyRates, tell_allowance
from gateway.api.repeating import keep_answer
from gateway.services import Services


def register_api(app: OpenAPI, csrf: CSRFProtect, services: Services) -> None:
    """Serve the API from an application: all doors, rate limits, idempotency keys, ETags, problem documents."""
    app.extensions["stopgate_rates"] = KeyRates(app, services, services.settings.api_rate)
    for door in DOORS:
        csrf.exempt(door)
        known = dict(app.paths)
        app.register_api(door)
        # Two doors may have a route each at one address; the library would keep the later one only.
        for path in known.keys() & door.paths.keys():
            new = door.paths[path]
            operations = {method: getattr(new, method) for method in new.model_fields_set}
            app.paths[path] = known[path].model_copy(update=operations)
    app.register_blueprint(pages)
    register_failures(app)

    def finish(response: Response) -> Response:
        if not is_api_request():
            return response
        return tell_allowance(say_if_changed(keep_answer(services, response)))

    app.after_request(finish)
