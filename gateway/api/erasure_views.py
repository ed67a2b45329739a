"""The API's route that erases a person."""

from typing import Annotated

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.access import account, actor, check_key, services
from gateway.api.models import NumberPath, Strict
from gateway.api.problems import Problem
from gateway.api.rendering import as_json, number_in
from store.consent import Source

_ERASURE = Tag(name="erasure", description="Erasing a person (GDPR article 17).")

erasure_api = APIBlueprint("api_erasure", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
erasure_api.before_request(check_key)


class EraseBody(Strict):
    """That it is meant, and why."""

    confirm: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The number once more: what is erased does not come back."
    )
    reason: Annotated[str, StringConstraints(max_length=500)] = Field(
        "", description="For the journal, where it stays. Without the person's name."
    )
    block: bool = Field(default=False, description="Opt the number out first, so that it is never texted again.")


class ErasedView(BaseModel):
    """What was erased."""

    number: str
    erased: dict[str, int] = Field(description="How many of each kind: texts, journal_entries, ...")
    blocks_kept: int = Field(description="Opt-outs that stay, as a keyed hash, and are honoured.")


@erasure_api.post("/opt-outs/<number>/erase", tags=[_ERASURE], responses={200: ErasedView})
def erase_number(path: NumberPath, body: EraseBody) -> Response:
    """Erase what this account knows of a number. Its opt-outs stay, as a keyed hash. Repeating is safe."""
    number = number_in(path.number)
    if number_in(body.confirm) != number:
        raise Problem("not_confirmed", "confirm: has to be the number that is to be erased.")
    done = services().erasure.erase(
        account(), number, source=Source.API, actor=actor(), reason=body.reason, block=body.block
    )
    return as_json(ErasedView(number=number, erased=dict(done.counts), blocks_kept=done.blocks))
