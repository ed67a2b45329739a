"""A proof file as text, to read or to print."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

_DETAILS = ("text", "matched", "rule", "explanation", "sender", "actor", "note", "reason", "code", "batch", "row")
OUTCOMES = {
    "opted_out": "opted out",
    "strengthened": "opted out already; now by stronger evidence",
    "refreshed": "opted out already; asked again",
    "already": "opted out already",
    "stronger_kept": "opted out already by stronger evidence, which stays",
    "stale": "older than what is known; changed nothing",
    "lifted": "let back in",
    "not_opted_out": "was not opted out",
    "kept": "the opt-out stays: it is not theirs to lift",
    "undone": "the import was taken back",
    "held": "put before a person",
    "joined": "joined",
    "asked": "asked to confirm",
}
"""What came of an event of the journal, in words."""


def rendered(document: Mapping[str, Any]) -> str:
    """A proof document as plain text. The document has to be one that `check_chain` could read."""
    return "\n".join([*_head(document), *_body(document), *_foot(document)]) + "\n"


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    header = document["entries"][0]
    data = header["data"]
    title = f"Proof for {data.get('number')} in account {data.get('account')} ({data.get('account_name')})"
    yield title
    yield "=" * len(title)
    yield f"Made {_time(header['at'])} by {data.get('software')}. All times are UTC."
    yield ""
    for entry in document["entries"]:
        if entry["kind"] == "state":
            yield from _state(entry["data"])
    requests = [entry["data"] for entry in document["entries"] if entry["kind"] == "request"]
    if requests:
        yield ""
        yield "Requests to stop"
        for request in requests:
            times = [f"{name} {_time(request.get(f'{name}_at'))}" for name in ("received", "blocked", "confirmed")]
            yield f"  {', '.join(times)}"


def _state(data: Mapping[str, Any]) -> Iterator[str]:
    yield "When this was made"
    for block in data.get("blocks", ()):
        scope, source = block.get("scope"), block.get("source")
        yield f"  {block.get('channel')}: opted out since {_time(block.get('since'))} (scope {scope}, source {source})"
    if not data.get("blocks"):
        yield "  nothing blocked this number"
    if data.get("held"):
        yield "  a text of theirs waited for a person; broadcasts waited too"


def _body(document: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "What happened"
    for entry in document["entries"]:
        tell = _TELLERS.get(entry["kind"])
        if tell:
            lines = list(tell(entry["data"]))
            yield f"  {entry['position']:>5}  {_time(entry['at'])}  {lines[0]}"
            yield from (f"{'':31}{line}" for line in lines[1:])


def _text(data: Mapping[str, Any]) -> Iterator[str]:
    incoming = data.get("direction") == "in"
    sender = data.get("sender")
    yield (
        f"text from the person to {sender}" if incoming else f"text to the person from {sender} ({data.get('purpose')})"
    )
    yield f"{data.get('body')!r}"
    if incoming and data.get("action"):
        yield f"understood as {data.get('action')} ({data.get('certainty')}): {data.get('explanation')}"
        yield f"rule {data.get('rule')}"
    for zone, local in (data.get("local_times") or {}).items():
        yield f"local time {str(local)[:19].replace('T', ' ')} ({zone})"


def _event(data: Mapping[str, Any]) -> Iterator[str]:
    what = data.get("what")
    gate = "; the gate was asked and let it pass" if what == "handing_over" else ""
    yield f"text {str(data.get('text'))[-8:]}: {what} {data.get('detail') or ''}".rstrip() + gate


def _journal(data: Mapping[str, Any]) -> Iterator[str]:
    outcome = str(data.get("outcome"))
    channels = ", ".join(data.get("channels", ()))
    yield f"{data.get('kind')}: {OUTCOMES.get(outcome, outcome)}"
    recorded = _time(data.get("recorded_at"))
    yield f"scope {data.get('scope')}; {channels}; source {data.get('source') or '-'}; recorded {recorded}"
    detail = data.get("detail", {})
    yield from (f"{name}: {detail[name]}" for name in _DETAILS if detail.get(name) not in (None, ""))


def _import(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"import {data.get('import')} of the file {data.get('file')!r}, by {data.get('actor')}"
    if data.get("note"):
        yield f"note: {data.get('note')}"


_TELLERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "text": _text,
    "event": _event,
    "journal": _journal,
    "import": _import,
}


def _foot(document: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{document.get('count')} entries. Head of the chain (SHA-256): {document.get('head')}"
    signature = document.get("signature") or {}
    yield f"Signed ({signature.get('algorithm')}, key {signature.get('key')}): {signature.get('value')}"
    yield "To check: stopgate proof verify FILE, with the JSON file this was made from."


def _time(text: object) -> str:
    try:
        return f"{datetime.fromisoformat(str(text)):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return "-"
