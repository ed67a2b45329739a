"""Decide what a text asks for: the tiers, in order."""

from dataclasses import replace

from keywords.context import Context, Rule
from keywords.custom import Answer, custom_rules, find_answer, instructed_keys
from keywords.decision import Action, Certainty, Decision
from keywords.explanations import EMPTY, NOTHING, explain, explain_none
from keywords.folding import BREAK
from keywords.hit import Hit, Manner
from keywords.phrases import Found
from keywords.reading import Reading
from keywords.requests import (
    find_clause,
    find_complaint,
    find_phrase,
    find_strong_word,
    find_supported_clause,
)
from keywords.scope import EVERYTHING, Scope, scope_for
from keywords.tables import Tables, key_of, tables
from keywords.whole import find_compound, find_courteous, find_exact, find_repeated

_NO_CONTEXT = Context()
_EMPTY = Decision(Action.NONE, Certainty.EXACT, "none", "", None, EMPTY)
_NOTHING = Decision(Action.NONE, Certainty.CLEAR, "none", "", None, NOTHING)
_SHORT_TEXT_WORDS = 14
_LONGEST_KEY = 40
_STOP_SIGNS = frozenset("🛑⛔🚫✋🤚🖐🙅")


def decide(text: str, context: Context | None = None) -> Decision:
    """Decide what `text` asks for, which row of the tables says so, and why in one sentence.

    Args:
        text: the text as it arrived; any string, an empty one too.
        context: the account's own rules, its languages, the question that is open, the instructions it printed, what
            the carrier did. None means the built-in tables in all languages.

    Raises nothing, whatever the text. Time is linear in the length of the text.

    The order of the tiers is that of design section 5; the law behind it is 47 CFR 64.1200(a)(10) (US-1 to US-3).
    """
    context = context or _NO_CONTEXT
    known = tables()
    scope = EVERYTHING if context is _NO_CONTEXT else scope_for(context.languages, context.switched_off)
    reading = Reading(text)
    if context.carrier_action not in (None, Action.NONE):
        return _carrier_decision(context.carrier_action, reading)
    exact = find_exact(reading, known, scope)
    if exact is not None and exact.row.mandatory:
        return _mandatory_decision(exact, reading, context)
    own = _own_whole_text(reading, context, exact, known, scope)
    if own is not None:
        return own
    hit, vetoes = _read(reading, known, scope, exact)
    within = custom_rules(context.rules).find_within(reading) if context.rules else None
    if within is not None and not _outranks(hit):
        rule, start, end = within
        return _custom_decision(rule, reading, reading.span(start, end), Certainty.CLEAR)
    if hit is not None:
        return _decision(hit, reading, context.switched_off)
    return _nothing(reading, known, vetoes)


def _outranks(hit: Hit | None) -> bool:
    """Tell whether a built-in reading comes before the account's first words and phrases: a sure opt-out does."""
    return hit is not None and hit.row.action is Action.OPT_OUT and hit.certainty is not Certainty.UNSURE


def _own_whole_text(
    reading: Reading, context: Context, exact: Hit | None, known: Tables, scope: Scope
) -> Decision | None:
    """Return what the open question, the account's own words or its printed instruction make of the whole text."""
    opts_out = exact is not None and exact.row.action is Action.OPT_OUT and exact.certainty is not Certainty.UNSURE
    if context.pending is not None and not opts_out:
        answer = find_answer(context.pending, reading)
        if answer is not None:
            return _pending_decision(answer, reading)
    if context.instructions:
        hit = _instructed(reading, context, known)
        if hit is not None:
            return _decision(hit, reading, context.switched_off)
    if context.rules:
        rule = custom_rules(context.rules).find_whole(reading)
        if rule is not None and not _is_mandatory_in_disguise(reading, known, scope):
            return _custom_decision(rule, reading, reading.whole_span(), Certainty.EXACT)
    return None


def _is_mandatory_in_disguise(reading: Reading, known: Tables, scope: Scope) -> bool:
    """Tell whether a text is a mandatory word repeated, joined or with courtesy: no custom rule may take it either."""
    for tier in (find_repeated, find_compound, find_courteous):
        hit = tier(reading, known, scope)
        if hit is not None:
            return hit.row.mandatory and hit.manner is not Manner.SLIP
    return False


def _instructed(reading: Reading, context: Context, known: Tables) -> Hit | None:
    keys = instructed_keys(context.instructions, known)
    words = [word for word in reading.plain if word not in known.fillers]
    row = known.by_id["und.opt_out.instruction"]
    if reading.key in keys or key_of(words) in keys:
        whole = reading.key in keys
        return Hit(row, Certainty.EXACT if whole else Certainty.CLEAR, Manner.INSTRUCTION)
    # People asked to text "Stop2End" also text "2": likely meant, but it may answer something else.
    if reading.key.isdigit() and any(reading.key in key for key in keys):
        return Hit(row, Certainty.UNSURE, Manner.INSTRUCTION)
    return None


def _read(reading: Reading, known: Tables, scope: Scope, exact: Hit | None) -> tuple[Hit | None, list[Found]]:
    """Read the text by the built-in tables: whole text, then phrases, then single clauses and words."""
    if exact is not None:
        return exact, []
    hit = _read_whole(reading, known, scope) if reading.key else None
    if hit is not None:
        return hit, []
    hit, vetoes = _read_requests(reading, known, scope)
    if hit is None or not _outranks(hit):
        mended = _mended(reading, known)
        if mended is not None:
            better = _read_whole(mended, known, scope) or _read_requests(mended, known, scope)[0]
            if _outranks(better):
                return better, []
        calm = _calmed(mended or reading, known)
        if calm is not None:
            better = find_phrase(calm.words, known, scope)[0]
            if _outranks(better):
                return better, []
    hit = hit or find_strong_word(reading, known, scope, vetoes)
    return hit or (None if vetoes else find_complaint(reading, known, scope)), vetoes


