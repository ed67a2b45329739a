"""Uploaded files as files: put together again from the parts that the store keeps."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.lists.converting import has_to_be_converted
from store import Store

# Bytes; file systems take 255.
_LONGEST_NAME = 200
# The first rows of a text file, and what tells its encoding, are in these.
_PARTS_OF_BEGINNING = 5


def path_in(folder: str, name: str) -> Path:
    """Where an uploaded file is put while it is read: under its own name, since errors tell it.

    Args:
        folder: one of its own.
        name: as whoever sent it calls it; what no file system takes of it is left out.
    """
    shown = "".join(character for character in name if character.isprintable() and character not in "/\\")
    fitting = shown.encode("utf-8", "ignore")[-_LONGEST_NAME:].decode("utf-8", "ignore")
    return Path(folder) / (fitting if fitting.strip(". ") else "list")


@contextmanager
def uploaded_file(store: Store, reference: str, name: str, *, beginning: bool = False) -> Iterator[Path]:
    """An uploaded file on disk, for as long as the context is open.

    Args:
        store: keeps it.
        reference: "id:parts", as orders of imports have it.
        name: the file's; its ending says what a spreadsheet is.
        beginning: a look at its first rows is all that is wanted. A spreadsheet is there as a whole even then.

    Raises:
        KeyError: it is no longer kept.
        ListFileError: its beginning says that it is no list.
        StoreError: the store did not answer.
    """
    upload, _, parts = reference.partition(":")
    with tempfile.TemporaryDirectory(prefix="stopgate-") as folder:
        path = path_in(folder, name)
        with path.open("wb") as file:
            for number, data in enumerate(store.uploads.parts(upload, int(parts or 0)), 1):
                file.write(data)
                if beginning and number == _PARTS_OF_BEGINNING:
                    file.flush()
                    if not has_to_be_converted(path):
                        break
        if not upload:
            raise KeyError(upload)
        yield path
