"""Score the keyword engine on labelled texts and on ham, and time it: `python -m bench.keywords --help`.

Formats (those of ../shared/corpora): a labelled file has tab-separated columns label, text, language, source, category
after a header row, with `#` comments before it and texts escaped as in a JSON string; a ham file has one text a line,
in each of which an opt-out found is a false alarm.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keywords import Action, Decision, decide, explain_rule, fold

LABELS = ("opt_out", "opt_in", "help", "none", "ambiguous")
DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "corpora"
TIMED_LENGTH = 160
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One row of a labelled file."""

    label: str
    text: str
    language: str
    category: str

    @property
    def half(self) -> str:
        """A or B, by a hash of the text: the same on every machine and whatever rows come or go."""
        return "AB"[hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()[0] % 2]


class FileError(Exception):
    """A file that cannot be scored; the message says which and why."""


def read_labelled(path: Path) -> list[LabelledText]:
    """Return the rows of a labelled file. Raises FileError when it is missing or a row is malformed."""
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split("\t")
        if line.startswith("#") or not line or fields[0] == "label":
            continue
        if len(fields) < 5 or fields[0] not in LABELS:
            raise FileError(f"{path}, line {number}: five columns and one of the labels {', '.join(LABELS)} expected")
        try:
            text = json.loads('"' + fields[1].replace('"', '\\"') + '"')
        except ValueError as error:
            raise FileError(f"{path}, line {number}: the text is not escaped as in a JSON string ({error})") from error
        rows.append(LabelledText(fields[0], text, fields[2], fields[4]))
    if not rows:
        raise FileError(f"{path} has no labelled rows")
    return rows


def read_ham(path: Path) -> list[str]:
    """Return the lines of a ham file. Raises FileError when it is missing or empty."""
    lines = [line for line in _lines(path) if line]
    if not lines:
        raise FileError(f"{path} is empty")
    return lines


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error


def verdict(decision: Decision) -> str:
    """Return what is done with a text: its action, or "held"."""
    return "held" if decision.held else decision.action.value


@dataclass(frozen=True, slots=True)
class Score:
    """How often the texts of one label were read right."""

    total: int
    right: int
    held: int

    def line(self, name: str) -> str:
        """Return one line of the report."""
        return (
            f"  {name:32} {self.total:5}   right {self.right / self.total:7.1%}   "
            f"held {self.held / self.total:7.1%}   right or held {(self.right + self.held) / self.total:7.1%}"
        )


def score(rows: Sequence[LabelledText], verdicts: Sequence[str], label: str) -> Score | None:
    """Return the score of the rows with `label`; "right" for an ambiguous row is held. None when there are none."""
    found = [(row, got) for row, got in zip(rows, verdicts, strict=True) if row.label == label]
    if not found:
        return None
    expected = "held" if label == "ambiguous" else label
    right = sum(got == expected for _, got in found)
    held = 0 if label == "ambiguous" else sum(got == "held" for _, got in found)
    return Score(len(found), right, held)


def report_labelled(path: Path, *, errors: bool) -> None:
    """Print the scores of one labelled file."""
    rows = read_labelled(path)
    decisions = [decide(row.text) for row in rows]
    print(f"\n{path} ({len(rows)} texts)")
    for title, chosen in _selections(rows):
        picked = [(row, verdict(decision)) for row, decision in zip(rows, decisions, strict=True) if chosen(row)]
        _print_labels(title, [row for row, _ in picked], [got for _, got in picked])
    for attribute in ("category", "language"):
        _print_groups(attribute, rows, [verdict(decision) for decision in decisions])
    if errors:
        _print_errors(rows, decisions)


def _selections(rows: Sequence[LabelledText]) -> list[tuple[str, Callable[[LabelledText], bool]]]:
    selections: list[tuple[str, Callable[[LabelledText], bool]]] = [
        ("all", lambda row: True),
        ("English", lambda row: row.language == "en"),
        ("half A", lambda row: row.half == "A"),
        ("half B", lambda row: row.half == "B"),
    ]
    return [(title, chosen) for title, chosen in selections if any(chosen(row) for row in rows)]


