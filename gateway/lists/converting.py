"""Spreadsheets and JSON made into CSV, in a process of its own.

Its memory, time and output are limited: a spreadsheet of a few kilobytes can ask its reader for terabytes (one cell
in the last corner of the sheet is enough), and a reader that is refused memory ends its process. So it is not ours.
"""

import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.lists.failing import ListFileError

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
SPREADSHEETS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_REFUSED = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"7z\xbc\xaf", "an archive (7z)"),
    (b"Rar!", "an archive (RAR)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<html", "a web page"),
    (b"<!doc", "a web page"),
    (b"<table", "a web page"),
    (b"<?xml", "an XML file"),
)
_MOST_UNPACKED = 4_000_000_000
_TIMEOUT = 600
_KNOWN_END = 3


def has_to_be_converted(path: Path) -> bool:
    """True for spreadsheets and JSON, as seen from what is in the file.

    Raises:
        ListFileError: it is neither that nor text.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if start[:4] == _ZIP:
        if path.suffix.lower() not in SPREADSHEETS and not _is_spreadsheet(path):
            raise ListFileError(f"{path.name} is a spreadsheet or an archive: give it its true ending (.xlsx).")
        return True
    if start[:4] == _OLE:
        return True
    begin = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, what in _REFUSED:
        if start[: len(magic)] == magic or begin[: len(magic)].lower() == magic:
            raise ListFileError(f"{path.name} is {what}. Save the list as CSV or as a spreadsheet.")
    return begin[:1] in {b"{", b"["}


def _is_spreadsheet(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, RuntimeError):
        return False
    return "content.xml" in names or any(name.startswith("xl/workbook.") for name in names)


@contextmanager
def converted(path: Path) -> Iterator[Path]:
    """The file as CSV, for as long as the context is open; whoever opens it may read on afterwards.

    Raises:
        ListFileError: it cannot be read; the text says why.
    """
    _refuse_bomb(path)
    with tempfile.TemporaryDirectory(prefix="stopgate-") as folder:
        target = Path(folder) / "list.csv"
        command = [sys.executable, "-m", "gateway.lists.conversion", str(path.resolve()), str(target)]
        # Nothing of our environment: it has secrets, and reading a file needs none. Its crash report is nobody's news.
        environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        try:
            done = subprocess.run(  # noqa: S603 (our own module)
                command, capture_output=True, timeout=_TIMEOUT, check=False, env=environment, cwd=folder
            )
        except subprocess.TimeoutExpired:
            raise ListFileError(f"{path.name} cannot be read: it takes longer than ten minutes.") from None
        if done.returncode == _KNOWN_END:
            said = done.stdout.decode("utf-8", "replace").strip()
            raise ListFileError(f"{path.name} cannot be read: {said}")
        if done.returncode:
            raise ListFileError(f"{path.name} cannot be read: {_reason(done.returncode)}")
        if not target.stat().st_size:
            raise ListFileError(f"{path.name} has no rows in its first sheet.")
        yield target


def _reason(code: int) -> str:
    if code == -signal.SIGXFSZ:
        return "it holds far more than its size says. Save the list as CSV."
    if code == -signal.SIGXCPU:
        return "it takes too long. Save the list as CSV."
    return "it needs more memory than a list may. Delete what is not part of the list, or save it as CSV."


def _refuse_bomb(path: Path) -> None:
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise ListFileError(f"{path.name} cannot be read: {error}.") from None
    if unpacked > _MOST_UNPACKED:
        raise ListFileError(f"{path.name} would unpack to {unpacked / 1e9:.1f} GB.")
