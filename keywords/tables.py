"""Load the tables in `keywords/data` once, and lay them out for quick look-ups."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from keywords.decision import Action, Certainty
from keywords.folding import SILENT, fold_tokens
from keywords.patterns import Pattern, qualified
from keywords.phrases import PhraseFinder
from keywords.rows import Row, Tier
from keywords.slips import misspellings_of, slips_of

# Languages are read in this order: where two of them share a word, the first gives the rule its name.
LANGUAGES = (
    "en", "es", "fr", "fr-CA", "pt", "pt-BR", "de", "it", "nl", "pl", "ru", "uk", "ar", "he", "hi", "zh", "ja", "ko",
    "vi", "tl", "tr", "id", "sv", "no", "da", "fi", "cs", "el", "hu", "ro", "th", "others", "und",
)  # fmt: skip


_WORD_SETS = (
    "fillers",
    "closing",
    "polite",
    "paired",
    "stems",
    "support",
    "strong_support",
    "decline_words",
    "insult_words",
    "hint_no",
    "hint_texts",
    "padding",
    "curses",
    "strong_words",
    "plain_words",
    "place_words",
    "pleading_words",
    "compound_words",
    "real_words",
    "correctable",
    "misspelt",
)


_COMMON_WORDS = frozenset(("get", "take", "like", "would", "want", "need"))


class TableError(ValueError):
    """A table breaks a rule that tables must keep; the message names the row."""


def fold_words(words: str) -> list[str]:
    """Return what `fold_tokens` returns, quicker for the plain lower-case words that tables mostly hold."""
    parts = words.split()
    return parts if words.isascii() and words.islower() and all(map(str.isalnum, parts)) else fold_tokens(words)


def key_of(tokens: Iterable[str]) -> str:
    """Return folded words as one string without spaces: "opt out", "OPT-OUT" and "O P T O U T" are one key."""
    return "".join(token for token in tokens if token not in SILENT)


class Tables:
    """Every table, ready to look things up in.

    Attributes:
        rows: all rows, by position; `Found.row` is a position.
        exact: key of a whole text -> the rows that name it.
        phrases: finds the phrases.
        opening_words: first words of all keywords that may have courtesy around them.
        keyword_words: the most telling word of each keyword that counts as a clause of its own.
        weak_keyword_words: the same for all other keywords that act; one of these counts beside a phrase that is held.
        fillers: words of courtesy and anger, in every language.
        closing: words that may close a text after a keyword ("have a nice day").
        support: words that go with a request without being one ("wrong", "interested").
        strong_support: those of them that only people write who want the texts to end.
        padding: words that may stand anywhere inside a request ("stop fucking texting me").
        curses: those that take a "the" with them ("opt me the hell out").
        stems: how the long words start that people mistype in every way ("unsubscirb").
        real_words: words that no mistyping makes of a keyword.
        decline_words: words of which a short text that only says no is made ("hmm no", "not anymore").
        insult_words: words of which one makes a short angry text a complaint about the sender.
        hint_no: words of refusal, in every language; beside one of the next, a text is held.
        hint_texts: words for texts, in every language.
        strong_words: words that hardly anybody writes but to leave ("unsubscribe").
        polite: the words of courtesy that may stand beside a word that opts in.
        paired: words that are courtesy after one other word, by that word and the word ("vous" after "sil").
        plain_words: little words of English that say nothing for or against a request.
        place_words: words that make "stop" before them a place or a pause.
        pleading_words: words that start the reason after a bare "stop" ("stop im at work").
        compound_letters: the letters that a compound can start with.
        compound_words: what senders put together ("Stop2End").
        patterns: all phrases, as the tables have them.
        none_cases: texts that no row may fire on, and the table each is in.
        slips: a mistyped keyword -> the row it was meant for.
        compound_slips: the same for the parts of a compound, where no other word can be meant.
        corrections: a mistyped word -> the word meant, for words that phrases are made of.
    """

    def __init__(self, documents: Iterable[Mapping[str, Any]], sources: Iterable[str]) -> None:
        """Args: documents: the tables as read from JSON, in order; sources: the ids that rows may name.

        Raises:
            TableError: a row is malformed, repeats an id or names an unknown source.
        """
        known = frozenset(sources)
        self.rows: list[Row] = []
        self.exact: dict[str, list[Row]] = {}
        self.slips: dict[str, Row] = {}
        self.compound_slips: dict[str, Row] = {}
        self.corrections: dict[str, str] = {}
        self.none_cases: list[tuple[str, str]] = []
        self.languages: list[str] = []
        self._folded: list[tuple[Row, list[str]]] = []
        self._classes: dict[str, list[str]] = {}
        self.patterns: list[Pattern] = []
        sets: dict[str, set[str]] = {name: set() for name in _WORD_SETS}
        for document in documents:
            for name, words in sets.items():
                words.update(fold_words(document.get(name, "")))
            self._add_table(document, known)
            self._add_known_slips(document)
        self._set_words(sets)
        self._add_slips(sets["real_words"], sets["correctable"], sets["misspelt"])
        self._index()

    def _set_words(self, sets: Mapping[str, set[str]]) -> None:
        self.fillers = frozenset(sets["fillers"])
        self.closing = frozenset(sets["closing"])
        self.polite = frozenset(sets["polite"])
        self.paired = frozenset(sets["paired"])
        self.stems = tuple(sorted(sets["stems"]))
        self.real_words = frozenset(sets["real_words"])
        self.support = frozenset(sets["support"]) | self.fillers
        self.decline_words = frozenset(sets["decline_words"])
        self.hint_no = frozenset(sets["hint_no"])
        self.hint_texts = frozenset(sets["hint_texts"])
        self.insult_words = frozenset(sets["insult_words"])
        self.strong_support = frozenset(sets["strong_support"])
        self.padding = frozenset(sets["padding"] | sets["curses"])
        self.curses = frozenset(sets["curses"])
        self.strong_words = frozenset(sets["strong_words"])
        self.plain_words = frozenset(sets["plain_words"])
        self.pleading_words = frozenset(sets["pleading_words"])
        self.place_words = frozenset(sets["place_words"])
        self.compound_words = frozenset(sets["compound_words"])

    def _index(self) -> None:
        """Lay out what was read for look-ups."""
        mistyped = (slip for slip, row in self.compound_slips.items() if row.action is Action.OPT_OUT)
        self.compound_letters = frozenset("23t").union(part[0] for part in (*self.compound_words, *mistyped))
        classes = {word: tuple(names) for word, names in self._classes.items()}
        self.phrases = PhraseFinder(self.patterns, classes, self.fillers, fold_words)
        self.opening_words = frozenset(words[0] for row, words in self._folded if words and not row.alone)
        self.keyword_words = frozenset(
            self._telling(words) for row, words in self._folded if words and (row.clause or row.mandatory)
        )
        self.weak_keyword_words = frozenset(
            self._telling(words)
            for row, words in self._folded
            if words and row.action is Action.OPT_OUT and not row.alone and row.certainty is not Certainty.UNSURE
        )
        self.by_id = {row.id: row for row in self.rows}
        if len(self.by_id) != len(self.rows):
            ids = [row.id for row in self.rows]
            twice = next(row_id for place, row_id in enumerate(ids) if row_id in ids[:place])
            raise TableError(f"two rows share the id {twice!r}")

    def _telling(self, words: Sequence[str]) -> str:
        """Return the word of a keyword that tells it best from other texts: a rare one, and the longest of those."""
        common = self.support | self.plain_words | _COMMON_WORDS
        return max(words, key=lambda word: (word not in common, len(word)))

    def rows_for(self, key: str) -> Sequence[Row]:
        """Return the rows that name `key` as a whole text."""
        return self.exact.get(key, ())

    def _add_table(self, document: Mapping[str, Any], sources: frozenset[str]) -> None:
        language = document["language"]
        self.languages.append(language)
        for name, words in document.get("classes", {}).items():
            for word in fold_words(words):
                self._classes.setdefault(word, []).append(qualified(f"<{name}>", language))
        for entry in document.get("keywords", ()):
            self._add_keyword(_row(entry, language, Tier.EXACT, sources))
        for entry in document.get("phrases", ()):
            self._add_phrase(_row(entry, language, Tier.PHRASE, sources), language)
        for entry in document.get("context", ()):
            self.rows.append(_row(entry, language, Tier.CONTEXT, sources))
        self.none_cases.extend((case, language) for case in document.get("none", ()))

    def _add_keyword(self, row: Row) -> None:
        self.rows.append(row)
        for words in row.words:
            folded = fold_words(words)
            self._folded.append((row, folded))
            named = self.exact.setdefault(key_of(folded), [])
            if named and named[0].mandatory and named[0].action is not row.action:
                raise TableError(f"row {row.id!r} shadows the mandatory word {words!r}")
            if row.mandatory and named:
                raise TableError(f"row {named[0].id!r} comes before the mandatory word {words!r}")
            named.append(row)

    def _add_phrase(self, row: Row, table: str) -> None:
        number = len(self.rows)
        self.rows.append(row)
        self.patterns.extend(Pattern(pattern, number, table) for pattern in row.words)

    def _add_known_slips(self, document: Mapping[str, Any]) -> None:
        """Add the mistypings that senders have seen in real opt-outs; they count even where they are words."""
        for word, slips in document.get("known_slips", {}).items():
            row = self.exact[word][0]
            self.slips.update(dict.fromkeys(slips.split(), row))

    def _add_slips(self, real_words: set[str], correctable: set[str], misspelt: set[str]) -> None:
        for row in self.rows:
            if not row.slips:
                continue
            for slip in slips_of(key_of(fold_words(row.words[0]))):
                self.compound_slips.setdefault(slip, row)
                if slip not in self.exact and slip not in real_words:
                    self.slips.setdefault(slip, row)
        for word in sorted(correctable | misspelt):
            for slip in (*slips_of(word), *(misspellings_of(word) if word in misspelt else ())):
                if slip not in real_words and slip not in self._classes and slip not in correctable:
                    self.corrections.setdefault(slip, word)


def _row(entry: Mapping[str, Any], language: str, tier: Tier, sources: frozenset[str]) -> Row:
    try:
        row = Row(
            id=entry["id"],
            language=entry.get("language", language),
            action=Action(entry["action"]),
            tier=tier,
            certainty=Certainty(entry.get("certainty", "clear")),
            source=entry["source"],
            verified=entry["verified"],
            words=tuple(entry.get("words") or entry.get("patterns") or ()),
            says=entry.get("says", ""),
            law=entry.get("law"),
            silences=Action(entry.get("silences", "opt_out")),
            firm=entry.get("firm", False),
            mandatory=entry.get("mandatory", False),
            clause=entry.get("clause", ""),
            slips=entry.get("slips", False),
            accents=entry.get("accents", False),
            alone=entry.get("alone", False),
        )
    except (KeyError, ValueError) as error:
        raise TableError(f"row {entry.get('id', entry)!r}: {error}") from error
    if row.source not in sources:
        raise TableError(f"row {row.id!r} names the unknown source {row.source!r}")
    return row


def read_document(name: str) -> Any:
    """Return `keywords/data/<name>.json` as read. Raises FileNotFoundError for a name that is not there."""
    import json  # neither is needed to import the package, and both take a while
    from importlib import resources

    return json.loads(resources.files("keywords").joinpath("data", f"{name}.json").read_bytes())


@cache
def tables() -> Tables:
    """Return the built-in tables, loaded on the first call. Raises TableError when a shipped table is broken."""
    return Tables((read_document(language) for language in LANGUAGES), read_document("sources"))
