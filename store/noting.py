"""Records of imports and broadcasts: fields changed in one step if they are as expected, and whose turn it is."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from store.functions import Functions
from store.journal import milliseconds


def change_record(
    functions: Functions,
    name: str,
    now: datetime,
    changes: Mapping[str, Any],
    expect: Mapping[str, Sequence[str]],
) -> bool:
    """Change fields of a record, in one step; False when it is not as expected, and then nothing was changed.

    Args:
        functions: of the store.
        name: the record's key.
        now: the time, which the record keeps.
        changes: field -> value; times, mappings and numbers as they are.
        expect: field -> the values that it may have now, "" for none.

    Raises:
        StoreError: it is unknown whether it was changed.
    """
    written = {field: _text(value) for field, value in changes.items()} | {"updated": _text(now)}
    payload = {"expect": {field: list(values) for field, values in expect.items()}, "set": written}
    return bool(functions.call("sg_note", [name], payload))


def hold_record(functions: Functions, name: str, token: str, now: datetime, lease: timedelta) -> bool:
    """Be the only one that works on a record until the lease is over; False when somebody else is.

    Holding it again keeps it for another lease. Raises StoreError.
    """
    payload = {"token": token, "now": milliseconds(now), "till": milliseconds(now + lease)}
    return bool(functions.call("sg_hold", [name], payload))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return str(milliseconds(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
