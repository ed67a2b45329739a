"""What all routes of the API have in common, and what to do about each problem: for /api/docs and docs/api.md."""

from collections.abc import Mapping

CONVENTIONS: Mapping[str, str] = {
    "Keys and roles": "Send `Authorization: Bearer KEY` with every request. A key belongs to one account and "
    "has one role; `stopgate keys create --account A --role ROLE` or `POST /api/v1/api-keys` "
    "makes one, and shows it once.",
    "Problems": "What is refused gets `application/problem+json` with a stable `code`, the HTTP `status`, "
    "and a `detail` for people. With `invalid_request`, `errors` names every field that is "
    "wrong, and where in the request (`in`: query, body, ...). Unknown fields are mistakes, too.",
    "Times": "RFC 3339. Answers have them in UTC, with Z; requests may name any zone.",
    "Pages": "Lists answer `items` and `next`. Ask again with `cursor=NEXT` and the same filters until "
    "`next` is null. What is added meanwhile changes nothing on later pages. A cursor fits "
    "its list and filters only.",
    "Sending a request again": "Every POST takes the header `Idempotency-Key`, a name of your choice. For two days the "
    "same request with the same key gets the same answer, with `Idempotency-Replayed: true`, "
    "and nothing happens twice: repeat whatever you got no answer to. Another request with "
    "the key gets `idempotency_key_reused`. Errors of the server (5xx) are not kept, nor are "
    "answers over 2 MB and files that are streamed: those questions are asked anew. Multipart "
    "bodies are compared by their fields and files.",
    "Limits": "Each key may make as many requests as STOPGATE_API_RATE says (6000 a minute). "
    "`X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds since "
    "1970) say what is left; past it, 429 `rate_limited` with `Retry-After`. With several "
    "server processes a key may be refused a few hundredths early. When counts cannot be "
    "written, requests go on: the limit protects other users of the machine, not consent.",
    "Made clients": "Generators make clients from the OpenAPI document. `python -m bench.generated_client --keep "
    "FOLDER` makes one for Python with openapi-python-client, without a warning, and runs `bench/client_example.py` "
    "with it against a Stopgate of its own: checks, opt-outs, lists, an import and its undo.",
    "Polling": "JSON answers to GET have an `ETag`. Send it as `If-None-Match`; 304 without a body means: no change.",
}
"""Title -> paragraph; `code` between backticks."""

_LOOK = "Correct what `detail` names and send the request again."
_START = "Do not write to this person. They come back by texting what `detail` says."

ADVICE: Mapping[str, str] = {
    "bad_json": "Send a JSON object.",
    "invalid_request": "Correct the fields that `errors` names.",
    "invalid_number": "Send the number with + and country code, or give the account a default country.",
    "missing_key": "Send the header `Authorization: Bearer KEY`.",
    "wrong_key": "Make a new key; this one was revoked or mistyped.",
    "not_permitted": "Use a key with one of the roles that `detail` names.",
    "not_found": "Look at the address and the id; other accounts' things are not found either.",
    "method_not_allowed": "The header `Allow` says what the address does.",
    "too_large": "Send less at a time.",
    "unsupported_type": "Send the Content-Type that `detail` names.",
    "opted_out": "Do not send. Nothing was taken; the body says since when and by what.",
    "opted_out_by_person": _START,
    "opted_out_at_carrier": _START,
    "no_conversation": "Look at the number: nobody in this account wrote with it.",
    "sender_needed": "Name the sender with `from`.",
    "unknown_keyword": "`GET /api/v1/keywords` lists them.",
    "keyword_exists": "Change the word with PATCH instead.",
    "confirmation_needed": "Read the law that `detail` names; send `understood: true` if you still want it.",
    "not_in_review": "Nothing: somebody decided it, or it never waited.",
    "reason_needed": "Send a `reason`.",
    "review_window_over": "The person can come back by texting START; nobody else can do it for them any more.",
    "changed_since": "Look at the number again; what happened since stands.",
    "idempotency_key_reused": "Choose a new key for a new request.",
    "in_progress": "Wait as long as `Retry-After` says and send the same request again.",
    "bad_cursor": "Begin again without a cursor, or keep the filters of the page before.",
    "rate_limited": "Wait as long as `Retry-After` says.",
    "bad_endpoint": "Name an https:// address that can be reached from outside; private ones the operator may allow.",
    "unknown_event_kind": "`detail` lists the kinds.",
    "too_many_endpoints": "Remove an endpoint first.",
    "no_public_url": "Have the operator set STOPGATE_PUBLIC_URL.",
    "unusable_file": "Correct the file as `detail` says and upload it again.",
    "import_over": "Nothing: it has ended. Start another.",
    "still_running": "Wait until the import has ended, or stop it.",
    "nothing_to_undo": "Nothing: it changed nothing, or was undone.",
    "not_a_dry_run": "Upload the file with `dry_run` first, and wait until that is finished.",
    "invalid_contact": "Correct what `detail` names.",
    "contact_id_taken": "Choose another contact_id, or change the contact that has it.",
    "changed_meanwhile": "Send the request again.",
    "no_phone": "Give the contact a phone first.",
    "audience_exists": "Choose another id, or change the audience that has it.",
    "audience_in_use": "Change or delete the keyword first.",
    "unknown_variable": "Use one of the variables that `detail` names, or none.",
    "empty_text": "Give the broadcast a `body` first.",
    "nobody_to_text": "`GET /api/v1/audiences/ID/sendable` says why.",
    "not_a_draft": "Make another broadcast; what was started stays as it is.",
    "not_sending": "Nothing: look at its `status`.",
    "list_not_ready": "Try again in a moment, or sort another way.",
    "no_numbers": "Send at least one number.",
    "too_many_numbers": "Send fewer at a time, or import a file.",
    "unreadable_list": "Correct the file as `detail` says and send it again.",
    "unknown_sender": "Use one of the account's senders.",
    "unknown_audience": "Use one of the account's audiences, or make it with `POST /api/v1/audiences`.",
    "one_scope_only": "Name a sender or an audience, not both.",
    "not_confirmed": "Send the confirmation that `detail` names.",
    "reason_too_long": "Shorten the reason.",
    "in_the_future": _LOOK,
    "too_long_ago": _LOOK,
    "internal_error": "Try again later; tell the operator, who finds it in the log.",
    "store_unavailable": "Try again in a moment. Nothing is known to have happened: repeat POSTs with their key.",
}
"""Code -> what to do about it."""
