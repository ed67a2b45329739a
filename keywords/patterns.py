"""The pattern language of the phrase tables.

A pattern is words parted by spaces. `<name>` is one word of a class from the same table, `<name>*` any number of them,
`(a|b c)` a choice, `[a|b]` a choice that may be missing, `..` up to three words of any kind, `^` the start of a clause
and `$` its end (courtesy words do not count there).
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

ANY_WORD = "<>"
_GAP_WORDS = 3
_PIECES = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|(<[^<>]+>\*?)|(\.\.)|([$^])|([^\s()\[\]<>]+)")

Fold = Callable[[str], Sequence[str]]


class PatternError(ValueError):
    """A pattern in a table cannot be read; the message names it."""


class Node:
    """A place inside a pattern: where each word or class leads, and the patterns that are complete here."""

    __slots__ = ("clause_ends", "ends", "steps")

    def __init__(self) -> None:
        self.steps: dict[str, list[Node]] = {}
        self.ends: list[tuple[int, bool]] = []
        self.clause_ends: list[tuple[int, bool]] = []

    def lead(self, step: str, target: "Node") -> None:
        """Let `step` lead from here to `target`."""
        self.steps.setdefault(step, []).append(target)


class Pattern(NamedTuple):
    """A pattern of a table, not yet built.

    Args:
        text: the pattern as the table has it.
        row: number reported when it is found.
        table: code of the table, which makes its class names unique.
    """

    text: str
    row: int
    table: str

    def first_steps(self, fold: Fold) -> Sequence[str]:
        """Return the words and classes it can start with.

        Raises:
            PatternError: it may start with any word at all, so it would have to be looked for at every word.
        """
        steps: list[str] = []
        for piece in _PIECES.finditer(self.text.removeprefix("^")):
            choice, optional, word_class, _, _, word = piece.groups()
            alternatives = choice or optional or word_class or word
            if alternatives is None:
                break
            steps += (_first_step(alternative, self.table, fold) for alternative in alternatives.split("|"))
            if optional is None and not alternatives.endswith("*"):
                return steps
        raise PatternError(f"{self.text!r} may start with any word")

    def build(self, fold: Fold) -> Node:
        """Return the node where the pattern starts.

        Raises:
            PatternError: the pattern cannot be read, or would match nothing at all.
        """
        root = Node()
        _PatternBuilder(root, self.row, self.table, fold).build(self.text)
        return root


def _first_step(alternative: str, table: str, fold: Fold) -> str:
    word = alternative.split(None, 1)[0].removesuffix("*")
    return qualified(word, table) if word.startswith("<") else fold(word)[0]


def qualified(name: str, table: str) -> str:
    """Return the name of a class, "<stop>", made unique to its table."""
    return f"<{table}:{name[1:-1]}>"


class _PatternBuilder:
    def __init__(self, root: Node, row: int, table: str, fold: Fold) -> None:
        self._root = root
        self._row = row
        self._table = table
        self._fold = fold
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
            self._add_loop(qualified(word_class[:-1], self._table))
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
            steps.extend([qualified(word, self._table)] if word.startswith("<") else self._fold(word))
        if not steps:
            raise PatternError(f"nothing to match in {alternative!r}")
        return steps