def _print_labels(title: str, rows: Sequence[LabelledText], verdicts: Sequence[str]) -> None:
    print(f" {title}")
    for label in LABELS:
        found = score(rows, verdicts, label)
        if found is not None:
            print(found.line(label))
    acted = sum(row.label == "none" and got == "opt_out" for row, got in zip(rows, verdicts, strict=True))
    nones = sum(row.label == "none" for row in rows)
    if nones:
        print(f"  {'false alarms (none -> opt_out)':32} {acted:5} of {nones} ({acted / nones:.2%})")


def _print_groups(attribute: str, rows: Sequence[LabelledText], verdicts: Sequence[str]) -> None:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for row, got in zip(rows, verdicts, strict=True):
        if row.label == "opt_out":
            groups[getattr(row, attribute)]["total"] += 1
            groups[getattr(row, attribute)][got] += 1
        elif row.label == "none" and got == "opt_out":
            groups[getattr(row, attribute)]["false"] += 1
    print(f" opt-outs by {attribute}: texts, acted on, held, missed; false alarms")
    for name, counts in sorted(groups.items()):
        missed = counts["total"] - counts["opt_out"] - counts["held"]
        print(
            f"  {name:32} {counts['total']:5} {counts['opt_out']:5} {counts['held']:5} {missed:5}   {counts['false']:5}"
        )


def _print_errors(rows: Sequence[LabelledText], decisions: Sequence[Decision]) -> None:
    print(" read otherwise than labelled: label -> got, language, text, rule, matched")
    for row, decision in zip(rows, decisions, strict=True):
        got = verdict(decision)
        if got != ("held" if row.label == "ambiguous" else row.label):
            print(f"  {row.label} -> {got}  [{row.language}] {row.text!r}  {decision.rule}  {decision.matched!r}")


def report_ham(path: Path, *, errors: bool) -> None:
    """Print how many lines of a ham file were read as opt-outs."""
    lines = read_ham(path)
    found = [(line, decide(line)) for line in lines]
    acted = [(line, decision) for line, decision in found if decision.acts and decision.action is Action.OPT_OUT]
    held = [(line, decision) for line, decision in found if decision.held]
    print(f"\n{path} ({len(lines)} lines)")
    print(f"  false alarms {len(acted)} (1 in {len(lines) // max(1, len(acted)):,})   held {len(held)}")
    for line, decision in [*acted, *(held if errors else ())]:
        print(f"  {verdict(decision)}: {line[:120]!r}  {decision.rule}  {decision.matched!r}")


def report_times(texts: Iterable[str]) -> None:
    """Print microseconds per decision, warm and for the first time, and what importing and the first decision take."""
    short = [text for text in texts if len(text) <= TIMED_LENGTH]
    if short:
        rounds = [[_time(text) for text in short] for _ in range(ROUNDS)]
        print(f"\nPer decision, {len(short)} texts up to {TIMED_LENGTH} characters:")
        print(f"  {_spread([min(runs) for runs in zip(*rounds, strict=True)])}   best of {ROUNDS} for each text")
        print(f"  {_spread([run for runs in rounds for run in runs])}   every run, with whatever else the machine did")
    imports, first = _import_times()
    print(f"  import {imports:.1f} ms   first decision {first:.1f} ms (fresh interpreter, best of 5)")


def _spread(times: Sequence[int]) -> str:
    ordered = sorted(times)
    median, tail = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"median {median / 1000:.1f} µs   p99 {tail / 1000:.1f} µs"


def _time(text: str) -> int:
    start = time.perf_counter_ns()
    decide(text)
    return time.perf_counter_ns() - start


def _import_times() -> tuple[float, float]:
    code = (
        "import time; a = time.perf_counter(); import keywords; b = time.perf_counter(); keywords.decide('hello');"
        "print(b - a, time.perf_counter() - b)"
    )
    root = Path(__file__).resolve().parents[1]
    # An installed package has its bytecode: let the first run write it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    runs = []
    for _ in range(5):
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=environment
        )
        runs.append([float(part) * 1000 for part in ran.stdout.split()])
    return min(run[0] for run in runs), min(run[1] for run in runs)


