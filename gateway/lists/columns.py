"""Which column is what: as the uploader says, or guessed from the header, or from what is in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.lists.formats import Format, format_of
from gateway.lists.reading import ListFileError, Table
from gateway.lists.targets import (
    CONTACTS,
    IGNORE,
    MOST_PROPERTIES,
    OPT_OUTS,
    PROPERTY,
    TARGETS,
    folded,
    is_target,
)
from gateway.normalising import Normaliser
from gateway.phone import NumberProblem

_PLACE = re.compile(r"#[0-9]{1,4}")
# Of the columns of a list an error names so many, each with so many characters.
_NAMED, _LONGEST_NAMED = 30, 60
_SINGLE = ("opted_out_at", "channel", "first_name", "last_name", "contact_id")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where to look in a row; None when no column says it.

    phone: the number; for contacts the one that is used first. opted_out: whether the row is an opt-out at all.
    only: the values (folded) that `opted_out` has to have, for a log that holds other rows too; empty: yes and no.
    has_header: the first row is no data. properties: name -> column.
    """

    phone: int | None
    opted_out_at: int | None = None
    has_header: bool = True
    channel: int | None = None
    opted_out: int | None = None
    only: tuple[str, ...] = ()
    first_name: int | None = None
    last_name: int | None = None
    contact_id: int | None = None
    other_phones: tuple[int, ...] = ()
    properties: Mapping[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The column of the numbers, in a list that has to have one."""
        assert self.phone is not None, "columns_of refuses a list of numbers without one"
        return self.phone

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Columns":
        """The columns as JSON has them."""
        known: dict[str, Any] = dict(document)
        for name in ("only", "other_phones"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the columns of a file probably are. format: a product's export that it looks like."""

    targets: tuple[str, ...]
    has_header: bool
    format: Format | None = None


def guess(header: Sequence[str], normaliser: Normaliser, kind: str = OPT_OUTS) -> Guess:
    """What each column of a file probably is: a target field for each, in their order.

    Args:
        header: its first row.
        normaliser: tells numbers from other things, in a file without a header.
        kind: what the file is a list of.
    """
    numbers = [index for index, cell in enumerate(header) if not isinstance(normaliser.one(cell), NumberProblem)]
    if numbers:
        return Guess(
            tuple("phone" if index == numbers[0] else IGNORE for index in range(len(header))), has_header=False
        )
    known = format_of(header, kind)
    names = [folded(name) for name in header]
    found = [known.targets.get(name) if known else None for name in names]
    _once(found)
    for target in TARGETS.values():
        if kind in target.kinds and (target.many or target.name not in found):
            more = target.in_opt_outs if kind == OPT_OUTS else ()
            _fill(found, names, target.name, (*target.wordings, *more), many=target.many)
    _one_phone(found, names)
    left = [
        target or (f"{PROPERTY}{name.strip()[:60]}" if kind == CONTACTS and name.strip() else IGNORE)
        for target, name in zip(found, header, strict=True)
    ]
    return Guess(tuple(target if is_target(target) else IGNORE for target in left), has_header=True, format=known)


def _once(found: list[str | None]) -> None:
    """Of a format's columns that say the same the first one counts."""
    seen: set[str] = set()
    for index, target in enumerate(found):
        if target is not None and target in seen and not TARGETS[target].many:
            found[index] = IGNORE
        seen.add(target or "")


def _fill(found: list[str | None], names: Sequence[str], target: str, wordings: Sequence[str], *, many: bool) -> None:
    for wording in wordings:
        for index, name in enumerate(names):
            if found[index] is None and name == wording:
                found[index] = target
                if not many:
                    return


def _one_phone(found: list[str | None], names: Sequence[str]) -> None:
    """ "Primary Phone" beside "Phone" is the number; "Work phone" alone is the number too."""
    first, main = found.index("phone") if "phone" in found else None, "primary_phone" in found
    if main and first is not None:
        found[first] = None
    if not main and first is None:
        for index, name in enumerate(names):
            if found[index] in {None, "other_phone"} and name.endswith("phone"):
                found[index] = "phone"
                return


def guess_columns(
    table: Table, normaliser: Normaliser, *, phone: str | None = None, opted_out_at: str | None = None
) -> Columns:
    """The columns of a list of numbers.

    Args:
        table: its header is looked at.
        normaliser: see `guess`.
        phone, opted_out_at: headers that were named by the caller, instead of guessing.

    Raises:
        ListFileError: no column holds numbers, or a column that was named is not there.
    """
    guessed = guess(table.header, normaliser)
    named = {phone: "phone", opted_out_at: "opted_out_at"}
    mapping = {header: target for header, target in named.items() if header}
    if mapping and not guessed.has_header:
        guessed = Guess((IGNORE,) * len(table.header), has_header=True)
    return columns_of(table.header, mapping, guessed, OPT_OUTS)


def columns_of(header: Sequence[str], mapping: Mapping[str, str], guessed: Guess, kind: str) -> Columns:
    """The columns of a file as the uploader mapped them; what the mapping does not name is guessed.

    Args:
        header: the file's first row.
        mapping: header -> target field; case, spaces and punctuation of a header do not matter. "#3" is the third
            column, whatever it is called: headers may be empty, or the same twice.
        guessed: see `guess`.
        kind: what the file is a list of.

    Raises:
        ListFileError: a header is not there, a target field does not exist or stands twice, or nothing is the number.
    """
    names, targets = [folded(name) for name in header], list(guessed.targets)
    said = {_index_of(header, names, wanted): target.strip() for wanted, target in mapping.items()}
    for target in said.values():
        _refuse_unknown(target, kind)
    given = set(said.values()) | ({"phone", "primary_phone"} if said.keys() and _says_phone(said) else set())
    for index, target in enumerate(targets):
        if index in said:
            targets[index] = said[index]
        elif target in given and not (target in TARGETS and TARGETS[target].many):
            targets[index] = IGNORE
    return _put_together(header, targets, guessed, kind, frozenset(said))


def listed(header: Sequence[str]) -> str:
    """The columns of a list, for a sentence: as many as people read."""
    names = [name if len(name) <= _LONGEST_NAMED else f"{name[:_LONGEST_NAMED]}…" for name in header[:_NAMED]]
    return ", ".join(names) + (f" and {len(header) - _NAMED:,} more" if len(header) > _NAMED else "")


def position_of(wanted: str, header: Sequence[str]) -> int | None:
    """The index of a column that is named by its place ("#1" is the first); None for any other name."""
    if wanted in header or _PLACE.fullmatch(wanted) is None:
        return None
    index = int(wanted[1:]) - 1
    return index if 0 <= index < len(header) else None


def _says_phone(said: Mapping[int, str]) -> bool:
    return any(target in {"phone", "primary_phone"} for target in said.values())


def _index_of(header: Sequence[str], names: Sequence[str], wanted: str) -> int:
    if wanted in header:
        return header.index(wanted)
    if (place := position_of(wanted, header)) is not None:
        return place
    if folded(wanted) not in names or not folded(wanted):
        raise ListFileError(f"There is no column {wanted!r}; there are: {listed(header)}")
    return names.index(folded(wanted))


def _refuse_unknown(target: str, kind: str) -> None:
    if not is_target(target):
        known = ", ".join([*TARGETS, f"{PROPERTY}NAME"])
        raise ListFileError(f"There is no target field {target!r}; there are: {known}")
    if kind == OPT_OUTS and target == "other_phone":
        raise ListFileError(
            "An opt-out is of one number and never reaches a person's others: map one column to phone, and import the "
            "file once more for another."
        )


def _put_together(
    header: Sequence[str], targets: Sequence[str], guessed: Guess, kind: str, said: frozenset[int] = frozenset()
) -> Columns:
    at: dict[str, list[Any]] = {}
    for index, target in enumerate(targets):
        at.setdefault(target, []).append(index)
    for target, indexes in at.items():
        if len(indexes) > 1 and not (target in TARGETS and TARGETS[target].many):
            twice = ", ".join(header[index] for index in indexes)
            raise ListFileError(f"More than one column is mapped to {target}: {twice}")
    phones = [at[name][0] for name in ("primary_phone", "phone") if name in at]
    if kind == OPT_OUTS and len(phones) > 1:
        raise ListFileError("Both phone and primary_phone are mapped; an opt-out is of one number.")
    if not phones and (kind == OPT_OUTS or "contact_id" not in at):
        raise ListFileError(f"No column is called phone. Say which one has the numbers; there are: {listed(header)}")
    single = {name: at[name][0] for name in _SINGLE if name in at}
    opted_out: int | None = at.get("opted_out", [None])[0]
    only: tuple[str, ...] = ()
    if guessed.format is not None and guessed.format.only is not None:
        column, values = guessed.format.only
        place = [folded(name) for name in header].index(column)
        # Whoever says that this column is something else knows that every row counts then.
        if opted_out == place or (opted_out is None and place not in said):
            opted_out, only = place, values
    properties = {target[len(PROPERTY) :].strip(): at[target][0] for target in at if target.startswith(PROPERTY)}
    if len(properties) > MOST_PROPERTIES:
        raise ListFileError(f"More than {MOST_PROPERTIES} columns would become properties; map the others to ignore.")
    return Columns(
        phones[0] if phones else None,
        has_header=guessed.has_header,
        opted_out=opted_out,
        only=only,
        other_phones=(*phones[1:], *at.get("other_phone", ())),
        properties=properties if kind == CONTACTS else {},
        **single,
    )


def targets_of(header: Sequence[str], columns: Columns) -> tuple[str, ...]:
    """The target field of each column, from where they were found."""
    named = {"phone": columns.phone, "opted_out": columns.opted_out}
    named |= {name: getattr(columns, name) for name in _SINGLE}
    at = {index: name for name, index in named.items() if index is not None}
    at |= dict.fromkeys(columns.other_phones, "other_phone")
    at |= {index: f"{PROPERTY}{name}" for name, index in columns.properties.items()}
    return tuple(at.get(index, IGNORE) for index in range(len(header)))
