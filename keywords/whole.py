"""The tiers that read the whole text as one keyword, with whatever decoration, courtesy, anger or slip around it.

FCC 64.1200(a)(10) (US-2): the per-se words revoke consent whatever the context. CTIA 5.1.3 (CT-1, CT-2) and the Short
Code Monitoring Handbook (SC-1): capitals, punctuation and words of courtesy around them do not matter.
"""

import re
from collections.abc import Sequence

from keywords.decision import Action, Certainty
from keywords.folding import fold_tokens
from keywords.hit import Hit, Manner
from keywords.lookalikes import shape_of
from keywords.reading import Reading
from keywords.rows import Row
from keywords.scope import Scope
from keywords.tables import Tables, key_of

_LONGEST_IMITATION = 40
_LONGEST_COMPOUND = 30
_LONGEST_SLIP = 13
_LONGEST_STEMMED = 14
_MOST_CORE_WORDS = 12
_LEET = {ord(sign): letter for sign, letter in zip("013457@$€|!+8", "oieastaseiltb", strict=True)}
_LEET_L = {**_LEET, ord("1"): "l", ord("!"): "i", ord("|"): "l"}
_LEET_SIGN = re.compile(r"[013457@$€|!+8]")
_RUN = re.compile(r"(.)\1{2,}")
_REPEAT = re.compile(r"(.)\1+")
# "Stop2End", "Quit to end", "stop=quit", and what a thumb makes of the 2: senders print them, people copy them.
_COMPOUND = re.compile(r"([a-z]{3,11}?)(?:[1-3]|to|too|or|and|n|for|4)([a-z]{3,11})")
_OPEN_COMPOUND = re.compile(r"([a-z]{3,11})[1-3]{1,2}|[23]([a-z]{3,11})|to([a-z]{3,11})")
_SMALL_WORDS = frozenset(("to", "2", "or", "and", "n", "for", "4", "too"))


