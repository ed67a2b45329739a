"""Check the tables against the rules they must keep. Run `python -m keywords.table_checks` after changing one.

Loading already refuses a table with a malformed row, an id used twice, an unknown source or a mandatory word that
another row would take. These checks take longer: they read every pattern and decide every "none" case.
"""

import re
import sys
from collections.abc import Iterator

from keywords.decision import Action, Certainty
from keywords.engine import decide
from keywords.patterns import PatternError
from keywords.rows import Row, Tier
from keywords.tables import LANGUAGES, Tables, fold_words, key_of, read_document, tables

_ID = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\.(opt_out|opt_in|help|none)\.[a-z0-9_]+")
_CLASS = re.compile(r"<([^<>]+)>")
_CLAUSE_SETTINGS = ("", "last", "always")


def check_tables(known: Tables) -> list[str]:
    """Return what is wrong with the tables, one sentence for each fault; an empty list means that they are sound."""
    return [
        *(fault for row in known.rows for fault in _check_row(row)),
        *_check_patterns(known),
        *_check_classes(),
        *_check_none_cases(known),
    ]


def _check_row(row: Row) -> Iterator[str]:
    if row.tier is not Tier.CONTEXT:
        if not _ID.fullmatch(row.id):
            yield f"{row.id}: an id is language.action.name"
        elif row.id.split(".")[:2] != [row.language, row.action.value]:
            yield f"{row.id}: the id does not say its language and action"
        if not row.words:
            yield f"{row.id}: no words"
    if row.clause not in _CLAUSE_SETTINGS:
        yield f"{row.id}: clause is one of {_CLAUSE_SETTINGS}"
    if row.tier is Tier.EXACT and any(not key_of(fold_words(words)) for words in row.words):
        yield f"{row.id}: a keyword has no letters in it"
    if row.tier is Tier.PHRASE and not row.says:
        yield f"{row.id}: a phrase row says what a text with it does"
    if row.mandatory and (not row.verified or row.certainty is Certainty.UNSURE):
        yield f"{row.id}: a mandatory word is verified and acts"


def _check_patterns(known: Tables) -> Iterator[str]:
    for pattern in known.patterns:
        try:
            pattern.build(fold_words)
        except PatternError as error:
            yield f"{known.rows[pattern.row].id}: {error}"


def _check_classes() -> Iterator[str]:
    for language in LANGUAGES:
        document = read_document(language)
        classes = document.get("classes", {})
        for row in document.get("phrases", ()):
            named = {name for pattern in row["patterns"] for name in _CLASS.findall(pattern)}
            for name in sorted(named - classes.keys()):
                yield f"{row['id']}: there is no class <{name}> in {language}.json"


def _check_none_cases(known: Tables) -> Iterator[str]:
    for text, language in known.none_cases:
        decision = decide(text)
        if decision.action is not Action.NONE:
            yield f"{decision.rule} fires on {text!r}, which asks for nothing ({language}.json)"


def main() -> int:
    """Print what is wrong with the shipped tables; the exit code is 1 when anything is."""
    faults = check_tables(tables())
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