def fuzz(seconds: float, seed: int, texts: Sequence[str]) -> int:
    """Feed made-up texts to the engine for `seconds`; print and return how many broke a promise."""
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    tried = broken = 0
    while time.monotonic() < until:
        text = _made_up(chance, texts)
        tried += 1
        fault = _fault(text)
        if fault:
            broken += 1
            print(f"  {fault}: {text!r}")
    print(f"\nFuzz: {tried:,} texts in {seconds:g} s (seed {seed}), {broken} broke a promise")
    return broken


def _made_up(chance: random.Random, texts: Sequence[str]) -> str:
    """Return a text put together from real ones, odd characters and nonsense."""
    pieces = []
    for _ in range(chance.randint(1, 6)):
        kind = chance.randrange(4)
        if kind == 0:
            pieces.append(chance.choice(texts))
        elif kind == 1:
            pieces.append("".join(chr(_code_point(chance)) for _ in range(chance.randint(1, 12))))
        elif kind == 2:
            pieces.append(chance.choice(("\u200b", "“", "”", "\n> ", "\nSent from my ", "(Sent with ", "Re: ", "\x00")))
        else:
            text = chance.choice(texts)
            cut = chance.randrange(len(text) + 1)
            pieces.append(text[cut:] + text[:cut])
    return chance.choice(("", " ", "\n")).join(pieces)


def _code_point(chance: random.Random) -> int:
    return chance.choice((chance.randrange(0x250), chance.randrange(0x3000), chance.randrange(0x110000)))


def _fault(text: str) -> str:
    """Return which promise `text` breaks, or ""."""
    try:
        decision = decide(text)
        folded = fold(text)
        if fold(folded) != folded:
            return "folding is not idempotent"
        if decision.span is not None and text[slice(*decision.span)] != decision.matched:
            return "the span is not where the match is"
        explain_rule(decision.rule)
        if not decision.explanation.endswith("."):
            return "the explanation is no sentence"
    except Exception as error:  # any exception at all is what is looked for
        return f"{type(error).__name__}: {error}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench. Returns the exit code: 1 when a fuzzed text broke a promise, 2 when a file cannot be scored."""
    parser = argparse.ArgumentParser(prog="python -m bench.keywords", description=__doc__)
    parser.add_argument("--labelled", type=Path, nargs="*", default=None, metavar="FILE")
    parser.add_argument("--ham", type=Path, nargs="*", default=None, metavar="FILE")
    parser.add_argument("--errors", action="store_true", help="list the texts read otherwise than labelled")
    parser.add_argument("--fuzz", type=float, default=0, metavar="SECONDS", help="fuzz the engine for so long")
    parser.add_argument("--seed", type=int, default=1, help="seed of the fuzz run")
    options = parser.parse_args(arguments)
    labelled, ham = options.labelled, options.ham
    if labelled is None and ham is None:
        labelled = sorted(DEFAULT_FOLDER.glob("*.tsv"))
        ham = sorted(DEFAULT_FOLDER.glob("ham*.txt"))
    if not labelled and not ham:
        print(
            f"Nothing to score: give --labelled FILE or --ham FILE (none found in {DEFAULT_FOLDER}).", file=sys.stderr
        )
        return 2
    try:
        return _run(labelled or [], ham or [], options)
    except FileError as error:
        print(f"Cannot score: {error}.", file=sys.stderr)
        return 2


def _run(labelled: Sequence[Path], ham: Sequence[Path], options: argparse.Namespace) -> int:
    texts = [row.text for path in labelled for row in read_labelled(path)]
    texts += (line for path in ham for line in read_ham(path))
    for path in labelled:
        report_labelled(path, errors=options.errors)
    for path in ham:
        report_ham(path, errors=options.errors)
    report_times(texts)
    broken = fuzz(options.fuzz, options.seed, texts) if options.fuzz else 0
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
