"""/healthz, /readyz and /metrics: for load balancers and for monitoring."""

import redis
from flask import Blueprint, Response, current_app, jsonify

from gateway.metrics import CONTENT_TYPE
from gateway.services import Services
from store.errors import StoreError

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """This process is alive."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when texts can be stored and jobs queued; 503 with what fails when not."""
    services: Services = current_app.extensions["stopgate"]
    checks = {"store": _store(services), "queue": _queue(services)}
    ready = all(check == "ok" for check in checks.values())
    answer = jsonify(status="ready" if ready else "not ready", durability=services.settings.durability, checks=checks)
    return answer, 200 if ready else 503


def _store(services: Services) -> str:
    try:
        services.store.health.demand(services.settings.durability)
        services.store.functions.ensure_loaded()
    except StoreError as error:
        return str(error)
    return "ok"


def _queue(services: Services) -> str:
    try:
        services.queue.lengths()
    except redis.RedisError as error:
        return f"The queue does not answer: {type(error).__name__}"
    return "ok"


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics."""
    services: Services = current_app.extensions["stopgate"]
    return Response(services.metrics.text(), content_type=CONTENT_TYPE)
