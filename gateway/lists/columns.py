"""Which column is what: guessed from the header, or from what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.lists.reading import ListFileError, Table
from gateway.normalising import Normaliser
from gateway.phone import NumberProblem

# Headers as exports of texting products have them (reference/seed-checklist.md 1f), letters and digits only.
_PHONE = (
    *("phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "primaryphone", "number"),
    *("telephone", "tel", "msisdn", "contactnumber", "recipient", "destination", "to", "from", "address"),
)
_OPTED_OUT_AT = (
    *("optedoutat", "optoutdate", "optedoutdate", "optoutat", "optouttime", "unsubscribedat", "unsubscribedate"),
    *("dateoptedout", "since", "date", "dateadded", "timestamp", "time", "datetime", "createdat", "created"),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where to look in a row. opted_out_at: None when no column says it. has_header: the first row is no data."""

    phone: int
    opted_out_at: int | None = None
    has_header: bool = True


def folded(header: str) -> str:
    """A header for comparing: its letters and digits, lower case."""
    return "".join(character for character in header.casefold() if character.isalnum())


def guess_columns(
    table: Table, normaliser: Normaliser, *, phone: str | None = None, opted_out_at: str | None = None
) -> Columns:
    """The columns of a table.

    Args:
        table: its header is looked at.
        normaliser: tells numbers from other things, in a file without a header.
        phone, opted_out_at: headers that were named by the caller, instead of guessing.

    Raises:
        ListFileError: no column holds numbers, or a column that was named is not there.
    """
    names = [folded(name) for name in table.header]
    numbers = [index for index, cell in enumerate(table.header) if not isinstance(normaliser.one(cell), NumberProblem)]
    if numbers and phone is None and opted_out_at is None:
        return Columns(numbers[0], None, has_header=False)
    phone_at = _named(table, names, phone) if phone else _first(names, _PHONE, suffix="phone")
    if phone_at is None:
        raise ListFileError(
            "No column is called phone. Say which one has the numbers; there are: " + ", ".join(table.header)
        )
    return Columns(phone_at, _named(table, names, opted_out_at) if opted_out_at else _first(names, _OPTED_OUT_AT))


def _named(table: Table, names: Sequence[str], wanted: str) -> int:
    if folded(wanted) not in names:
        raise ListFileError(f"There is no column {wanted!r}; there are: {', '.join(table.header)}")
    return names.index(folded(wanted))


def _first(names: Sequence[str], known: Sequence[str], suffix: str = "") -> int | None:
    for name in known:
        if name in names:
            return names.index(name)
    return next((index for index, name in enumerate(names) if suffix and name.endswith(suffix)), None)
