"""The project's own labelled texts keep the figures that the README promises."""

from pathlib import Path

import pytest

from bench.keywords import LabelledText, read_labelled, score, verdict
from keywords import decide

FILES = sorted(Path(__file__).with_name("data").glob("*.tsv"))
ROWS = [row for path in FILES for row in read_labelled(path)]
ENGLISH = [row for row in ROWS if row.language == "en"]


def shares(rows: list[LabelledText], label: str) -> tuple[float, float]:
    found = score(rows, [verdict(decide(row.text)) for row in rows], label)
    assert found is not None
    return found.right / found.total, (found.right + found.held) / found.total


def test_there_are_texts_to_measure() -> None:
    assert len(ROWS) > 1000
    assert len({row.language for row in ROWS}) > 25


@pytest.mark.parametrize(("rows", "least"), [(ROWS, 0.97), (ENGLISH, 0.98)])
def test_nearly_all_opt_outs_are_acted_on_or_held(rows: list[LabelledText], least: float) -> None:
    right, seen = shares(rows, "opt_out")
    assert right >= least
    assert seen >= 0.99


def test_false_alarms_are_rare() -> None:
    nones = [row for row in ROWS if row.label == "none"]
    alarms = [row.text for row in nones if verdict(decide(row.text)) == "opt_out"]
    assert len(alarms) / len(nones) <= 0.005, alarms


@pytest.mark.parametrize(("label", "least"), [("opt_in", 0.95), ("help", 0.95), ("ambiguous", 0.8)])
def test_the_other_labels_are_read_right(label: str, least: float) -> None:
    right, _ = shares(ROWS, label)
    assert right >= least
