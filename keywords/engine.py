"""Decide what a text asks for."""

from keywords.context import Context
from keywords.decision import Action, Certainty, Decision

_WORDS = {
    **dict.fromkeys(("stop", "unsubscribe", "quit", "end", "cancel", "revoke", "optout", "stopall"), Action.OPT_OUT),
    **dict.fromkeys(("start", "unstop"), Action.OPT_IN),
    **dict.fromkeys(("help", "info"), Action.HELP),
}


def decide(text: str, context: Context | None = None) -> Decision:
    """Decide what `text` asks for."""
    word = text.strip().casefold()
    action = _WORDS.get(word, Action.NONE)
    if action is Action.NONE:
        return Decision(action, Certainty.EXACT, "none", "", None, "No keyword and no request was found in the text.")
    rule = f"en.{action.value}.{word}"
    return Decision(action, Certainty.EXACT, rule, text.strip(), "en", f"The whole text is the keyword {word.upper()}.")
