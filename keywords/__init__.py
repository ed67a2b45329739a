"""The keyword engine: text in, decision out. Pure: standard library and data files only.

`decide` is what webhooks call, so importing the package loads little else; the rest is loaded when first asked for.
"""

from typing import TYPE_CHECKING

from keywords.context import Context, Match, Pending, Rule
from keywords.decision import Action, Certainty, Decision
from keywords.engine import decide

if TYPE_CHECKING:
    from keywords.folding import fold
    from keywords.lint import Finding, Severity, Template, TemplateKind, lint_rules
    from keywords.rule_info import RuleInfo, Source, all_rules, explain_rule
    from keywords.segments import Encoding, SegmentCount, count_segments

__all__ = [
    "Action",
    "Certainty",
    "Context",
    "Decision",
    "Encoding",
    "Finding",
    "Match",
    "Pending",
    "Rule",
    "RuleInfo",
    "SegmentCount",
    "Severity",
    "Source",
    "Template",
    "TemplateKind",
    "all_rules",
    "count_segments",
    "decide",
    "explain_rule",
    "fold",
    "lint_rules",
]

_LOADED_ON_DEMAND = {
    "Encoding": "segments",
    "Finding": "lint",
    "RuleInfo": "rule_info",
    "SegmentCount": "segments",
    "Severity": "lint",
    "Source": "rule_info",
    "Template": "lint",
    "TemplateKind": "lint",
    "all_rules": "rule_info",
    "count_segments": "segments",
    "explain_rule": "rule_info",
    "fold": "folding",
    "lint_rules": "lint",
}


def __getattr__(name: str) -> object:
    """Load the module that has `name` when it is first used (PEP 562)."""
    module = _LOADED_ON_DEMAND.get(name)
    if module is None:
        raise AttributeError(f"module 'keywords' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"keywords.{module}"), name)
