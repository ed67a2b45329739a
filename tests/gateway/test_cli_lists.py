"""Lists on the command line and uploaded ones: where a result goes, and what is said of files that are no lists."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.services import Services
from tests.gateway.conftest import Upload

BINARY = b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 4


@pytest.fixture
def run(services: Services, environment: dict[str, str]) -> Callable[..., Result]:
    """Run `stopgate` on the test's store, as if in a folder."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(main, [*arguments, "--account", "acme"], env=environment)


def test_a_scrubbed_list_goes_to_standard_output_and_the_summary_does_not(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.csv").write_bytes("naïve;phone\r\né;4155550100\r\nx;nobody\r\n".encode("cp1252"))
    done = run("scrub", "list.csv", "-")
    assert done.exit_code == 0, done.output
    assert done.stdout_bytes.decode("cp1252") == (
        "naïve;phone;allowed;reason\r\né;4155550100;yes;\r\nx;nobody;no;invalid (letters)\r\n"
    )
    assert "Scrubbed: 2 rows" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["list.csv"]


def test_a_file_with_invalid_rows_is_imported_and_the_exit_code_says_that_it_was(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("phone\nnobody\n4155550100\n", encoding="utf-8")
    done = run("import", str(path))
    assert (done.exit_code, "Imported: 2 rows" in done.stderr) == (0, True)
    path.write_bytes(BINARY)
    assert run("import", str(path)).exit_code == 1


@pytest.mark.parametrize("command", [("import",), ("scrub",)])
def test_a_binary_file_is_called_that_and_its_bytes_stay_out_of_the_error(
    run: Callable[..., Result], tmp_path: Path, command: tuple[str]
) -> None:
    path = tmp_path / "photo.csv"
    path.write_bytes(BINARY)
    done = run(*command, str(path), *(["-"] if command == ("scrub",) else []))
    assert done.stderr == "photo.csv is no text file. Save the list as CSV or as a spreadsheet.\n"
    assert done.exit_code == 1


def test_columns_without_a_number_are_named_as_far_as_people_read(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["x" * 500, *(f"c{index}" for index in range(400))]) + "\n", encoding="utf-8")
    said = run("import", str(path)).stderr
    assert "c28 and 371 more" in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kunden märz.csv", "kunden märz.csv"),
        ("../../etc/kunden.csv", "kunden.csv"),
        ("C:\\lists\\kunden.csv", "kunden.csv"),
        ("é" * 300 + ".csv", ".csv"),
        ("kun\tden.csv", "kunden.csv"),
        ("..", "list"),
    ],
)
def test_an_uploaded_file_is_called_by_its_own_name(upload: Upload, name: str, said: str) -> None:
    for content, problem in ((BINARY, "is no text file"), (b"", "is empty"), (b"a\n", "")):
        status, answer = upload(content, name=name, kind="opt_outs")
        assert (status, answer["code"]) == (422, "unusable_file")
        assert f"{said} {problem}" in answer["detail"] or not problem
