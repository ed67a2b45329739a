"""Requests inside longer texts: phrases, with what speaks against them, and keywords that are a clause of their own.

FCC 64.1200(a)(10) (US-3): other words count "if a reasonable person would understand those words to have conveyed a
request to revoke consent"; CTIA 5.1.3 (CT-1): normal language is acted on.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from keywords.decision import Action, Certainty
from keywords.folding import BOUNDARIES
from keywords.hit import Hit, Manner
from keywords.phrases import REACH, Found
from keywords.reading import Reading
from keywords.rows import Row
from keywords.scope import Scope
from keywords.tables import Tables
from keywords.whole import core_of, read_core

_CLAUSE_WORDS = 12
_SUPPORTED_WORDS = 16
_SHORT_REASON_WORDS = 6
_HELD_WORDS = 5
_HINTED_WORDS = 12
_NOES = frozenset(("no", "nope", "nah", "not", "never"))
_DENIALS = frozenset(("not", "no", "isnt", "aint", "any", "know", "who", "whos"))
# A name is told by its capital ("I'm not Shanice", "who is Darnell?"), which folding takes away.
_NOT_NAMED = re.compile(
    r"\b(?:[Nn]ot|NOT|[Ii]sn\W?t|[Aa]in\W?t|[Nn]o|[Aa]ny|[Ww]ho\W?s|[Ww]ho is)\s+"
    r"(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|I\b)[A-Z][a-z]+(?:\Ws)?(?:\s(?:here|anymore|phone|number))*\W*$"
)
# Where several things are asked for at once, the first of these wins: a missed opt-out is the dearest mistake.
_PRECEDENCE = (
    (Action.OPT_OUT, Certainty.CLEAR),
    (Action.OPT_IN, Certainty.CLEAR),
    (Action.OPT_OUT, Certainty.UNSURE),
    (Action.HELP, Certainty.CLEAR),
    (Action.OPT_IN, Certainty.UNSURE),
    (Action.HELP, Certainty.UNSURE),
)


def find_phrase(words: Sequence[str], tables: Tables, scope: Scope) -> tuple[Hit | None, list[Found]]:
    """Return the phrase that asks for something, and the phrases that speak against reading the text as a request.

    Args:
        words: folded words with sentence ends and commas.
        tables: the tables.
        scope: which rows may fire.
    """
    found = [one for one in tables.phrases.find(words) if scope.allows(tables.rows[one.row])]
    if not found:
        return None, []
    near = _Neighbourhood(found)
    rows = tables.rows
    vetoes = [one for one in found if rows[one.row].action is Action.NONE]
    asks = [
        one
        for one in found
        if rows[one.row].action is not Action.NONE and not any(_silences(veto, one, rows) for veto in near.around(one))
    ]
    best: Found | None = None
    best_rank = (len(_PRECEDENCE), 0)
    for one in asks:
        rank = (_PRECEDENCE.index((rows[one.row].action, _certainty(one, near, rows, words))), one.start - one.end)
        if rank < best_rank:
            best, best_rank = one, rank
    if best is None:
        return None, _of_opt_outs(vetoes, rows)
    certainty = _PRECEDENCE[best_rank[0]][1]
    return Hit(rows[best.row], certainty, Manner.PHRASE, best.start, best.end), _of_opt_outs(vetoes, rows)


def _of_opt_outs(vetoes: Sequence[Found], rows: Sequence[Row]) -> list[Found]:
    return [veto for veto in vetoes if rows[veto.row].silences is Action.OPT_OUT]


def _silences(veto: Found, one: Found, rows: Sequence[Row]) -> bool:
    """Tell whether `veto` says that `one` is meant otherwise, and `one` does not say more than it."""
    row = rows[veto.row]
    if row.action is not Action.NONE or row.silences is not rows[one.row].action or one.covers(veto):
        return False
    if row.firm or rows[one.row].certainty is Certainty.UNSURE:
        return veto.touches(one)
    return veto.start <= one.start and veto.end >= one.end


class _Neighbourhood:
    """Phrases by where they start, so that only those near one another are compared."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._by_start: dict[int, list[Found]] = {}
        for one in found:
            self._by_start.setdefault(one.start, []).append(one)

    def around(self, one: Found) -> list[Found]:
        if not self._by_start:
            return []
        places = range(one.start - REACH, one.end)
        return [other for place in places for other in self._by_start.get(place, ())]


