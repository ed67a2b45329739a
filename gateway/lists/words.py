"""Words in the cells of a list: which channels a row is about, and whether it is an opt-out at all."""

import re
from collections.abc import Mapping
from functools import cache

from gateway.lists.targets import folded
from store.scopes import ALL_CHANNELS, Channel

_TEXT, _VOICE = (Channel.TEXT,), (Channel.VOICE,)
_CHANNELS: Mapping[str, tuple[Channel, ...]] = {
    **dict.fromkeys(("text", "texts", "sms", "mms", "txt", "message", "messages", "texting", "textmessage"), _TEXT),
    **dict.fromkeys(("voice", "call", "calls", "phone", "phonecall", "calling", "donotcall", "dnc"), _VOICE),
    **dict.fromkeys(("both", "all", "any", "everything"), ALL_CHANNELS),
}
_BETWEEN = re.compile(r"[,;/&+|]|\band\b|\bund\b|\by\b")
_NO = frozenset({"", "no", "n", "false", "f", "0", "optedin", "in", "subscribed", "active", "none", "never"})


@cache
def channels_of(cell: str) -> tuple[Channel, ...] | None:
    """The channels that a cell names ("text", "Voice and text", "both"); None when it cannot be read."""
    found: set[Channel] = set()
    for word in _BETWEEN.split(cell.casefold()):
        known = _CHANNELS.get(folded(word))
        if known is None:
            return None
        found |= set(known)
    return tuple(channel for channel in ALL_CHANNELS if channel in found)


def says_opted_out(cell: str, only: tuple[str, ...] = ()) -> bool:
    """Whether a row is an opt-out, by the cell that says so.

    only: the values (folded) that do; empty: everything but "no" in its forms, and nothing.
    """
    return folded(cell) in only if only else folded(cell) not in _NO
