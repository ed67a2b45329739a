"""The API's routes about audiences."""

from collections import Counter

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, check_key, services
from gateway.api.audience_models import (
    AddedList,
    AddedView,
    AudienceBody,
    AudienceChange,
    AudienceList,
    AudiencePath,
    AudienceView,
    MemberList,
    MemberPath,
    MembersBody,
    MemberView,
    SendableQuery,
    SendableView,
    SuppressedView,
)
from gateway.api.paging import PageQuery, next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rendering import as_json, number_in
from gateway.audiences import Added, Audience
from gateway.phone import InvalidNumber, normalise

_AUDIENCES = Tag(name="audiences", description="Named lists of numbers, and who of them may be texted.")

audiences_api = APIBlueprint("api_audiences", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
audiences_api.before_request(check_key)


@audiences_api.get("/audiences", tags=[_AUDIENCES], responses={200: AudienceList})
def list_audiences(query: PageQuery) -> Response:
    """The account's audiences with how many numbers are in them."""
    after = place_of(query)
    found = [one for one in services().audiences.all(account()) if one.record.id > after]
    shown, more = found[: query.limit], found[query.limit :]
    place = shown[-1].record.id if more else ""
    return as_json(AudienceList(items=[_view(one) for one in shown], next=next_of(query, place)))


@audiences_api.post("/audiences", tags=[_AUDIENCES], responses={200: AudienceView, 201: AudienceView})
def create_audience(body: AudienceBody) -> Response:
    """Make an audience (201). One that is there already just so is given back (200)."""
    audience, new = services().audiences.create(account(), body.id, name=body.name, sender=body.sender)
    return as_json(_view(audience), 201 if new else 200)


@audiences_api.get("/audiences/<id>", tags=[_AUDIENCES], responses={200: AudienceView})
def get_audience(path: AudiencePath) -> Response:
    """An audience."""
    return as_json(_view(services().audiences.get(account(), path.id)))


@audiences_api.patch("/audiences/<id>", tags=[_AUDIENCES], responses={200: AudienceView})
def change_audience(path: AudiencePath, body: AudienceChange) -> Response:
    """Change what an audience is called, or which sender its texts come from."""
    return as_json(_view(services().audiences.change(account(), path.id, name=body.name, sender=body.sender)))


@audiences_api.delete("/audiences/<id>", tags=[_AUDIENCES], responses={204: None})
def remove_audience(path: AudiencePath) -> Response:
    """Remove an audience: everybody leaves it. Opt-outs from it stay, should it be made again."""
    services().audiences.remove(account(), path.id)
    return Response(status=204)


@audiences_api.get("/audiences/<id>/members", tags=[_AUDIENCES], responses={200: MemberList})
def list_members(path: AudiencePath, query: PageQuery) -> Response:
    """Who is in an audience, suppressed numbers too."""
    page = services().audiences.members(account(), path.id, limit=query.limit, after=place_of(query))
    contacts = services().store.contacts.with_numbers(account().id, page.numbers)
    items = [
        MemberView(number=number, contact=contacts[number][0].id if contacts[number] else None)
        for number in page.numbers
    ]
    return as_json(MemberList(items=items, next=next_of(query, page.next)))


@audiences_api.post("/audiences/<id>/members", tags=[_AUDIENCES], responses={200: AddedList})
def add_members(path: AudiencePath, body: MembersBody) -> Response:
    """Put numbers and contacts into an audience. Whoever is opted out does not join: `opted_out`, and why."""
    wanted = [*_of_numbers(body.numbers), *_of_contacts(body.contacts)]
    asked = list(dict.fromkeys(one.number for one in wanted if one.outcome == "" and one.number))
    found = {added.number: added for added in services().audiences.add(account(), path.id, asked)}
    results = []
    for one in wanted:
        if one.outcome == "" and one.number:
            added = found[one.number]
            results.append(_added_view(one, added))
        else:
            results.append(one)
    return as_json(AddedList(results=results, counts=dict(Counter(one.outcome for one in results))))


def _added_view(asked: AddedView, added: Added) -> AddedView:
    block = added.reason.block if added.reason else None
    return AddedView(
        number=added.number,
        contact=asked.contact,
        outcome=added.outcome,
        scope=block.scope.kind.value if block else None,
        source=(block.source.label if block.source else "unknown") if block else None,
        since=block.since if block else None,
        explanation=f"{added.reason.sentence} {added.reason.way_back}" if added.reason else None,
    )


def _of_numbers(texts: list[str]) -> list[AddedView]:
    found = []
    for text in texts:
        try:
            found.append(AddedView(number=normalise(text, account().default_country or None), outcome=""))
        except InvalidNumber as error:
            found.append(AddedView(number=text, outcome="invalid_number", explanation=str(error)))
    return found


def _of_contacts(ids: list[str]) -> list[AddedView]:
    contacts = services().store.contacts.get_many(account().id, ids)
    found = []
    for identifier in ids:
        contact = contacts.get(identifier)
        if contact is None:
            found.append(AddedView(number=None, contact=identifier, outcome="unknown_contact"))
        elif not contact.phones:
            found.append(AddedView(number=None, contact=identifier, outcome="no_phone"))
        else:
            found.append(AddedView(number=contact.numbers[0], contact=identifier, outcome=""))
    return found


@audiences_api.delete("/audiences/<id>/members/<number>", tags=[_AUDIENCES], responses={204: None})
def remove_member(path: MemberPath) -> Response:
    """Take a number out of an audience. To block texts as well, record an opt-out."""
    if not services().audiences.leave(account(), path.id, number_in(path.number)):
        raise Problem("not_found", "This number is not in the audience.")
    return Response(status=204)


@audiences_api.get("/audiences/<id>/sendable", tags=[_AUDIENCES], responses={200: SendableView})
def get_sendable(path: AudiencePath, query: SendableQuery) -> Response:
    """The sending audience: how many would get a text now, and how many would not, by reason and source."""
    found = services().audiences.sendable(account(), path.id, sender=query.sender)
    suppressed = [
        SuppressedView(reason=one.reason, scope=one.scope, source=one.source or None, count=one.count)
        for one in found.suppressed
    ]
    return as_json(
        SendableView(
            id=path.id,
            sender=found.sender or None,
            members=found.members,
            sendable=found.sendable,
            suppressed=suppressed,
        )
    )


def _view(audience: Audience) -> AudienceView:
    record = audience.record
    described = record.created_at.timestamp() > 0
    return AudienceView(
        id=record.id,
        name=record.name,
        sender=record.sender or None,
        members=audience.members,
        used_by_keyword=audience.in_use,
        created_at=record.created_at if described else None,
        updated_at=record.updated_at if described else None,
    )
