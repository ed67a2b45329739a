"""Files to measure with: a list as a texting product exports it."""

import random
from collections.abc import Sequence
from pathlib import Path

HEADER = ("First Name", "Last Name", "Phone", "Email", "Opt Out Date", "City")


def written(number: str, rng: random.Random) -> str:
    """A number as files have it: mostly E.164, some punctuated or bare, a few that are none."""
    national = number[2:]
    chance = rng.random()
    if chance < 0.60:
        return number
    if chance < 0.85:
        return f"({national[:3]}) {national[3:6]}-{national[6:]}"
    if chance < 0.95:
        return national
    return f"1-{national[:3]}-{national[3:6]}-{national[6:]}" if chance < 0.98 else rng.choice(("n/a", "", "12345"))


def rows_of(numbers: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows with names and other columns that nobody needs."""
    rng = random.Random(4)
    return [
        (
            f"First{index % 999}",
            f"Last{index}",
            written(number, rng),
            f"person{index}@example.com",
            f"{2020 + index % 5}-{index % 12 + 1:02d}-{index % 28 + 1:02d}",
            "Springfield",
        )
        for index, number in enumerate(numbers)
    ]


def write_csv(path: Path, numbers: Sequence[str]) -> None:
    """Write a CSV file with these numbers."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(row) + "\n" for row in rows_of(numbers))
