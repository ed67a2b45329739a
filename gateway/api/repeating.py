"""Requests sent twice: a POST with an Idempotency-Key runs once, and whoever repeats it gets the same answer."""

import json
import re
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from flask import Response, g, request

from gateway.api.problems import Problem
from gateway.logs import logger
from gateway.services import Services
from store.errors import StoreError
from store.idempotency import Answer

log = logger(__name__)

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
# Longer answers are those of questions (a scrubbed file, ten thousand numbers checked): those may be asked again.
_MOST_KEPT = 2_000_000
_IN_MEMORY = 1_000_000
_CHUNK = 65_536
_PATIENCE = 40
_PAUSE = 0.05


def earlier_answer(services: Services, account: str) -> Response | None:
    """What this request was answered before; None when it has to run now (or has no idempotency key).

    To be asked when all else is checked. `keep_answer` has to follow.

    Raises:
        Problem: invalid_request, idempotency_key_reused or in_progress.
        StoreError: it is not known whether it ran before.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not _KEY.fullmatch(key):
        raise Problem("invalid_request", f"{HEADER}: has to be 1 to 200 visible ASCII characters, without spaces.")
    fingerprint = _fingerprint()
    for _ in range(_PATIENCE):
        known = services.store.idempotency.claim(account, key, fingerprint)
        if known is None:
            g.idempotency = (account, key, fingerprint)
            return None
        if known.fingerprint != fingerprint:
            raise Problem(
                "idempotency_key_reused", "This idempotency key was used for another request. Choose a new one."
            )
        if known.status is not None:
            return _again(known)
        services.clock.sleep(_PAUSE)
    raise Problem("in_progress", "The same request is being worked on. Ask again in a moment.", retry_after=2)


def _again(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers["Idempotency-Replayed"] = "true"
    if answer.location:
        response.headers["Location"] = answer.location
    return response


def keep_answer(services: Services, response: Response) -> Response:
    """Keep the answer of a request that took an idempotency key; give the key back when it came to nothing."""
    copy: IO[bytes] | None = g.pop("body_copy", None)
    if copy is not None and response.is_streamed:
        response.call_on_close(copy.close)  # it may be made of the body
    elif copy is not None:
        copy.close()
    claimed: tuple[str, str, str] | None = g.pop("idempotency", None)
    if claimed is None:
        return response
    account, key, fingerprint = claimed
    try:
        if _worth_keeping(response):
            answer = Answer(
                fingerprint,
                response.status_code,
                response.content_type or "",
                response.headers.get("Location", ""),
                response.get_data(),
            )
            services.store.idempotency.keep(account, key, answer)
        else:
            services.store.idempotency.release(account, key)
    except StoreError as error:
        # What was asked is done and its answer goes out; a repetition waits until the claim ends by itself.
        log.warning("an answer was not kept for repetitions", why=str(error))
    return response


def _worth_keeping(response: Response) -> bool:
    # An error of ours (5xx) is to be tried again.
    return response.status_code < 500 and not response.is_streamed and len(response.get_data()) <= _MOST_KEPT


def _fingerprint() -> str:
    """A digest of what is asked: the route, its parameters and the body, however that is written."""
    found = sha256(json.dumps([request.path, sorted(request.args.items(multi=True))]).encode())
    if request.is_json:
        found.update(json.dumps(request.get_json(), sort_keys=True).encode())
    elif request.mimetype == "multipart/form-data":
        found.update(json.dumps(sorted(request.form.items(multi=True))).encode())
        for field, file in sorted(request.files.items(multi=True)):
            found.update(json.dumps([field, file.filename, file.mimetype]).encode())
            found.update(_digest(file.stream))
            file.stream.seek(0)
    else:
        found.update(f"{request.mimetype}\n".encode())
        found.update(_digest_of_body())
    return found.hexdigest()


def _digest(stream: IO[bytes]) -> bytes:
    found = sha256()
    while chunk := stream.read(_CHUNK):
        found.update(chunk)
    return found.digest()


def _digest_of_body() -> bytes:
    """The digest of a body of any size, which can be read once more afterwards."""
    copy = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed with the answer)
    found = sha256()
    while chunk := request.stream.read(_CHUNK):
        found.update(chunk)
        copy.write(chunk)
    copy.seek(0)
    request.stream = cast("IO[bytes]", copy)
    request.environ["wsgi.input"] = g.body_copy = copy
    return found.digest()
