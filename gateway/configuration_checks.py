"""Reading tables of a configuration file: every field checked, every problem collected with its place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Problems:
    """Collects what is wrong and where, so that all of it is said at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, sentence: str) -> None:
        """Note a problem."""
        self.found.append(f"{place}: {sentence}")

    def field(
        self, place: str, table: Mapping[str, Any], name: str, check: Callable[[Any], str | None], default: Any = None
    ) -> Any:
        """The value of a field, checked; its default when it is missing; says so when it is needed."""
        if name not in table:
            if default is None:
                self.add(place, f"{name} is missing.")
            return default
        problem = check(table[name])
        if problem:
            self.add(place, f"{name} {problem}.")
            return default
        return table[name]

    def unknown(self, place: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
        """Note every field that is not known."""
        for name in table:
            if name not in known:
                self.add(place, f"{name} is not known here; known are: {', '.join(known)}.")


def text(longest: int) -> Callable[[Any], str | None]:
    """A check for texts that are not empty, of so many characters at most."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str) or not value.strip():
            return "has to be a text"
        return None if len(value) <= longest else f"is longer than {longest} characters"

    return check


def one_of(values: Sequence[str]) -> Callable[[Any], str | None]:
    """A check for one of some words."""
    return lambda value: None if value in values else f"has to be one of: {', '.join(values)}"


def tables(place: str, table: Mapping[str, Any], name: str, problems: Problems) -> Sequence[Mapping[str, Any]]:
    """The tables of a list of tables; none, and a problem, when it is something else."""
    rows = table.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.add(place, f"{name} has to be a list of tables ([[...{name}]]).")
        return []
    return rows


def no_repeats(place: str, names: Sequence[str], problems: Problems) -> None:
    """Say which names are there more than once."""
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        problems.add(place, f"{name} is there more than once.")
