"""Every failure under /api/ leaves as a problem document."""

import json
from inspect import signature

from flask import Response, current_app, request
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, NotFound

from gateway.api.problems import Problem
from gateway.errors import NotAllowed
from gateway.lists.failing import ListFileError
from gateway.logs import logger
from store.errors import StoreError

log = logger(__name__)

_CODE_OF_STATUS = {
    400: "bad_json",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_type",
}


def is_api_request() -> bool:
    """True for requests to the API, whose failures are JSON."""
    return request.path.startswith("/api/")


def validation_problem(error: ValidationError) -> Response:
    """A request whose parameters or body are wrong: each fault with its field."""
    where = _where(error.title)
    faults = [
        {"in": where, "field": ".".join(str(part) for part in fault["loc"]), "problem": fault["msg"]}
        for fault in error.errors()
    ]
    first = faults[0]
    detail = (
        f"{first['field']} (in the {where}): {first['problem']}" if first["field"] else f"{where}: {first['problem']}"
    )
    return Problem("invalid_request", detail, errors=faults).response()


def _where(model: str) -> str:
    """The part of the request that a route reads into a model: path, query, header, form or body."""
    view = current_app.view_functions[request.endpoint or ""]
    read = (name for name, parameter in signature(view).parameters.items() if parameter.annotation.__name__ == model)
    return next(read, "body")


def register_failures(app: OpenAPI) -> None:
    """Answer the API's failures with problem documents."""
    app.register_error_handler(Problem, lambda error: error.response())
    app.register_error_handler(NotAllowed, lambda error: Problem.refused(error).response())
    app.register_error_handler(ListFileError, lambda error: Problem("unusable_file", str(error)).response())
    app.register_error_handler(StoreError, _store_unavailable)


def http_problem(error: HTTPException) -> Response:
    """An error of the framework as a problem document."""
    code = _CODE_OF_STATUS.get(error.code or 500, "internal_error" if (error.code or 500) >= 500 else "invalid_request")
    said = error.description or ""
    if isinstance(error, NotFound) and said == NotFound.description:
        said = f"The API has no address {request.path}; /api/docs shows all it has."
    response = (_too_large() if error.code == 413 else Problem(code, said)).response()
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    if error.code and error.code != response.status_code:
        response.status_code = error.code
        response.set_data(json.dumps({**json.loads(response.get_data()), "status": error.code}))
    return response


def _too_large() -> Problem:
    most, size = request.max_content_length or 0, request.content_length or 0
    if 0 < size <= most:
        fields = request.max_form_memory_size or 0
        detail = f"The fields of the form may hold {fields:,} bytes at most, without the file."
        return Problem("too_large", detail, most_bytes=fields)
    return Problem("too_large", f"The body may hold {most:,} bytes at most here.", most_bytes=most)


def _store_unavailable(error: StoreError) -> Response:
    log.error("the store did not answer", path=request.path, why=str(error))
    return Problem("store_unavailable", "The store does not answer. Try again in a moment.", retry_after=2).response()
