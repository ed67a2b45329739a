"""Polling: JSON answers to GET have an ETag; "If-None-Match" gets a 304 without a body when nothing changed."""

from flask import Response, request


def say_if_changed(response: Response) -> Response:
    """Give an answer to a GET its ETag, and make it a 304 when the caller has it already."""
    if request.method != "GET" or response.status_code != 200 or response.is_streamed or not response.is_json:
        return response
    response.add_etag()
    # Answers are about people and behind a key: nobody between us may keep them without asking.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.make_conditional(request)
    return response
