"""How a text file is encoded, found in its first bytes; and the true text of cells that were read as Latin-1."""

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32", 0),
    (b"\x00\x00\xfe\xff", "utf-32", 0),
    (b"\xff\xfe", "utf-16", 0),
    (b"\xfe\xff", "utf-16", 0),
    (b"\xef\xbb\xbf", "utf-8", 3),
)
_LOOKED_AT = 1000
BYTEWISE = frozenset({"utf-8", "cp1252", "latin-1"})
"""Encodings whose files are read as Latin-1, so that every byte stays as it was."""


def encoding_of(start: bytes) -> tuple[str, int]:
    """How a file is encoded, and how many characters (read as Latin-1) are a mark of that.

    Args:
        start: its first bytes; a few megabytes, or all of it.
    """
    for mark, encoding, skip in _MARKS:
        if start.startswith(mark):
            return encoding, skip
    if wide := _wide_without_mark(start[:_LOOKED_AT]):
        return wide, 0
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start <= len(start) - 4:
            # Windows puts curly quotes and the euro where Latin-1 has nothing.
            return ("cp1252" if any(0x80 <= byte <= 0x9F for byte in start) else "latin-1"), 0
    return "utf-8", 0


def _wide_without_mark(start: bytes) -> str | None:
    even, odd = start[::2], start[1::2]
    if not odd or b"\0" not in start:
        return None
    if odd.count(0) > len(odd) // 2 and not even.count(0):
        return "utf-16-le"
    if even.count(0) > len(even) // 2 and not odd.count(0):
        return "utf-16-be"
    return None


def true_text(cell: str, encoding: str) -> str:
    """The text of a cell that was read as Latin-1.

    A file that begins as UTF-8 may have cells that are not: those are what Windows would have written.
    """
    if cell.isascii() or encoding not in {"utf-8", "cp1252"}:
        return cell
    raw = cell.encode("latin-1")
    if encoding == "utf-8":
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return raw.decode("cp1252", "replace")


def true_texts(cells: list[str], encoding: str) -> list[str]:
    """The texts of the cells of a column that was read as Latin-1."""
    if encoding not in {"utf-8", "cp1252"} or "".join(cells).isascii():
        return cells
    return [true_text(cell, encoding) for cell in cells]
