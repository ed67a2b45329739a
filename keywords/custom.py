"""What the account set up itself: its own words, the question it asked, the instruction it printed."""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from keywords.context import Match, Pending, Rule
from keywords.folding import SILENT, fold_tokens
from keywords.reading import Reading
from keywords.tables import Tables, key_of

# What emoji carry besides the picture: skin tones, the emoji style, joiners.
_PICTURE_DRESS = dict.fromkeys((*range(0x1F3FB, 0x1F400), 0xFE0E, 0xFE0F, 0x200B, 0x200D, 0x2060, 0xFEFF))


class CustomRules(NamedTuple):
    """An account's rules, folded once.

    Args:
        whole: by key of the whole text.
        pictures: by the emoji that they are, skin tones left out.
        first_word: by first word.
        phrases: the folded words of each phrase, in the account's order.
    """

    whole: dict[str, Rule]
    pictures: dict[str, Rule]
    first_word: dict[str, Rule]
    phrases: tuple[tuple[tuple[str, ...], Rule], ...]

    def find_whole(self, reading: Reading) -> Rule | None:
        """Return the rule whose words are the whole text."""
        if reading.key:
            return self.whole.get(reading.key)
        return self.pictures.get(_picture(reading.body)) if self.pictures else None

    def find_within(self, reading: Reading) -> tuple[Rule, int, int] | None:
        """Return the rule whose word comes first in the text or whose phrase stands in it, and where."""
        words = reading.plain
        if not words:
            return None
        rule = self.first_word.get(words[0])
        if rule is not None:
            start = reading.words.index(words[0])
            return rule, start, start + 1
        for phrase, rule in self.phrases:
            start = _index_of(phrase, reading.words)
            if start >= 0:
                return rule, start, start + len(phrase)
        return None


def _index_of(phrase: Sequence[str], words: Sequence[str]) -> int:
    """Return where `phrase` starts in `words`, or -1. Strings are searched, because that is linear."""
    haystack = f" {' '.join(words)} "
    position = haystack.find(f" {' '.join(phrase)} ")
    return -1 if position < 0 else haystack.count(" ", 0, position + 1) - 1


@lru_cache(maxsize=512)
def custom_rules(rules: tuple[Rule, ...]) -> CustomRules:
    """Return the account's rules ready to look up. A rule without a word in it never fires; the linter says so."""
    whole: dict[str, Rule] = {}
    pictures: dict[str, Rule] = {}
    first_word: dict[str, Rule] = {}
    phrases: list[tuple[tuple[str, ...], Rule]] = []
    for rule in rules:
        words = tuple(word for word in fold_tokens(rule.words) if word not in SILENT)
        if not words:
            pictures.setdefault(_picture(rule.words), rule)
        elif rule.match is Match.WHOLE:
            whole.setdefault(key_of(words), rule)
        elif rule.match is Match.FIRST_WORD:
            first_word.setdefault(words[0], rule)
        else:
            phrases.append((words, rule))
    pictures.pop("", None)
    return CustomRules(whole, pictures, first_word, tuple(phrases))


def _picture(text: str) -> str:
    """Return a text of emoji without skin tones and blanks, "" when there is nothing else in it."""
    return "".join(text.translate(_PICTURE_DRESS).split())


class Answer(NamedTuple):
    """An answer to the question that is open: yes, or the audience that was named."""

    word: str
    audience: str | None


def find_answer(pending: Pending, reading: Reading) -> Answer | None:
    """Return the answer that the whole text gives to the open question, or None when it gives none."""
    if not reading.key:
        return None
    for word, audience in pending.options:
        if key_of(fold_tokens(word)) == reading.key:
            return Answer(word, audience)
    for word in pending.yes:
        if key_of(fold_tokens(word)) == reading.key:
            return Answer(word, None)
    return None


# "Reply STOP2END to quit": the word between the verb and the purpose is what people are told to send.
@cache
def _printed() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:reply|text|send|txt|respond|type|envia|envoyez|antworte|rispondi|responda)\b"
        r"(?: with)?(?: the word)? (\S+(?: \S+){0,2}?)"
        r" (?:to|2|for|para|pour|um|per) (?:(?:be|get|not|no) )?(?:longer |not )?"
        r"(?:opt|stop|end|quit|cancel|unsub|remove|leave|exit|receiv|salir|cancelar|sair|baja|vous|abmeld|more)"
    )


@lru_cache(maxsize=512)
def instructed_keys(instructions: tuple[str, ...], tables: Tables) -> frozenset[str]:
    """Return the keys of the words that the sender told people to reply with to leave.

    A word that asks for something else ("Reply YES to join") is never learnt as an opt-out.
    """
    return frozenset(key for words in instructions for key in _instructed(words) if _may_mean_leave(key, tables))


def _instructed(words: str) -> Iterable[str]:
    folded = fold_tokens(words)
    plain = [word for word in folded if word not in SILENT]
    if len(plain) <= 3:
        yield key_of(plain)
        return
    for match in _printed().finditer(" ".join(folded)[:2000]):
        yield key_of(match.group(1).split())


def _may_mean_leave(key: str, tables: Tables) -> bool:
    if not key or key in ("yes", "y", "ok", "si", "oui", "join"):
        return False
    return all(row.action == "opt_out" for row in tables.exact.get(key, ()))
