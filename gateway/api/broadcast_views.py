"""The API's routes about broadcasts."""

from flask import Response, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.audience_models import SuppressedView
from gateway.api.broadcast_models import (
    BroadcastBody,
    BroadcastChange,
    BroadcastList,
    BroadcastPath,
    BroadcastView,
    CountsView,
    LeftList,
    LeftView,
    ReasonView,
)
from gateway.api.paging import PageQuery, next_of, place_of
from gateway.api.rendering import as_json
from gateway.broadcast_figures import Broadcast
from store.consent import milliseconds, moment

_BROADCASTS = Tag(name="broadcasts", description="One text to an audience: written, started, stopped, counted.")

broadcasts_api = APIBlueprint("api_broadcasts", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
broadcasts_api.before_request(check_key)


@broadcasts_api.get("/broadcasts", tags=[_BROADCASTS], responses={200: BroadcastList})
def list_broadcasts(query: PageQuery) -> Response:
    """The account's broadcasts, newest first."""
    at, _, last = place_of(query).partition(":")
    before = (moment(at), last) if at else None
    found = services().broadcasts.newest(account(), query.limit + 1, before=before)
    shown = found[: query.limit]
    more = len(found) > len(shown)
    place = f"{milliseconds(shown[-1].record.created_at)}:{shown[-1].record.id}" if more else ""
    return as_json(BroadcastList(items=[broadcast_view(one) for one in shown], next=next_of(query, place)))


@broadcasts_api.post("/broadcasts", tags=[_BROADCASTS], responses={201: BroadcastView})
def create_broadcast(body: BroadcastBody) -> Response:
    """Write a draft. Nobody is texted before it is started."""
    made = services().broadcasts.create(
        account(), name=body.name, audience=body.audience, sender=body.sender, body=body.body, actor=actor()
    )
    response = as_json(broadcast_view(made), 201)
    response.headers["Location"] = url_for("api_broadcasts.get_broadcast", id=made.record.id)
    return response


@broadcasts_api.get("/broadcasts/<id>", tags=[_BROADCASTS], responses={200: BroadcastView})
def get_broadcast(path: BroadcastPath) -> Response:
    """A broadcast: how far it is and what came of its texts."""
    return as_json(broadcast_view(services().broadcasts.get(account(), path.id)))


@broadcasts_api.get("/broadcasts/<id>/opt-outs", tags=[_BROADCASTS], responses={200: LeftList})
def list_broadcast_opt_outs(path: BroadcastPath, query: PageQuery) -> Response:
    """Who opted out within seven days of a broadcast, newest first."""
    at, _, last = place_of(query).partition(":")
    before = (moment(at), last) if at else None
    found = services().broadcasts.who_left(account(), path.id, query.limit + 1, before=before)
    shown = found[: query.limit]
    place = f"{milliseconds(shown[-1].at)}:{shown[-1].text}" if len(found) > len(shown) else ""
    items = [LeftView(number=one.number or None, opted_out_at=one.at, message=one.text) for one in shown]
    return as_json(LeftList(items=items, next=next_of(query, place)))


@broadcasts_api.patch("/broadcasts/<id>", tags=[_BROADCASTS], responses={200: BroadcastView})
def change_broadcast(path: BroadcastPath, body: BroadcastChange) -> Response:
    """Change a draft."""
    wanted = {"name": body.name, "audience": body.audience, "sender": body.sender, "body": body.body}
    changes = {name: value for name, value in wanted.items() if value is not None}
    return as_json(broadcast_view(services().broadcasts.change(account(), path.id, changes)))


@broadcasts_api.delete("/broadcasts/<id>", tags=[_BROADCASTS], responses={204: None})
def remove_broadcast(path: BroadcastPath) -> Response:
    """Throw a draft away. What was started stays."""
    services().broadcasts.remove(account(), path.id)
    return Response(status=204)


@broadcasts_api.post("/broadcasts/<id>/start", tags=[_BROADCASTS], responses={202: BroadcastView})
def start_broadcast(path: BroadcastPath) -> Response:
    """Send a draft to everybody in its audience who may be texted. Starting it again changes nothing."""
    return as_json(broadcast_view(services().broadcasts.start(account(), path.id, actor=actor())), 202)


@broadcasts_api.post("/broadcasts/<id>/stop", tags=[_BROADCASTS], responses={202: BroadcastView})
def stop_broadcast(path: BroadcastPath) -> Response:
    """Stop a broadcast, texts that wait in a queue too. It can be resumed, and nobody is then texted twice."""
    return as_json(broadcast_view(services().broadcasts.stop(account(), path.id, actor=actor())), 202)


@broadcasts_api.post("/broadcasts/<id>/resume", tags=[_BROADCASTS], responses={202: BroadcastView})
def resume_broadcast(path: BroadcastPath) -> Response:
    """Go on with a broadcast that was stopped, by somebody or because too many opted out."""
    return as_json(broadcast_view(services().broadcasts.resume(account(), path.id, actor=actor())), 202)


def broadcast_view(broadcast: Broadcast) -> BroadcastView:
    """A broadcast as the API shows it."""
    record = broadcast.record
    skipped = [
        SuppressedView(reason=one.reason, scope=one.scope, source=one.source or None, count=one.count)
        for one in broadcast.skipped
    ]
    return BroadcastView(
        id=record.id,
        status=record.status,
        name=record.name,
        audience=record.audience,
        sender=record.sender or None,
        body=record.body,
        members=None if record.status == "draft" else broadcast.size,
        progress=round(broadcast.progress, 3),
        counts=CountsView(**broadcast.counts),
        reasons=[ReasonView(status=one.status, reason=one.reason, count=one.count) for one in broadcast.reasons],
        skipped=skipped,
        opted_out=broadcast.opted_out,
        opt_out_rate=None if broadcast.rate is None else round(broadcast.rate, 4),
        alarm=broadcast.alarming,
        problem=record.problem or None,
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        started_at=record.started_at,
        started_by=record.started_by or None,
        stopped_by=record.stopped_by or None,
        resumed_by=record.resumed_by or None,
        ended_at=record.ended_at,
    )
