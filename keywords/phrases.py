"""Find the phrases of all tables in a list of words.

The patterns form one automaton. Its combined states are worked out as texts need them and kept, so a word costs one
look-up once the phrase around it has been seen before. A match reaches at most `REACH` words: time stays linear in the
text, whatever the text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keywords.folding import BOUNDARIES
from keywords.patterns import ANY_WORD, Node

REACH = 14
_TRANSITIONS_KEPT = 100_000  # about 20 MB at the very most; real traffic needs a few thousand
_UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase that stands in the text: which row, from which word up to (not including) which word."""

    row: int
    start: int
    end: int

    def covers(self, other: "Found") -> bool:
        """Tell whether this phrase reaches over the whole of `other` and further."""
        within = self.start <= other.start and self.end >= other.end
        return within and self.end - self.start > other.end - other.start

    def touches(self, other: "Found") -> bool:
        """Tell whether the two phrases share a word."""
        return self.start < other.end and other.start < self.end


class _State:
    """A set of places in patterns, and where each word leads from there."""

    __slots__ = ("clause_ends", "ends", "final", "nodes", "onward")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.ends = tuple({end for node in nodes for end in node.ends})
        self.clause_ends = tuple({end for node in nodes for end in node.clause_ends})
        self.final = bool(self.ends or self.clause_ends)
        self.onward: dict[str, _State | None] = {}


class PhraseFinder:
    """Finds every phrase below `root` in a text."""

    def __init__(self, root: Node, classes: Mapping[str, Sequence[str]], fillers: frozenset[str]) -> None:
        """Args: root: all patterns; classes: the classes each word is in; fillers: words no clause end waits for."""
        self._classes = classes
        self._fillers = fillers
        self._known = self._vocabulary(root)
        self._states: dict[frozenset[int], _State] = {}
        self._transitions = 0
        root_state = _State((root,))
        members: dict[str, list[str]] = {}
        for word, names in classes.items():
            for name in names:
                members.setdefault(name, []).append(word)
        self.starts = frozenset(
            word for step in root.steps for word in (members.get(step, ()) if step.startswith("<") else (step,))
        )
        self._beginnings: dict[str, _State] = {}
        for word in self.starts:
            state = self._advance(root_state, word)
            if state is not None:
                self._beginnings[word] = state

    def _vocabulary(self, root: Node) -> frozenset[str]:
        words = set(self._classes)
        seen = {id(root)}
        queue = [root]
        for node in queue:  # grows while it is walked
            words.update(node.steps)
            for targets in node.steps.values():
                for target in targets:
                    if id(target) not in seen:
                        seen.add(id(target))
                        queue.append(target)
        return frozenset(words)

    def find(self, words: Sequence[str]) -> list[Found]:
        """Return every phrase in `words` (folded words and boundaries), from left to right."""
        if self.starts.isdisjoint(words):
            return []
        found: list[Found] = []
        beginnings = self._beginnings
        last = len(words) - 1
        for place, word in enumerate(words):
            state = beginnings.get(word)
            if state is None:
                continue
            # Most first words lead nowhere: look one word ahead before walking.
            if not state.final and place < last and state.onward.get(words[place + 1], state) is None:
                continue
            self._walk(words, place, state, found)
        return found

    def _walk(self, words: Sequence[str], start: int, state: "_State | None", found: list[Found]) -> None:
        known = self._known
        limit = min(len(words), start + REACH)
        place = start + 1
        while state is not None:
            if state.final:
                self._add_ended(state, words, start, place, found)
            if place >= limit or words[place] in BOUNDARIES:
                return
            word = words[place] if words[place] in known else _UNKNOWN
            state = state.onward[word] if word in state.onward else self._advance(state, word)
            place += 1

    def _advance(self, state: _State, word: str) -> "_State | None":
        reached: dict[int, Node] = {}
        for step in (word, ANY_WORD, *self._classes.get(word, ())):
            for node in state.nodes:
                for target in node.steps.get(step, ()):
                    reached[id(target)] = target
        following: _State | None = None
        if reached:
            key = frozenset(reached)
            following = self._states.get(key) or _State(tuple(reached.values()))
            if self._transitions < _TRANSITIONS_KEPT:
                self._states[key] = following
        if self._transitions < _TRANSITIONS_KEPT:
            self._transitions += 1
            state.onward[word] = following
        return following

    def _add_ended(self, state: _State, words: Sequence[str], start: int, place: int, found: list[Found]) -> None:
        clause_ends = state.clause_ends and self.ends_clause(words, place)
        for row, anchored in (*state.ends, *state.clause_ends) if clause_ends else state.ends:
            if not anchored or self.starts_clause(words, start):
                found.append(Found(row, start, place))

    def ends_clause(self, words: Sequence[str], place: int) -> bool:
        """Tell whether nothing but courtesy stands between `place` and the end of its clause."""
        for word in words[place : place + REACH]:
            if word in BOUNDARIES:
                return True
            if word not in self._fillers:
                return False
        return len(words) <= place + REACH

    def starts_clause(self, words: Sequence[str], place: int) -> bool:
        """Tell whether nothing but courtesy stands between the start of its clause and `place`."""
        for back in range(place - 1, max(-1, place - REACH), -1):
            if words[back] in BOUNDARIES:
                return True
            if words[back] not in self._fillers:
                return False
        return place < REACH
