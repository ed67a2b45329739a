"""All blueprints of the API, in the order of its documentation."""

from flask_openapi3.blueprint import APIBlueprint

from gateway.api.account_views import account_api
from gateway.api.audience_views import audiences_api
from gateway.api.broadcast_views import broadcasts_api
from gateway.api.consent_views import consent_api
from gateway.api.contact_views import contacts_api
from gateway.api.conversation_views import conversations_api
from gateway.api.erasure_views import erasure_api
from gateway.api.event_views import events_api
from gateway.api.import_views import imports_api
from gateway.api.link_views import links_api
from gateway.api.opt_out_views import opt_outs_api
from gateway.api.proof_views import proof_api
from gateway.api.text_views import texts_api
from gateway.api.views import api

DOORS: tuple[APIBlueprint, ...] = (
    api,
    texts_api,
    conversations_api,
    opt_outs_api,
    imports_api,
    contacts_api,
    audiences_api,
    broadcasts_api,
    consent_api,
    proof_api,
    erasure_api,
    links_api,
    events_api,
    account_api,
)
