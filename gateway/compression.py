"""Stylesheets and scripts leave compressed, made once, and are kept by browsers for as long as their address lasts.

Pages are not compressed: they hold what a person typed beside secrets (tokens of forms), and how far a page shrinks
would tell one from the other to whoever watches the wire (BREACH).
"""

import gzip
from functools import lru_cache

from flask import Response, request

_KINDS = ("text/css", "text/javascript", "image/svg+xml")
_A_YEAR = "public, max-age=31536000, immutable"


@lru_cache(maxsize=64)
def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def compressed(response: Response) -> Response:
    """The response to a request for a file of ours, compressed when the browser takes that."""
    if not (request.endpoint or "").endswith("static") or response.status_code != 200:
        return response
    if "v" in request.args:
        response.headers["Cache-Control"] = _A_YEAR
    if response.mimetype in _KINDS:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip") and request.method == "GET":
            response.direct_passthrough = False
            response.set_data(_gzipped(response.get_data()))
            response.content_encoding = "gzip"
            response.headers.pop("ETag", None)
    return response
