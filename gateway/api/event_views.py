"""The API's routes about events: the feed, endpoints, and the delivery log with replay."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, check_key, services
from gateway.api.event_models import (
    DeliveryList,
    DeliveryPath,
    DeliveryView,
    EndpointBody,
    EndpointChange,
    EndpointList,
    EndpointMade,
    EndpointPath,
    EndpointView,
    EventView,
    Feed,
    FeedQuery,
)
from gateway.api.paging import PageQuery, next_of, place_of
from gateway.api.rendering import as_json
from gateway.events import shown_endpoint
from store.events import Delivery

_EVENTS = Tag(name="events", description="What happens: a feed to fetch, and endpoints that are told.")

events_api = APIBlueprint("api_events", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
events_api.before_request(check_key)


@events_api.get("/events", tags=[_EVENTS], responses={200: Feed})
def list_events(query: FeedQuery) -> Response:
    """The account's events of the last 30 days, oldest first, from where `cursor` points on."""
    events, place = services().store.events.feed(
        account().id, after=place_of(query), kinds=query.kind, limit=query.limit
    )
    items = [EventView(id=event.id, type=event.kind, timestamp=event.at, data=dict(event.data)) for event in events]
    return as_json(Feed(items=items, next=next_of(query, place)))


@events_api.get("/event-endpoints", tags=[_EVENTS], responses={200: EndpointList})
def list_endpoints() -> Response:
    """Where the account's events are sent."""
    endpoints = services().store.events.endpoints(account().id)
    return as_json(EndpointList(items=[EndpointView(**shown_endpoint(endpoint)) for endpoint in endpoints]))


@events_api.post("/event-endpoints", tags=[_EVENTS], responses={201: EndpointMade})
def add_endpoint(body: EndpointBody) -> Response:
    """Have events sent to an address, signed with the secret that this answers (Standard Webhooks)."""
    endpoint = services().event_delivery.add(account().id, body.url, body.kinds, body.note)
    return as_json(EndpointMade(**shown_endpoint(endpoint), secret=endpoint.secret), 201)


@events_api.get("/event-endpoints/<id>", tags=[_EVENTS], responses={200: EndpointView})
def get_endpoint(path: EndpointPath) -> Response:
    """One endpoint."""
    return as_json(EndpointView(**shown_endpoint(services().event_delivery.endpoint(account().id, path.id))))


@events_api.patch("/event-endpoints/<id>", tags=[_EVENTS], responses={200: EndpointView})
def change_endpoint(path: EndpointPath, body: EndpointChange) -> Response:
    """Change an endpoint. Switched off, it gets nothing, also nothing later that happened meanwhile."""
    endpoint = services().event_delivery.change(
        account().id, path.id, url=body.url, kinds=body.kinds, active=body.active, note=body.note
    )
    return as_json(EndpointView(**shown_endpoint(endpoint)))


@events_api.delete("/event-endpoints/<id>", tags=[_EVENTS], responses={204: None})
def remove_endpoint(path: EndpointPath) -> Response:
    """Remove an endpoint; what is on its way to it is dropped."""
    services().event_delivery.remove(account().id, path.id)
    return Response(status=204)


@events_api.get("/event-endpoints/<id>/deliveries", tags=[_EVENTS], responses={200: DeliveryList})
def list_deliveries(path: EndpointPath, query: PageQuery) -> Response:
    """The delivery log of an endpoint, newest first."""
    services().event_delivery.endpoint(account().id, path.id)
    found, place = services().store.events.deliveries(account().id, path.id, before=place_of(query), limit=query.limit)
    return as_json(DeliveryList(items=[_view(delivery) for delivery in found], next=next_of(query, place)))


@events_api.post("/event-endpoints/<id>/deliveries/<event>/replay", tags=[_EVENTS], responses={200: DeliveryView})
def replay_delivery(path: DeliveryPath) -> Response:
    """Send an event to an endpoint again, whatever became of it before."""
    return as_json(_view(services().event_delivery.replay(account().id, path.id, path.event)))


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        event=delivery.event,
        type=delivery.kind,
        status=delivery.status,
        attempts=delivery.attempts,
        answer=delivery.answer,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
        due_at=delivery.due_at,
    )
