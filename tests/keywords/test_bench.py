"""The bench says what it cannot score, and scores what it can."""

from pathlib import Path

import pytest

from bench import keywords as bench

HEADER = "label\ttext\tlanguage\tsource\tcategory\n"


def labelled(folder: Path, rows: str) -> Path:
    path = folder / "rows.tsv"
    path.write_text("# a comment\n" + HEADER + rows, encoding="utf-8")
    return path


def test_it_scores_a_labelled_file_and_a_ham_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = labelled(
        tmp_path,
        "opt_out\tSTOP\\u200b\ten\thand\tkw\nnone\tstop by\ten\thand\tneg\nambiguous\t\\ud83d\\uded1\tund\thand\tx\n",
    )
    ham = tmp_path / "ham.txt"
    ham.write_text("hello there\nstop texting me\n", encoding="utf-8")
    assert bench.main(["--labelled", str(rows), "--ham", str(ham), "--errors", "--fuzz", "0.05"]) == 0
    printed = capsys.readouterr().out
    assert "right  100.0%" in printed
    assert "false alarms 1 (1 in 2)" in printed
    assert "median" in printed
    assert "import" in printed
    assert "0 broke a promise" in printed


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("opt_out\tSTOP\n", "line 3: five columns"),
        ("leave\tSTOP\ten\thand\tx\n", "one of the labels"),
        ("opt_out\tST\\OP\ten\thand\tx\n", "not escaped"),
        ("", "has no labelled rows"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    path = labelled(tmp_path, rows)
    assert bench.main(["--labelled", str(path)]) == 2
    printed = capsys.readouterr().err
    assert str(path) in printed
    assert message in printed


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--ham", str(tmp_path / "nowhere.txt")]) == 2
    assert "nowhere.txt cannot be read" in capsys.readouterr().err


def test_a_file_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ham.txt"
    path.write_bytes(b"\xff\xfe\x00")
    assert bench.main(["--ham", str(path)]) == 2
    assert "not UTF-8" in capsys.readouterr().err


def test_without_files_it_says_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "DEFAULT_FOLDER", tmp_path)
    assert bench.main([]) == 2
    assert "give --labelled FILE or --ham FILE" in capsys.readouterr().err
