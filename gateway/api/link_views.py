"""The API's route for opt-out links."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from gateway.api.access import account, check_key, services
from gateway.api.models import Strict
from gateway.api.rendering import as_json, number_in

_LINKS = Tag(name="opt-out links", description="Links by which a person opts out where a sender cannot receive texts.")

links_api = APIBlueprint("api_links", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
links_api.before_request(check_key)


class LinkBody(Strict):
    """Whose link, and of which sender."""

    number: str = Field(max_length=64)
    sender: str = Field(alias="from", max_length=64)


class LinkView(BaseModel):
    """The person's own link, and where its QR code is."""

    number: str
    link: str
    qr: str = Field(description="The link as a QR code (SVG), for print.")


@links_api.post("/opt-out-links", tags=[_LINKS], responses={200: LinkView})
def make_opt_out_link(body: LinkBody) -> Response:
    """A person's own opt-out link. In a text to be sent it takes the place of `{opt_out_link}` by itself."""
    number = number_in(body.number)
    link = services().opt_out_links.link(account(), body.sender, number)
    return as_json(LinkView(number=number, link=link, qr=f"{link}/qr.svg"))
