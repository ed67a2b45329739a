"""The pattern language of the phrase tables.

A pattern is words parted by spaces. `<name>` is one word of a class from the same table, `<name>*` any number of them,
`(a|b c)` a choice, `[a|b]` a choice that may be missing, `..` up to three words of any kind, `^` the start of a clause
and `$` its end (courtesy words do not count there).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ANY_WORD = "<>"
_GAP_WORDS = 3
_PIECES = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|(<[^<>]+>\*?)|(\.\.)|([$^])|([^\s()\[\]<>]+)")

Fold = Callable[[str], Sequence[str]]


class PatternError(ValueError):
    """A pattern in a table cannot be read; the message names it."""


@dataclass(slots=True, eq=False)
class Node:
    """A place inside a pattern: where each word or class leads, and the patterns that are complete here."""

    steps: dict[str, list["Node"]] = field(default_factory=dict)
    ends: list[tuple[int, bool]] = field(default_factory=list)
    clause_ends: list[tuple[int, bool]] = field(default_factory=list)

    def lead(self, step: str, target: "Node") -> None:
        """Let `step` lead from here to `target`."""
        self.steps.setdefault(step, []).append(target)


def add_pattern(root: Node, pattern: str, row: int, fold: Fold, qualify: Callable[[str], str]) -> None:
    """Add `pattern` for row number `row` below `root`.

    Args:
        root: where every pattern starts.
        pattern: the pattern as the table has it.
        row: number reported when the pattern is found.
        fold: makes words of a literal piece, the same way as texts are folded.
        qualify: makes a class name unique to its table.

    Raises:
        PatternError: the pattern cannot be read, or would match nothing at all.
    """
    _PatternBuilder(root, row, fold, qualify).build(pattern)


class _PatternBuilder:
    def __init__(self, root: Node, row: int, fold: Fold, qualify: Callable[[str], str]) -> None:
        self._root = root
        self._row = row
        self._fold = fold
        self._qualify = qualify
        self._anchored = False
        self._frontier: list[Node] = [root]

    def build(self, pattern: str) -> None:
        position = 0
        for piece in _PIECES.finditer(pattern):
            if pattern[position : piece.start()].strip() or not self._frontier:
                raise PatternError(f"cannot read {pattern!r} before {piece.group()!r}")
            position = piece.end()
            self._add(piece)
        if pattern[position:].strip() or self._root in self._frontier:
            raise PatternError(f"{pattern!r} cannot be read or matches nothing")
        for node in self._frontier:
            node.ends.append((self._row, self._anchored))

    def _add(self, piece: re.Match[str]) -> None:
        choice, optional, word_class, gap, anchor, word = piece.groups()
        if anchor == "^":
            self._anchored = True
        elif anchor == "$":
            self._end_clause()
            self._frontier = []
        elif gap is not None:
            self._add_gap()
        elif word_class is not None and word_class.endswith("*"):
            self._add_loop(self._qualify(word_class[:-1]))
        else:
            alternatives = choice or optional or word_class or word
            after = self._add_choice(alternatives.split("|"))
            self._frontier = [*self._frontier, after] if optional is not None else [after]

    def _end_clause(self) -> None:
        for node in self._frontier:
            node.clause_ends.append((self._row, self._anchored))

    def _add_gap(self) -> None:
        reached = list(self._frontier)
        for _ in range(_GAP_WORDS):
            after = Node()
            for node in self._frontier:
                node.lead(ANY_WORD, after)
            self._frontier = [after]
            reached.append(after)
        self._frontier = reached

    def _add_loop(self, step: str) -> None:
        loop = Node()
        loop.lead(step, loop)
        for node in self._frontier:
            node.lead(step, loop)
        self._frontier = [*self._frontier, loop]

    def _add_choice(self, alternatives: Sequence[str]) -> Node:
        after = Node()
        for alternative in alternatives:
            if alternative.strip() == "$":
                self._end_clause()
                continue
            steps = self._steps(alternative)
            nodes = self._frontier
            for step in steps[:-1]:
                between = Node()
                for node in nodes:
                    node.lead(step, between)
                nodes = [between]
            for node in nodes:
                node.lead(steps[-1], after)
        return after

    def _steps(self, alternative: str) -> list[str]:
        steps: list[str] = []
        for word in alternative.split():
            steps.extend([self._qualify(word)] if word.startswith("<") else self._fold(word))
        if not steps:
            raise PatternError(f"nothing to match in {alternative!r}")
        return steps
