"""The API's route for proof files."""

import json
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from gateway.api.access import account, check_key, services
from gateway.api.models import NumberPath
from gateway.api.rendering import number_in
from gateway.proof_text import rendered

_PROOFS = Tag(name="proofs", description="What is known of one number, so that a change shows.")

proof_api = APIBlueprint("api_proof", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
proof_api.before_request(check_key)


class EntryView(BaseModel):
    """One entry of the chain."""

    position: int
    id: str
    kind: str
    at: str
    data: dict[str, Any]
    previous: str = Field(description="The hash of the entry before.")
    hash: str = Field(description="SHA-256 of the entry's other fields as JSON with sorted names and no spaces.")


class SignatureView(BaseModel):
    """The installation's signature over the chain's head."""

    algorithm: str
    key: str
    value: str


class ProofView(BaseModel):
    """A proof file. docs/proof.md describes it."""

    format: str
    version: int
    entries: list[EntryView]
    count: int
    head: str
    signature: SignatureView


@proof_api.get("/opt-outs/<number>/proof", tags=[_PROOFS], responses={200: ProofView})
def get_proof(path: NumberPath) -> Response:
    """The whole history of a number, hash-chained and signed: save it as it is; `stopgate proof verify` reads it."""
    document = services().proofs.make(account(), number_in(path.number))
    return Response(json.dumps(document, ensure_ascii=False), content_type="application/json")


_TEXT = {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}


@proof_api.get("/opt-outs/<number>/proof.txt", tags=[_PROOFS], responses={200: _TEXT})
def get_proof_text(path: NumberPath) -> Response:
    """The same in words, to read or to print."""
    document = services().proofs.make(account(), number_in(path.number))
    return Response(rendered(document), content_type="text/plain; charset=utf-8")