def _certainty(one: Found, near: _Neighbourhood, rows: Sequence[Row], words: Sequence[str]) -> Certainty:
    """How sure a phrase is: a longer unsure phrase around it ("don't text me" + "at work") makes it unsure."""
    row = rows[one.row]
    if row.certainty is Certainty.UNSURE:
        return Certainty.UNSURE
    if not row.verified:
        whole = not any(word not in BOUNDARIES for word in (*words[: one.start], *words[one.end :]))
        return Certainty.CLEAR if whole else Certainty.UNSURE
    for other in near.around(one):
        rival = rows[other.row]
        if (
            rival.certainty is Certainty.UNSURE
            and rival.action is row.action
            and other.covers(one)
            and other.start == one.start
        ):
            longer = (third for third in near.around(other) if third.covers(other) or third == other)
            if not any(rows[third.row].certainty is Certainty.CLEAR and third != other for third in longer):
                return Certainty.UNSURE
    return Certainty.CLEAR


def find_clause(reading: Reading, tables: Tables, scope: Scope, vetoes: Sequence[Found]) -> Hit | None:
    """Return a keyword that stands as a clause of its own, or leads or ends a text that goes with a request.

    "Already donated. Please stop." and "wrong number stop" act. "Stop! I made a mistake" may mean anything: held.
    """
    clauses = reading.clauses()
    if len(clauses) > 1:
        hit = _own_clause(clauses, reading.plain, tables, scope)
        if hit is not None:
            return hit
    return None if vetoes else _led_or_ended(reading, tables, scope)


