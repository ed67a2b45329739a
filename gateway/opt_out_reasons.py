"""Why a number is opted out, in a sentence: who said so, by which words, where and when (G6)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.clock import written
from gateway.phone import formatted
from store import Store
from store.consent import Block, Source
from store.scopes import Channel, Scope, ScopeKind

PERSONS = frozenset({Source.KEYWORD, Source.LINK})
"""Blocks that only the person lifts; the carrier's are beside them."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A block on a number and what is known of how it came."""

    block: Block
    sentence: str

    @property
    def persons(self) -> bool:
        """True when nobody but the person can lift it."""
        return self.block.source in {*PERSONS, Source.CARRIER}

    @property
    def way_back(self) -> str:
        """What can be done about it, for whoever wanted to reach the number all the same (G5)."""
        if self.persons:
            return "Only the person can come back, by texting START."
        if self.block.scope.kind is ScopeKind.GLOBAL:
            return "Only the operator of this installation can lift it."
        return "An admin can lift it, with a reason."

    @property
    def facts(self) -> Mapping[str, str]:
        """The block as programs read it."""
        return {
            "scope": self.block.scope.kind.value,
            "source": self.block.source.label if self.block.source else "unknown",
            "since": written(self.block.since),
        }


def _by_keyword(block: Block, detail: Mapping[str, Any]) -> str:
    # Words stay with the account they were written to; a shared sender's block is told without them (G8).
    word = str(detail.get("matched") or "") if block.scope.account else ""
    sender = formatted(str(detail.get("sender") or block.scope.sender))
    return f"{word.upper()[:40] or 'A request to stop'} texted{f' to {sender}' if sender else ''}"


def _by_somebody(who: str) -> Callable[[Block, Mapping[str, Any]], str]:
    def sentence(block: Block, detail: Mapping[str, Any]) -> str:
        note = str(detail.get("note") or "") if block.scope.account else ""
        return f"Opted out by {who}" + (f" ({note[:100]})" if note else "")

    return sentence


_SENTENCES: Mapping[Source, Callable[[Block, Mapping[str, Any]], str]] = {
    Source.KEYWORD: _by_keyword,
    Source.LINK: _by_somebody("the person, through the link in a text"),
    Source.CARRIER: _by_somebody("the carrier"),
    Source.AGENT: _by_somebody("an agent"),
    Source.ADMIN: _by_somebody("an admin"),
    Source.API: _by_somebody("a program"),
    Source.IMPORT: _by_somebody("an import"),
    Source.CONFIRMED: _by_somebody("the person"),
}


def reasons(store: Store, numbers: Sequence[str], scopes: Sequence[Scope]) -> dict[str, Reason]:
    """Why each of the numbers that is blocked for texts is; a person's own word and the carrier's before others'.

    Args:
        store: where to look.
        numbers: in E.164 form.
        scopes: the scopes that count, widest first.

    Raises:
        StoreError: there is no answer.
    """
    codes = store.bulk.check(numbers, scopes) if numbers else []
    hit = [number for number, code in zip(numbers, codes, strict=True) if code]
    if not hit:
        return {}
    strongest = {
        number: min(blocks, key=lambda block: block.source not in {*PERSONS, Source.CARRIER})
        for number, blocks in zip(hit, store.consent.check(hit, scopes, Channel.TEXT), strict=True)
        if blocks
    }
    details = _details_of(store, strongest)
    return {number: Reason(block, _sentence(block, details.get(number, {}))) for number, block in strongest.items()}


def _details_of(store: Store, blocks: Mapping[str, Block]) -> dict[str, Mapping[str, Any]]:
    """What the journal has of each block; of an import's there is nothing that a sentence would tell."""
    wanted = [
        (number, block.scope, block.event)
        for number, block in blocks.items()
        if block.event and block.source is not Source.IMPORT
    ]
    found = store.journal.entries_at(wanted)
    return {number: entry.detail for (number, _, _), entry in zip(wanted, found, strict=True) if entry is not None}


def _sentence(block: Block, detail: Mapping[str, Any]) -> str:
    how = _SENTENCES[block.source](block, detail) if block.source else "Opted out"
    where = {"global": " (blocked everywhere)", "account+audience": " (for this audience)"}
    return f"{how} on {block.since:%Y-%m-%d}{where.get(block.scope.kind.value, '')}."
