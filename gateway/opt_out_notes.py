"""The note of an opt-out: what somebody wrote, or what we say ourselves of how it came (seed 001)."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from gateway.phone import formatted
from store.journal import JournalEntry, Source

_LONGEST_WORDS = 80
_UNKNOWN: Mapping[str, str] = MappingProxyType({})

WHO: Mapping[Source, str] = {
    Source.KEYWORD: "person",
    Source.LINK: "person",
    Source.CONFIRMED: "person",
    Source.CARRIER: "carrier",
    Source.AGENT: "staff",
    Source.ADMIN: "staff",
    Source.API: "program",
    Source.IMPORT: "import",
}
"""Who said so, of each source."""

_THROUGH = {"agent": " in a conversation", "admin": "", "api": " through the API"}


def note_of(entry: JournalEntry, files: Mapping[str, str] = _UNKNOWN) -> str:
    """One line about how an opt-out came.

    Args:
        entry: the journal entry that made it.
        files: names of imported files, by the import's id.
    """
    detail = entry.detail
    if detail.get("note"):
        return str(detail["note"])
    match entry.source:
        case "keyword":
            words = _shortened(str(detail.get("text", "")))
            where = f" to {formatted(str(detail['sender']))}" if detail.get("sender") else ""
            return f"{words or 'Opt-out'} texted{where} at {_at(entry.occurred_at)}"
        case "link":
            return f"Opted out by the link in a text at {_at(entry.occurred_at)}"
        case "carrier":
            code = f" ({detail['code']})" if detail.get("code") else ""
            return f"The carrier refused a text{code} at {_at(entry.occurred_at)}"
        case "import":
            batch = str(detail.get("batch", ""))
            file = files.get(batch) or str(detail.get("file", "")) or "a file"
            return f"Row {detail.get('row', '?')} of {file}, import {batch}"
        case "agent" | "admin" | "api":
            actor = str(detail.get("actor", "")) or "somebody"
            return f"Added by {actor}{_THROUGH[entry.source]} at {_at(entry.recorded_at)}"
    return ""


def _shortened(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
