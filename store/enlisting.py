"""The keys of the lists and figures that a message is written into, in the same step as the message itself."""

from datetime import UTC, datetime
from typing import Any

from store import keys
from store.addresses import shard_of
from store.functions import without_none


def day_keys(shard: str, account: str, at: datetime) -> tuple[str, str]:
    """The key of an account's figures of a time's month, and the day in it, in UTC."""
    day = at.astimezone(UTC)
    return keys.days(shard, account, f"{day:%Y%m}"), f"{day:%d}"


def entry_keys(
    account: str, address: str, direction: str, at: datetime, names: list[str], *, waits: bool | None
) -> dict[str, Any]:
    """The lists and figures of an account for a text with an address, as the function library takes them.

    Args:
        account, address, direction: whose text.
        at: when it was made.
        names: the keys of the call; those of the lists are added.
        waits: whether the person waits for an answer from now on; None leaves it as it is.
    """
    shard = shard_of(address)
    days, day = day_keys(shard, account, at)
    wanted = {
        "texts": keys.texts(shard, account, direction),
        "conversations": keys.conversations(shard, account),
        "unanswered": keys.unanswered(shard, account),
        "days": days,
    }
    names += [name for name in wanted.values() if name not in names]
    positions = {what: names.index(name) + 1 for what, name in wanted.items()}
    return without_none({**positions, "day": day, "address": address, "waits": waits})


def day_entry(shard: str, account: str, at: datetime, names: list[str]) -> dict[str, Any]:
    """The figures of one day, for what is counted without a message; adds the key to `names`."""
    days, day = day_keys(shard, account, at)
    names.append(days)
    return {"days": len(names), "day": day}
