"""The keyword engine: text in, decision out. Pure: standard library and data files only."""

from keywords.context import Context, Match, Pending, Rule
from keywords.decision import Action, Certainty, Decision
from keywords.engine import decide

__all__ = ["Action", "Certainty", "Context", "Decision", "Match", "Pending", "Rule", "decide"]
