"""Files that were uploaded and wait for a person who says what their columns are: the steps before a dry run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.errors import NotAllowed
from gateway.import_jobs import ImportJobs, refuse_too_large
from gateway.import_previews import Preview, preview_of
from gateway.lists.columns import guess, listed
from gateway.lists.converting import has_to_be_converted
from gateway.lists.reading import DELIMITERS, ListFileError
from gateway.lists.targets import CONTACTS
from gateway.normalising import Normaliser
from gateway.uploads import uploaded_file
from store import Store
from store.directory import Account
from store.imports import ImportRecord
from store.uploads import KEPT, Upload

UNDECIDED_FOR = timedelta(days=2)
"""How long a file is kept that nobody has tried."""

_PHONES = {"phone", "primary_phone"}
_NO_LONGER_KEPT = "The uploaded file is no longer kept. Upload it again."


@dataclass(frozen=True, slots=True)
class How:
    """How a file is to be read, as far as the uploader said it; see gateway.import_previews.preview_of."""

    mapping: Mapping[str, str] | None = None
    country: str = ""
    delimiter: str = ""
    date_order: str = ""
    timezone: str = "UTC"


class ImportUploads:
    """Uploaded files that are no imports yet."""

    def __init__(self, store: Store, new_id: Callable[[], str], jobs: ImportJobs) -> None:
        self._store = store
        self._new_id = new_id
        self._jobs = jobs

    def keep(self, account: Account, path: Path, *, kind: str, name: str, actor: str) -> Upload:
        """Keep a file that can become an import.

        Args:
            account: whose list it is.
            path: the file; it may go away afterwards.
            kind: what it is a list of.
            name: the file's name, for people.
            actor: who uploads it.

        Raises:
            ListFileError: it is empty, too large, no list, or no column has anything like a number.
            StoreError: nothing was kept.
        """
        if not path.stat().st_size:
            raise ListFileError(f"{name} is empty.")
        refuse_too_large(path, name)
        found, delimiter = _look_at_once(path, name, kind, account.default_country)
        if not found.rows:
            raise ListFileError(f"{name} has a header and no rows.")
        upload_id = self._new_id()
        with path.open("rb") as file:
            parts = self._store.uploads.keep(upload_id, file)
        upload = Upload(upload_id, account.id, name, kind, parts, actor, delimiter)
        self._store.uploads.describe(upload, UNDECIDED_FOR)
        return upload

    def get(self, account: Account, upload_id: str) -> Upload:
        """A file of the account. Raises NotAllowed: not_found; StoreError."""
        upload = self._store.uploads.get(upload_id)
        if upload is None or upload.account != account.id:
            raise NotAllowed("not_found", _NO_LONGER_KEPT)
        return upload

    def look(self, upload: Upload, how: How) -> Preview:
        """What is in a file.

        Raises:
            NotAllowed: not_found, when it is no longer kept.
            ListFileError: it cannot be read in this way.
            StoreError: the store did not answer.
        """
        try:
            with uploaded_file(self._store, upload.reference, upload.name, beginning=True) as path:
                return look_at(path, upload.name, upload.kind, how)
        except KeyError:
            raise NotAllowed("not_found", _NO_LONGER_KEPT) from None

    def try_out(self, account: Account, upload: Upload, *, actor: str, **wishes: Any) -> ImportRecord:
        """Have a worker say what would come of each row. wishes: see gateway.imports.Imports.order.

        Raises:
            NotAllowed: not_found, or see gateway.imports.Imports.refuse_impossible.
            ListFileError: the file cannot be used so.
            StoreError: nothing was begun.
        """
        self._store.uploads.describe(upload, KEPT)
        try:
            with uploaded_file(self._store, upload.reference, upload.name) as path:
                return self._jobs.submit(
                    account, path, actor=actor, name=upload.name, kind=upload.kind,
                    upload=upload.reference, dry_run=True, **wishes,
                )  # fmt: skip
        except KeyError:
            raise NotAllowed("not_found", _NO_LONGER_KEPT) from None


def _look_at_once(path: Path, name: str, kind: str, country: str) -> tuple[Preview, str]:
    """What is in a file, and the delimiter by which it is a list, when that is not the one of its first row."""
    try:
        return look_at(path, name, kind, How(country=country)), ""
    except ListFileError as error:
        for delimiter in DELIMITERS if not has_to_be_converted(path) else ():
            try:
                return look_at(path, name, kind, How(country=country, delimiter=delimiter)), delimiter
            except ListFileError:
                continue
        raise error from None


def look_at(path: Path, name: str, kind: str, how: How) -> Preview:
    """What is in a file; when no header says so, the column with the most numbers is taken for the phone.

    Raises:
        ListFileError: it cannot be read, or no column has anything like a number.
    """
    found = _preview(path, kind, how)
    if how.mapping or _PHONES & set(found.targets) or (kind == CONTACTS and "contact_id" in found.targets):
        return found
    numbers = _numbers(found.samples, Normaliser(how.country or None))
    if not any(numbers):
        raise ListFileError(
            f"No column of {name} has phone numbers; its columns are: {listed(found.header)}. The numbers have to "
            "be in one column, one in each row."
        )
    targets = list(guess(found.header, Normaliser(how.country or None), kind).targets)
    targets[numbers.index(max(numbers))] = "phone"
    mapping = {f"#{place}": target for place, target in enumerate(targets, 1)}
    return _preview(path, kind, How(mapping, how.country, how.delimiter, how.date_order, how.timezone))


def _preview(path: Path, kind: str, how: How) -> Preview:
    return preview_of(
        path,
        kind=kind,
        country=how.country,
        mapping=how.mapping,
        delimiter=how.delimiter,
        date_order=how.date_order,
        timezone=how.timezone,
    )


def _numbers(samples: Sequence[Sequence[str]], normaliser: Normaliser) -> list[int]:
    """How many of the first cells of each column are numbers."""
    return [sum(number[0] == "+" for number in normaliser.column(list(cells))) for cells in samples]
