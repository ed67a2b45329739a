"""The API's routes about contacts and their opt-outs."""

import re

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.contact_models import (
    ContactBody,
    ContactChangeBody,
    ContactLiftQuery,
    ContactList,
    ContactOptOutBody,
    ContactOptOutView,
    ContactPath,
    ContactsQuery,
    ContactTaken,
    ContactView,
    PhoneBody,
    PhoneOptOutView,
    PhoneView,
    refused_view,
)
from gateway.api.models import ChangeView
from gateway.api.paging import next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rendering import as_json, number_in
from gateway.api.text_rendering import block_view
from gateway.contact_opt_outs import PhoneOptOuts
from gateway.contact_rows import ContactRow
from gateway.contacts import ContactChange
from store.consent import Source
from store.contacts import Contact, ContactPage, Phone
from store.scopes import ALL_CHANNELS, Channel

_CONTACTS = Tag(name="contacts", description="The people of the account, their phones and what they opted out of.")
_PREFIX = re.compile(r"\+[0-9]{1,15}")

contacts_api = APIBlueprint("api_contacts", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
contacts_api.before_request(check_key)


@contacts_api.get("/contacts", tags=[_CONTACTS], responses={200: ContactList})
def list_contacts(query: ContactsQuery) -> Response:
    """Contacts in order, or those with a number, a name or your own id."""
    page = _page(query)
    return as_json(
        ContactList(items=[_contact_view(contact) for contact in page.items], next=next_of(query, page.next))
    )


def _page(query: ContactsQuery) -> ContactPage:
    if sum(value is not None for value in (query.number, query.name, query.contact_id)) > 1:
        raise Problem("invalid_request", "Ask for a number, a name or a contact_id, not for several of them.")
    contacts, after, descending = services().contacts, place_of(query), query.order == "desc"
    if query.contact_id is not None:
        found = services().store.contacts.with_own_ids(account().id, [query.contact_id])[query.contact_id]
        return ContactPage(found, "")
    if query.number is not None:
        return contacts.with_number(
            account(), _prefix_in(query.number), limit=query.limit, after=after, descending=descending
        )
    if query.name:
        return contacts.named(account(), query.name, limit=query.limit, after=after)
    return contacts.page(account(), order=query.sort, limit=query.limit, after=after, descending=descending)


def _prefix_in(text: str) -> str:
    """A whole number, or the beginning of one."""
    digits = re.sub(r"[\s().-]", "", text)
    return digits if _PREFIX.fullmatch(digits) else number_in(text)


@contacts_api.post("/contacts", tags=[_CONTACTS], responses={200: ContactTaken, 201: ContactTaken})
def take_contact(body: ContactBody) -> Response:
    """Make a contact (201), or append to the one that is known by its contact_id or numbers (200).

    A number that is opted out does not join the audience; with `enforce_global_opt_outs` it is not taken at all.
    """
    row = ContactRow(0, body.contact_id, body.first_name, body.last_name, _phones(body.phones), body.properties)
    taken = services().contacts.take(account(), row, audience=body.audience or "", actor=actor())
    outcome = taken.outcome
    said = {"outcome": outcome.outcome, "code": outcome.code or None, "explanation": outcome.sentence or None}
    view = ContactTaken(**_contact_view(taken.contact).model_dump(), **said)
    return as_json(view, 201 if taken.made else 200)


def _phones(bodies: list[PhoneBody]) -> list[Phone]:
    phones = {number_in(phone.number): phone.label for phone in bodies}
    return [Phone(number, label) for number, label in phones.items()]


@contacts_api.get("/contacts/<id>", tags=[_CONTACTS], responses={200: ContactView})
def get_contact(path: ContactPath) -> Response:
    """A contact."""
    return as_json(_contact_view(services().contacts.get(account(), path.id)))


@contacts_api.patch("/contacts/<id>", tags=[_CONTACTS], responses={200: ContactView})
def change_contact(path: ContactPath, body: ContactChangeBody) -> Response:
    """Change a contact; what is left out stays."""
    change = ContactChange(
        contact_id=body.contact_id,
        first_name=body.first_name,
        last_name=body.last_name,
        phones=None if body.phones is None else _phones(body.phones),
        properties=body.properties,
    )
    return as_json(_contact_view(services().contacts.change(account(), path.id, change)))


@contacts_api.delete("/contacts/<id>", tags=[_CONTACTS], responses={204: None})
def remove_contact(path: ContactPath) -> Response:
    """Remove a contact; its numbers leave all audiences, unless another contact has them. Opt-outs stay."""
    services().contacts.remove(account(), path.id)
    return Response(status=204)


@contacts_api.get("/contacts/<id>/opt-outs", tags=[_CONTACTS], responses={200: ContactOptOutView})
def get_contact_opt_outs(path: ContactPath) -> Response:
    """How each phone of a contact stands."""
    return _opt_out_answer(path.id, services().contact_opt_outs.get(account(), path.id))


@contacts_api.put("/contacts/<id>/opt-outs", tags=[_CONTACTS], responses={200: ContactOptOutView})
def put_contact_opt_outs(path: ContactPath, body: ContactOptOutBody) -> Response:
    """Opt out a contact's phones, or one of them, from all that the account sends."""
    done = services().contact_opt_outs.opt_out(
        account(),
        path.id,
        actor=actor(),
        source=Source.API,
        number=number_in(body.number) if body.number else None,
        channels=[Channel(channel) for channel in dict.fromkeys(body.channels)],
        note=body.note,
        occurred_at=body.occurred_at,
    )
    return _opt_out_answer(path.id, done)


@contacts_api.delete("/contacts/<id>/opt-outs", tags=[_CONTACTS], responses={200: ContactOptOutView})
def delete_contact_opt_outs(path: ContactPath, query: ContactLiftQuery) -> Response:
    """Lift what may be lifted of a contact's phones, or of one. A person's own STOP stays, and says what to text."""
    done = services().contact_opt_outs.lift(
        account(),
        path.id,
        actor=actor(),
        source=Source.API,
        number=number_in(query.number) if query.number else None,
        channels=[Channel(query.channel)] if query.channel else ALL_CHANNELS,
        reason=query.reason,
    )
    return _opt_out_answer(path.id, done)


def _opt_out_answer(identifier: str, phones: list[PhoneOptOuts]) -> Response:
    return as_json(ContactOptOutView(id=identifier, phones=[_phone_view(phone) for phone in phones]))


def _phone_view(phone: PhoneOptOuts) -> PhoneOptOutView:
    refused = phone.refused
    return PhoneOptOutView(
        number=phone.number,
        opted_out=bool(phone.blocks),
        opt_outs=[block_view(block) for block in phone.blocks],
        changes=[ChangeView(scope=one.scope.kind.value, outcome=one.outcome) for one in phone.outcomes],
        refused=refused_view(refused.code, str(refused), refused.facts) if refused else None,
    )


def _contact_view(contact: Contact) -> ContactView:
    return ContactView(
        id=contact.id,
        contact_id=contact.contact_id or None,
        first_name=contact.first_name,
        last_name=contact.last_name,
        phones=[PhoneView(number=phone.number, label=phone.label) for phone in contact.phones],
        properties=dict(contact.properties),
        created_at=contact.created_at,
        updated_at=contact.updated_at,
    )