def find_exact(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword that is the whole text after folding, look-alike letters and leet included."""
    rows = tables.exact.get(reading.key)
    if rows is not None:
        row = scope.first(rows, reading.body)
        if row is not None and not (row.certainty is Certainty.UNSURE and "$" in reading.body):
            return Hit(row, _exactly(row), Manner.WHOLE)
    if len(reading.body) > _LONGEST_IMITATION:
        return None
    shape = None if reading.key.isascii() else shape_of(reading.key)
    keys = [shape] if shape else []
    body = reading.body.strip(" \t\r\n.!?")
    if _LEET_SIGN.search(body):
        keys += (key_of(fold_tokens(body.translate(table))) for table in (_LEET, _LEET_L))
    for key in keys:
        row = scope.first(tables.rows_for(key), reading.body)
        if row is not None:
            return Hit(row, _exactly(row), Manner.IMITATED)
    return None


def _exactly(row: Row) -> Certainty:
    return row.certainty if row.certainty is Certainty.UNSURE else Certainty.EXACT


def find_repeated(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword that the text repeats ("STOP STOP STOP", "stopstop") or draws out ("STOOOOP")."""
    key = reading.key
    piece = _unrepeated(key)
    row = scope.first(tables.rows_for(piece), reading.body) if piece else None
    if row is None and _RUN.search(key):
        row = scope.first(tables.rows_for(_REPEAT.sub(r"\1", key)), reading.body)
        row = row or scope.first(tables.rows_for(_RUN.sub(r"\1", key)), reading.body)
        if row is not None and not (row.mandatory or row.slips):
            row = None
    if row is None or row.alone:
        return None
    return Hit(row, _loosely(row), Manner.REPEATED)


def _unrepeated(key: str) -> str:
    """Return the shortest piece that `key` is made of by repeating it."""
    length = (key + key).find(key, 1)
    return key[:length] if 0 < length < len(key) else ""


def find_compound(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword behind a compound of two ("Stop2End", "QUIT to STOP"), each allowed one slip."""
    return _compound(reading.key, tables, scope)


def _compound(key: str, tables: Tables, scope: Scope) -> Hit | None:
    if not 4 <= len(key) <= _LONGEST_COMPOUND or key[0] not in tables.compound_letters:
        return None
    match = _COMPOUND.fullmatch(key)
    if match is not None:
        first = _compound_part(match.group(1), tables)
        second = _compound_part(match.group(2), tables)
        if first is not None and second is not None and scope.allows(first):
            return Hit(first, Certainty.CLEAR, Manner.COMPOUND)
    match = _OPEN_COMPOUND.fullmatch(key)
    if match is not None:
        row = _compound_part(next(part for part in match.groups() if part), tables)
        if row is not None and row.mandatory and scope.allows(row):
            return Hit(row, Certainty.CLEAR, Manner.COMPOUND)
    return None


def _compound_part(part: str, tables: Tables) -> Row | None:
    if part in tables.compound_words:
        rows = tables.exact.get(part)
        return rows[0] if rows else tables.by_id["en.opt_out.stop"]
    slip = tables.slips.get(part) or tables.compound_slips.get(part)
    return slip if slip is not None and slip.action is Action.OPT_OUT else None


def find_courteous(reading: Reading, tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword around which there is only courtesy or anger ("STOP please, thanks", "ugh. quit.")."""
    return read_core(reading.plain, tables, scope)


def read_core(words: Sequence[str], tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword that is left of `words` once courtesy and anger are taken away, one slip forgiven."""
    if not words or _is_long(words, tables):
        return None
    core = core_of(words, tables)
    if not core or len(core) > _MOST_CORE_WORDS:
        return None
    if len(core) > 2 and core[0] not in tables.opening_words and max(map(len, core)) > 1:
        return None
    manner = Manner.COURTESY if len(core) < len(words) else Manner.WHOLE
    key = "".join(core)
    row = scope.first(tables.rows_for(key), None)
    if row is not None and not row.alone and not row.accents:
        around = [word for word in words if word not in core]
        # Opting in is exact (behaviour 22): only plain politeness may stand beside the word.
        if row.action is not Action.OPT_IN or tables.polite.issuperset(around):
            return Hit(row, _loosely(row), manner)
        return None
    row = _all_keywords(core, tables, scope)
    if row is not None:
        return Hit(row, _loosely(row), Manner.REPEATED)
    return find_slip(key, tables, scope) if len(core) <= 2 else _compound(key, tables, scope)


def _is_long(words: Sequence[str], tables: Tables) -> bool:
    """Tell quickly that a text has more in it than a keyword and courtesy, which is so for most."""
    if words[-1] in tables.fillers or words[-1] in tables.closing:
        return False
    others = 0
    for word in words:
        if word in tables.fillers:
            continue
        others += 1
        if others == 1 and (word in tables.opening_words or len(word) == 1):
            return False
        if others > 2:
            return True
    return False


def core_of(words: Sequence[str], tables: Tables) -> list[str]:
    """Return `words` without courtesy and anger; words like "have a nice day" count as such only at the end."""
    core = [word for word in words if word not in tables.fillers]
    if "sil" in words:
        core = [word for word in core if words[words.index(word) - 1] + word not in tables.paired]
    end = len(core)
    while end and core[end - 1] in tables.closing:
        end -= 1
    # One such word alone closes nothing: "end time?" is no END with a greeting after it.
    return core[:end] if len(core) - end > 1 else core


def _loosely(row: Row) -> Certainty:
    """How sure a row is when it is not exactly the whole text: unverified wording is then held."""
    return row.certainty if row.verified else Certainty.UNSURE


def _all_keywords(core: Sequence[str], tables: Tables, scope: Scope) -> Row | None:
    """Return the first keyword when every word is one ("stop quit end", "stop, unsubscribe")."""
    if core[0] in _SMALL_WORDS or core[-1] in _SMALL_WORDS:
        return None
    rows = [scope.first(tables.rows_for(word), None) for word in core if word not in _SMALL_WORDS]
    if any(row is None or row.action is not Action.OPT_OUT or row.alone for row in rows):
        return None
    return next((row for row in rows if row is not None and row.certainty is not Certainty.UNSURE), None)


def find_slip(key: str, tables: Tables, scope: Scope) -> Hit | None:
    """Return the keyword that `key` is a mistyping of: one slip, a drawn-out letter, leet or a compound."""
    compound = _compound(key, tables, scope)
    if compound is not None:
        return compound
    candidates = (key, _RUN.sub(r"\1", key), key.translate(_LEET), key.translate(_LEET_L))
    for candidate in candidates:
        row = tables.slips.get(candidate) if len(candidate) <= _LONGEST_SLIP else None
        row = row or (scope.first(tables.rows_for(candidate), None) if candidate != key else None)
        if row is not None and scope.allows(row) and (row.slips or row.mandatory):
            return Hit(row, _loosely(row), Manner.SLIP)
    if key.startswith(tables.stems) and len(key) <= _LONGEST_STEMMED and key not in tables.real_words:
        row = tables.by_id["en.opt_out.unsubscribe"]
        return Hit(row, _loosely(row), Manner.SLIP)
    return None
