"""POST /webhooks/<carrier>/inbound and /status."""

from collections.abc import Callable, Iterator, Mapping

from flask import Blueprint, Response, current_app, request

from gateway.carriers.base import Carrier, WebhookRequest, WebhookResponse
from gateway.errors import WebhookRejected, WebhookUnreadable
from gateway.logs import logger
from gateway.services import Services
from store.errors import StoreError

log = logger(__name__)

webhooks = Blueprint("webhooks", __name__, url_prefix="/webhooks")

# Carriers' forms are a few kilobytes. A larger body is not read.
MOST_BYTES = 256 * 1024
_UNPREFIXED = {"CONTENT_TYPE", "CONTENT_LENGTH"}


@webhooks.before_request
def _limit_size() -> None:
    request.max_content_length = MOST_BYTES


@webhooks.route("/<carrier_name>/inbound", methods=["GET", "POST"])
def inbound(carrier_name: str) -> Response:
    """A text came in. 200 only once it is stored; 503 makes the carrier try again (G1)."""

    def handle(services: Services, carrier: Carrier, call: WebhookRequest) -> None:
        for text in carrier.parse_inbound(call):
            services.inbound.receive(text, carrier.traits)

    return _handle(carrier_name, "inbound", handle)


@webhooks.route("/<carrier_name>/status", methods=["GET", "POST"])
def status(carrier_name: str) -> Response:
    """A delivery report came in."""

    def handle(services: Services, carrier: Carrier, call: WebhookRequest) -> None:
        for report in carrier.parse_status(call):
            services.outbound.report(report)

    return _handle(carrier_name, "status", handle)


def _handle(name: str, kind: str, handle: Callable[[Services, Carrier, WebhookRequest], None]) -> Response:
    services: Services = current_app.extensions["stopgate"]
    carrier = services.carriers.get(name)
    if carrier is None:
        return _plain(404)
    try:
        call = webhook_request(services)
        carrier.verify(call)
        handle(services, carrier, call)
    except WebhookRejected as error:
        log.warning("webhook rejected", carrier=name, kind=kind, why=str(error), remote=request.remote_addr)
        return _plain(403)
    except WebhookUnreadable as error:
        log.warning("webhook unreadable", carrier=name, kind=kind, why=str(error))
        return _plain(400)
    except StoreError as error:
        log.error("webhook not stored; the carrier is asked to try again", carrier=name, kind=kind, why=str(error))
        return _plain(503)
    return _response(carrier.answer(kind))


def webhook_request(services: Services) -> WebhookRequest:
    """The request as the carrier made it.

    The address is our own public one and the raw query: what Flask offers is decoded, and what a proxy forwards
    can be forged. Either breaks the signature (carriers reference, section 2).
    """
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    query = raw.partition("?")[2] if "?" in raw else request.query_string.decode("latin-1")
    base = services.settings.public_url or request.host_url.rstrip("/")
    return WebhookRequest(
        method=request.method,
        url=f"{base}{request.path}" + (f"?{query}" if query else ""),
        path=request.path,
        query=query,
        headers=_Headers(request.environ),
        body=request.get_data(cache=False),
    )


class _Headers(Mapping[str, str]):
    """The headers of a request by lower-case name. A carrier looks at two of them; no need to copy them all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        return self._environ[key if key in _UNPREFIXED else f"HTTP_{key}"]

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_") or key in _UNPREFIXED:
                yield key.removeprefix("HTTP_").replace("_", "-").lower()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _response(answer: WebhookResponse) -> Response:
    return Response(answer.body, status=answer.status, content_type=answer.content_type)


def _plain(status: int) -> Response:
    # Constant and empty: a plain-text body with 200 would be sent to the subscriber, and others tell too much.
    return Response("", status=status, content_type="text/plain; charset=utf-8")
