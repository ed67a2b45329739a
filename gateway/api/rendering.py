"""What the API's routes share: JSON answers and numbers in requests."""

from flask import Response
from pydantic import BaseModel

from gateway.api.access import account
from gateway.api.problems import Problem
from gateway.phone import InvalidNumber, is_short_code, normalise


def as_json(model: BaseModel, status: int = 200) -> Response:
    """A model as a JSON answer."""
    return Response(model.model_dump_json(by_alias=True), status=status, content_type="application/json")


def number_in(text: str) -> str:
    """The number in a request, read with the account's default country.

    Raises:
        Problem: invalid_number.
    """
    try:
        return normalise(text, account().default_country or None)
    except InvalidNumber as error:
        raise Problem("invalid_number", f"{error} (got {text[:40]!r})", reason=error.code.value) from None


def address_in(text: str) -> str:
    """A number in a request, or a short code, from which texts come too.

    Raises:
        Problem: invalid_number.
    """
    try:
        return number_in(text)
    except Problem:
        if is_short_code(text):
            return text
        raise