def _read_requests(reading: Reading, known: Tables, scope: Scope) -> tuple[Hit | None, list[Found]]:
    """Read the text by its phrases, then by keywords that are a clause of their own."""
    hit, vetoes = find_phrase(reading.words, known, scope)
    if not _outranks(hit) and not known.keyword_words.isdisjoint(reading.tokens):
        clause = find_clause(reading, known, scope, vetoes)
        if clause is not None and (hit is None or clause.certainty is not Certainty.UNSURE):
            return clause, vetoes
    if hit is not None and hit.row.action is Action.OPT_OUT and not _outranks(hit):
        return find_supported_clause(reading, hit, known, scope) or hit, vetoes
    return hit, vetoes


def _mended(reading: Reading, known: Tables) -> Reading | None:
    """Return the text with mistyped words put right ("stop textng me"), or None when there is nothing to put right."""
    if known.corrections.keys().isdisjoint(reading.tokens):
        return None
    return reading.with_tokens([known.corrections.get(token, token) for token in reading.tokens])


def _calmed(reading: Reading, known: Tables) -> Reading | None:
    """Return the text without words that may stand anywhere in a request ("stop fucking texting me"), or None."""
    if known.padding.isdisjoint(reading.words):
        return None
    tokens = [BREAK if token in known.padding else token for token in reading.tokens]
    for place, token in enumerate(reading.tokens[1:]):
        if token in known.curses and tokens[place] == "the":
            tokens[place] = BREAK
    return reading.with_tokens(tokens)


def _read_whole(reading: Reading, known: Tables, scope: Scope) -> Hit | None:
    if len(reading.key) <= _LONGEST_KEY:
        hit = find_repeated(reading, known, scope) or find_compound(reading, known, scope)
        if hit is not None:
            return hit
    if len(reading.plain) <= _SHORT_TEXT_WORDS:
        return find_courteous(reading, known, scope)
    return None


def _mandatory_decision(hit: Hit, reading: Reading, context: Context) -> Decision:
    """Decide on a mandatory word. The account's own rule for it may only word the answer, never change the action."""
    decision = _decision(hit, reading, context.switched_off)
    rule = custom_rules(context.rules).find_whole(reading) if context.rules else None
    if rule is None or rule.action is not hit.row.action or rule.reply is None:
        return decision
    return replace(decision, reply=rule.reply)


def _decision(hit: Hit, reading: Reading, switched_off: frozenset[str]) -> Decision:
    span = reading.whole_span() if hit.start is None or hit.end is None else reading.span(hit.start, hit.end)
    matched = reading.text[span[0] : span[1]]
    off = hit.row.id in switched_off
    return Decision(
        action=hit.row.action,
        certainty=Certainty.UNSURE if off else hit.certainty,
        rule=hit.row.id,
        matched=matched,
        language=None if hit.row.language == "und" else hit.row.language,
        explanation=explain(hit, matched, switched_off=off),
        span=span,
    )


def _carrier_decision(action: Action, reading: Reading) -> Decision:
    span = reading.whole_span()
    sentence = f"The carrier reports that it already treated this text as {action.value.replace('_', '-')}."
    return Decision(
        action, Certainty.EXACT, f"carrier.{action.value}", reading.text[span[0] : span[1]], None, sentence, span=span
    )


def _pending_decision(answer: Answer, reading: Reading) -> Decision:
    span = reading.whole_span()
    matched = reading.text[span[0] : span[1]]
    if answer.audience is None:
        sentence = f"“{matched}” says yes to the question that this number was asked."
        return Decision(Action.OPT_IN, Certainty.EXACT, "pending.yes", matched, None, sentence, span=span)
    sentence = f"“{matched}” answers the question which texts are meant: {answer.audience}."
    return Decision(
        Action.JOIN, Certainty.EXACT, "pending.option", matched, None, sentence, audience=answer.audience, span=span
    )


def _custom_decision(rule: Rule, reading: Reading, span: tuple[int, int], certainty: Certainty) -> Decision:
    matched = reading.text[span[0] : span[1]]
    where = "The whole text is" if certainty is Certainty.EXACT else f"“{matched}” is"
    return Decision(
        action=rule.action,
        certainty=certainty,
        rule=rule.id,
        matched=matched,
        language=None,
        explanation=f"{where} the account's own keyword {rule.words.strip().upper()}.",
        audience=rule.audience,
        reply=rule.reply,
        span=span,
    )


def _nothing(reading: Reading, known: Tables, vetoes: list[Found]) -> Decision:
    if not reading.plain:
        if _STOP_SIGNS.isdisjoint(reading.body):
            return _EMPTY
        row = known.by_id["und.opt_out.stop_sign"]
        return _decision(Hit(row, Certainty.UNSURE, Manner.WHOLE), reading, frozenset())
    if not vetoes:
        return _NOTHING
    row = known.rows[vetoes[0].row]
    span = reading.span(vetoes[0].start, vetoes[0].end)
    matched = reading.text[span[0] : span[1]]
    sentence = explain_none(row, matched)
    return Decision(Action.NONE, Certainty.CLEAR, row.id, matched, row.language, sentence, span=span)
