"""The chain of a proof file: entries that each name the one before by its hash, and what does not fit when read again.

Anybody can check the chain, without Stopgate's secret and without a store; docs/proof.md describes it so that it can be
done with other tools. The signature says besides that an installation made this very chain.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT, VERSION = "stopgate-proof", 1
_BEGINNING = "0" * 64
_MOST = 10_000_000
_ENTRY_FIELDS = ("position", "id", "kind", "at", "data", "previous", "hash")


@dataclass(frozen=True, slots=True)
class Item:
    """One fact of a proof, before it is chained.

    id: its name in the installation ("journal/acme/1700000000000-0"). kind: see docs/proof.md. at: when it happened,
    in ISO 8601 form. data: the fact.
    """

    id: str
    kind: str
    at: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit.

    code: changed, missing, moved, added, count or unreadable; of a comparison: not_signed, differs, not_here or
    left_out. entry: which, for people.
    """

    code: str
    entry: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.sentence}" if self.entry else self.sentence


def canonical(value: object) -> bytes:
    """JSON in the one form that is hashed: names sorted, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hash_of(entry: Mapping[str, Any]) -> str:
    """The hash of an entry: of everything in it but the hash itself."""
    return hashlib.sha256(canonical({name: entry.get(name) for name in _ENTRY_FIELDS[:-1]})).hexdigest()


def chained(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items as entries of a chain, in their order."""
    entries: list[dict[str, Any]] = []
    previous = _BEGINNING
    for position, item in enumerate(items):
        entry: dict[str, Any] = {
            "position": position,
            "id": item.id,
            "kind": item.kind,
            "at": item.at,
            "data": dict(item.data),
            "previous": previous,
        }
        previous = entry["hash"] = hash_of(entry)
        entries.append(entry)
    return entries


def sealed(items: Sequence[Item], key: bytes) -> dict[str, Any]:
    """A proof document: the chain, its head, and the installation's signature over both."""
    entries = chained(items)
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "entries": entries,
        "count": len(entries),
        "head": entries[-1]["hash"] if entries else _BEGINNING,
    }
    document["signature"] = {"algorithm": "HMAC-SHA256", "key": key_id(key), "value": signature_of(document, key)}
    return document


def signature_of(document: Mapping[str, Any], key: bytes) -> str:
    """The signature over a document's format, length and head, which stand for the whole chain."""
    signed = [document.get("format"), document.get("version"), document.get("count"), document.get("head")]
    return hmac.new(key, canonical(signed), hashlib.sha256).hexdigest()


def key_id(key: bytes) -> str:
    """A name for a key that does not tell the key."""
    return hashlib.sha256(b"stopgate proof key " + key).hexdigest()[:16]


def is_signed(document: Mapping[str, Any], key: bytes) -> bool:
    """True when the installation with this key made the document's chain."""
    signature = document.get("signature")
    value = signature.get("value") if isinstance(signature, dict) else None
    return isinstance(value, str) and hmac.compare_digest(value.encode(), signature_of(document, key).encode())


def read_document(text: bytes) -> tuple[dict[str, Any] | None, list[Finding]]:
    """A proof document from a file's bytes, or None and why it cannot be read."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [Finding("unreadable", "", f"This is not JSON: {error}.")]
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None, [Finding("unreadable", "", "This is not a proof file of Stopgate.")]
    if document.get("version") != VERSION:
        return None, [Finding("unreadable", "", f"This Stopgate reads version {VERSION} of the format only.")]
    entries = document.get("entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None, [Finding("unreadable", "", "entries is not a list of entries.")]
    return document, []


def check_chain(document: Mapping[str, Any]) -> list[Finding]:
    """What does not fit in a document's chain: each entry that was changed, removed, moved or added."""
    entries: Sequence[Mapping[str, Any]] = document["entries"]
    count = document.get("count")
    if not isinstance(count, int) or not 0 < count <= _MOST:
        return [Finding("count", "", "The file does not say with how many entries it was closed.")]
    findings: list[Finding] = []
    placed: dict[int, Mapping[str, Any]] = {}
    highest = -1
    for index, entry in enumerate(entries):
        position = entry.get("position")
        if not isinstance(position, int) or not 0 <= position < count or position in placed:
            findings.append(Finding("added", named(entry, index), "was added; it is none of those that were closed."))
            continue
        placed[position] = entry
        if hash_of(entry) != entry.get("hash") or set(entry) != set(_ENTRY_FIELDS):
            findings.append(Finding("changed", named(entry, index), "was changed: its hash is another one."))
        if position < highest:
            findings.append(Finding("moved", named(entry, index), "does not stand where it stood."))
        highest = max(highest, position)
    return findings + _missing(placed, count) + _replaced(placed, count, document.get("head"))


def _missing(placed: Mapping[int, object], count: int) -> list[Finding]:
    gone = [position for position in range(count) if position not in placed]
    return [Finding("missing", f"entry {position}", "is missing.") for position in gone]


def _replaced(placed: Mapping[int, Mapping[str, Any]], count: int, head: object) -> list[Finding]:
    """Entries whose hash fits themselves but not what comes after them: somebody made the hash anew."""
    findings = []
    for position in range(count + 1):
        before, after = placed.get(position - 1), placed.get(position)
        expected = _BEGINNING if position == 0 else before.get("hash") if before else None
        followed = head if position == count else after.get("previous") if after else None
        if expected is None or followed is None or expected == followed:
            continue
        if before is None:
            findings.append(Finding("changed", "entry 0", "is not the first of its chain."))
        elif hash_of(before) == before.get("hash"):
            what = "the head of the file" if position == count else "the entry after it"
            findings.append(Finding("changed", named(before, position - 1), f"was replaced: {what} names another."))
    return findings


def named(entry: Mapping[str, Any], index: int) -> str:
    """An entry as findings name it: its position, kind, time and id."""
    position = entry.get("position", index)
    return f"entry {position} ({entry.get('kind')}, {entry.get('at')}, {entry.get('id')})"
