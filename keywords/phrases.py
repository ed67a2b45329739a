"""Find the phrases of all tables in a list of words.

The patterns form one automaton. Its combined states are worked out as texts need them and kept, so a word costs one
look-up once the phrase around it has been seen before. A match reaches at most `REACH` words: time stays linear in the
text, whatever the text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from keywords.folding import BOUNDARIES
from keywords.patterns import ANY_WORD, Node, Pattern

REACH = 14
# Ceilings on what is kept, about 20 MB at the very most; real traffic needs a few thousand. Words that no pattern names
# have a ceiling of their own, because there is no end to them.
_TRANSITIONS_KEPT = 100_000
_STRANGERS_KEPT = 50_000


class Found(NamedTuple):
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

    __slots__ = ("clause_ends", "elsewhere", "ends", "final", "nodes", "onward", "steps")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.ends = tuple(sorted({end for node in nodes for end in node.ends}))
        self.clause_ends = tuple(sorted({end for node in nodes for end in node.clause_ends}))
        self.final = bool(self.ends or self.clause_ends)
        self.steps = frozenset(step for node in nodes for step in node.steps)
        self.onward: dict[str, _State | None] = {}
        # Where a word leads that no pattern names here; False until it is asked for.
        self.elsewhere: _State | Literal[False] | None = False


class PhraseFinder:
    """Finds the phrases of all patterns. A pattern is built when a text first has a word that it can start with."""

    def __init__(
        self,
        patterns: Iterable[Pattern],
        classes: Mapping[str, Sequence[str]],
        fillers: frozenset[str],
        fold: Callable[[str], Sequence[str]],
    ) -> None:
        """Args: patterns: of all tables; classes: the classes each word is in; fillers: words that no clause end
        waits for; fold: folds the literal words of patterns as texts are folded.

        Raises:
            PatternError: a pattern starts with something that may be missing.
        """
        self._classes = classes
        self._fillers = fillers
        self._fold = fold
        self._states: dict[frozenset[Node], _State] = {}
        self._transitions = 0
        self._strangers = 0
        self._built: dict[Pattern, Node] = {}
        self._second_states: dict[str, _State] = {}
        members: dict[str, list[str]] = {}
        self._members = members
        for word, names in classes.items():
            for name in names:
                members.setdefault(name, []).append(word)
        self._starting: dict[str, list[Pattern]] = {}
        for pattern in patterns:
            for step in pattern.first_steps(fold):
                for word in members.get(step, ()) if step.startswith("<") else (step,):
                    self._starting.setdefault(word, []).append(pattern)
        # The words that may follow a first word; False until a text has it, None when any word may.
        self._second_words: dict[str, frozenset[str] | Literal[False] | None] = dict.fromkeys(self._starting, False)
        self._starts = self._second_words.keys()

    def find(self, words: Sequence[str]) -> list[Found]:
        """Return every phrase in `words` (folded words and boundaries), from left to right."""
        if self._starts.isdisjoint(words):
            return []
        found: list[Found] = []
        second_words = self._second_words
        last = len(words) - 1
        for place, word in enumerate(words):
            if word in second_words:
                # Most first words lead nowhere: look one word ahead before walking.
                seconds = second_words[word]
                if seconds is False:
                    seconds = self._look_ahead(word)
                if seconds is None or (place < last and words[place + 1] in seconds):
                    self._walk(words, place, self._second_states[word], found)
        return found

    def _look_ahead(self, word: str) -> frozenset[str] | None:
        """Return the words that may follow `word` in a phrase, or None when any word may or `word` is a phrase."""
        state = self._second_states[word] = self._second_state(word)
        seconds: frozenset[str] | None = None
        if not state.final and ANY_WORD not in state.steps:
            members = self._members
            seconds = frozenset(
                second for step in state.steps for second in (members.get(step, ()) if step[0] == "<" else (step,))
            )
        self._second_words[word] = seconds
        return seconds

    def _second_state(self, word: str) -> _State:
        """Return where `word` as the first word of a phrase leads; builds the patterns that can start with it."""
        for pattern in self._starting[word]:
            if pattern not in self._built:
                self._built[pattern] = pattern.build(self._fold)
        start = _State(tuple({id(node): node for node in map(self._built.get, self._starting[word]) if node}.values()))
        return self._state_after(start, (word, *self._classes.get(word, ()))) or start

    def _walk(self, words: Sequence[str], start: int, state: "_State | None", found: list[Found]) -> None:
        limit = min(len(words), start + REACH)
        place = start + 1
        while state is not None:
            if state.final:
                self._add_ended(state, words, start, place, found)
            if place >= limit or words[place] in BOUNDARIES:
                return
            word = words[place]
            state = state.onward[word] if word in state.onward else self._advance(state, word)
            place += 1

    def _advance(self, state: _State, word: str) -> "_State | None":
        steps = (word, *self._classes.get(word, ()))
        if state.steps.isdisjoint(steps):
            if state.elsewhere is False:
                state.elsewhere = self._state_after(state, ())
            if self._strangers < _STRANGERS_KEPT:
                self._strangers += 1
                state.onward[word] = state.elsewhere
            return state.elsewhere
        following = self._state_after(state, steps)
        if self._transitions < _TRANSITIONS_KEPT:
            self._transitions += 1
            state.onward[word] = following
        return following

    def _state_after(self, state: _State, steps: Sequence[str]) -> "_State | None":
        reached: set[Node] = set()
        for step in (*steps, ANY_WORD):
            for node in state.nodes:
                for target in node.steps.get(step, ()):
                    reached.add(target)
        if not reached:
            return None
        key = frozenset(reached)
        following = self._states.get(key) or _State(tuple(reached))
        if self._transitions < _TRANSITIONS_KEPT:
            self._states[key] = following
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
