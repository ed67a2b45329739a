"""Which rows may fire: the languages asked for, and the rules that were switched off."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from keywords.decision import Action
from keywords.rows import Row

_ALWAYS = frozenset(("und",))


class Scope(NamedTuple):
    """What a context lets the tables do.

    Args:
        languages: codes of the tables that apply, None for all; regional and general tables go together.
        switched_off: rule ids the account switched off. An opt-out rule still fires (the engine holds the text);
            any other is passed over.
    """

    languages: frozenset[str] | None
    switched_off: frozenset[str]

    def allows(self, row: Row) -> bool:
        """Tell whether `row` may fire. Mandatory words may in every language setting."""
        if self.switched_off and row.id in self.switched_off and row.action is not Action.OPT_OUT:
            return False
        return self.languages is None or row.mandatory or row.language in self.languages

    def first(self, rows: Iterable[Row], body: str | None) -> Row | None:
        """Return the first row that may fire; `body` is the text for rows that insist on their accents."""
        for row in rows:
            if self.allows(row) and (not row.accents or (body is not None and _has_accents(row, body))):
                return row
        return None


def _has_accents(row: Row, body: str) -> bool:
    typed = body.casefold()
    return any(words.casefold() in typed for words in row.words)


EVERYTHING = Scope(None, frozenset())


@lru_cache(maxsize=256)
def scope_for(languages: tuple[str, ...] | None, switched_off: frozenset[str]) -> Scope:
    """Return the scope of a context. Unknown language codes match nothing and are no error."""
    if languages is None:
        return Scope(None, switched_off)
    wanted = set(_ALWAYS)
    for code in languages:
        base = code.split("-")[0].lower()
        wanted.update((code, base))
        if "-" not in code:
            wanted.update(regional for regional in ("fr-CA", "pt-BR") if regional.startswith(f"{base}-"))
    return Scope(frozenset(wanted), switched_off)