class _Company(NamedTuple):
    """The words that a keyword has around it.

    Args:
        words: how many.
        strange: how many of them neither go with a request nor mean nothing.
        telling: how many of them only people write who want the texts to end.
        courteous: how many of them are courtesy or anger.
    """

    words: int
    strange: int
    telling: int
    courteous: int

    def without(self, other: "_Company") -> "_Company":
        """Return the company with another one taken out of it."""
        return _Company(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


def _company(words: Sequence[str], tables: Tables) -> _Company:
    strange = sum(word not in tables.support and word not in tables.plain_words for word in words)
    telling = sum(word in tables.strong_support for word in words)
    return _Company(len(words), strange, telling, sum(word in tables.fillers for word in words))


def _own_clause(clauses: Sequence[Sequence[str]], plain: Sequence[str], tables: Tables, scope: Scope) -> Hit | None:
    held: Hit | None = None
    everything = _company(plain, tables)
    for number, clause in enumerate(clauses):
        if len(clause) > _CLAUSE_WORDS or tables.keyword_words.isdisjoint(clause):
            continue
        hit = read_core(clause, tables, scope)
        if hit is None or hit.row.action is not Action.OPT_OUT:
            continue
        others = everything.without(_company(clause, tables))
        outer = number == len(clauses) - 1 or (number == 0 and _is_reason(clauses[1], others, tables))
        if hit.certainty is not Certainty.UNSURE and _clause_acts(hit.row, others, outer=outer):
            return Hit(hit.row, hit.certainty, Manner.CLAUSE)
        held = held or Hit(hit.row, Certainty.UNSURE, Manner.CLAUSE)
    return held


def _is_reason(following: Sequence[str], others: _Company, tables: Tables) -> bool:
    """Tell whether what follows a keyword gives the reason ("STOP! I mean it") or signs off ("Stop. Thanks, Deb")."""
    if others.words > _SHORT_REASON_WORDS:
        return False
    return following[0] in tables.pleading_words or (others.strange <= 1 and others.courteous > 0)


def _clause_acts(row: Row, others: _Company, *, outer: bool) -> bool:
    if others.strange == 0 and others.words <= _SUPPORTED_WORDS:
        return True
    if row.clause != "last":
        return row.clause == "always"
    return outer or others.telling > 0


def find_supported_clause(reading: Reading, held: Hit, tables: Tables, scope: Scope) -> Hit | None:
    """Return a keyword in a clause of its own beside a phrase that alone is held: "wrong person, delete it".

    What may be a request and what may be another thing make each other plain. Keywords that are held themselves count
    only where their row says so.
    """
    clauses = reading.clauses()
    if len(clauses) < 2 or held.start is None or tables.weak_keyword_words.isdisjoint(reading.tokens):
        return None
    phrase = set(reading.words[held.start : held.end])
    for clause in clauses:
        if len(clause) > _CLAUSE_WORDS or not phrase.isdisjoint(clause):
            continue
        hit = read_core(clause, tables, scope)
        if hit is None or hit.row.action is not Action.OPT_OUT or not hit.row.verified:
            continue
        if hit.certainty is not Certainty.UNSURE or hit.row.clause:
            return Hit(hit.row, Certainty.CLEAR, Manner.CLAUSE)
    return None


def _led_or_ended(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Read "stop im not interested" and "wrong number stop": the keyword first or last, the rest in its support."""
    words = reading.plain
    if len(words) > _SUPPORTED_WORDS:
        return None
    core = core_of(words, tables)
    for keyword, rest in ((core[-1], core[:-1]), (core[0], core[1:])) if len(core) > 1 else ():
        row = scope.first(tables.rows_for(keyword), None)
        if row is None or not row.clause or row.action is not Action.OPT_OUT or _names_place(keyword, words, tables):
            continue
        company = _company(rest, tables)
        pleads = keyword == "stop" == core[0] and _word_after("stop", words) in tables.pleading_words
        if (not company.strange and company.telling) or pleads:
            return Hit(row, Certainty.CLEAR, Manner.WORD)
        if not company.strange or keyword == "stop" == core[-1]:
            return Hit(row, Certainty.UNSURE, Manner.WORD)
    return None


def _names_place(keyword: str, words: Sequence[str], tables: Tables) -> bool:
    """Tell whether the word after the keyword makes it a place or a pause ("stop at the bank")."""
    return _word_after(keyword, words) in tables.place_words


def _word_after(word: str, words: Sequence[str]) -> str:
    after = words.index(word) + 1
    return words[after] if after < len(words) else ""


def find_strong_word(reading: Reading, tables: Tables, scope: Scope, vetoes: Sequence[Found]) -> Hit | None:
    """Hold a text with a word in it that hardly anybody uses but to leave, or that starts with a bare "stop"."""
    words = reading.words
    if words[:1] != ["stop"] and tables.strong_words.isdisjoint(words):
        return None
    silenced = {place for veto in vetoes for place in range(veto.start, veto.end)}
    for place, word in enumerate(words):
        if word in tables.strong_words and place not in silenced:
            row = scope.first(tables.rows_for(word), None)
            if row is not None:
                return Hit(row, Certainty.UNSURE, Manner.WORD, place, place + 1)
    if not vetoes and words and words[0] == "stop" and len(words) <= _HELD_WORDS:
        row = scope.first(tables.rows_for("stop"), None)
        if row is not None:
            return Hit(row, Certainty.UNSURE, Manner.WORD, 0, 1)
    return None


def find_complaint(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Hold a text that refuses something and speaks of texts, or a short one that only turns the sender away, insults
    them or says who one is not.

    "hmm no", "you're a scammer", "Not Hank": no request, but one that a person should see. A bare "no" is left alone:
    it answers a question far more often.
    """
    words = reading.plain
    if len(words) <= _HINTED_WORDS and not tables.hint_texts.isdisjoint(words):
        hinted = not tables.hint_no.isdisjoint(word for word in words if word not in tables.hint_texts)
        return Hit(tables.by_id["en.opt_out.hint"], Certainty.UNSURE, Manner.WORD) if hinted else None
    if not 1 < len(words) <= _HELD_WORDS:
        return None
    row_id = None
    if tables.decline_words.issuperset(words):
        row_id = "en.opt_out.declines" if not _NOES.isdisjoint(words) else None
    elif not tables.insult_words.isdisjoint(words):
        row_id = "en.opt_out.angry" if _company(words, tables).strange <= 1 else None
    elif not _DENIALS.isdisjoint(words) and _NOT_NAMED.search(reading.body):
        row_id = "en.opt_out.other_name"
    row = tables.by_id[row_id] if row_id is not None else None
    return Hit(row, Certainty.UNSURE, Manner.WORD) if row is not None and scope.allows(row) else None
