"""How one number stands: may we text it from each sender, may we call it, and what would have to happen where not."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.account_scopes import scopes_for
from gateway.consent import Explanation, only_the_person
from gateway.opt_out_reasons import PERSONS
from store.consent import Block, JournalEntry, Source
from store.directory import Account, Sender
from store.scopes import Channel, Scope


@dataclass(frozen=True, slots=True)
class Standing:
    """One answer. sender: for texts from it; None for calls. blocks: what says no, widest first; none for yes."""

    channel: Channel
    sender: Sender | None
    blocks: tuple[Block, ...]

    @property
    def allowed(self) -> bool:
        """True when nothing says no."""
        return not self.blocks


@dataclass(frozen=True, slots=True)
class WhyBlocked:
    """A block with the journal entry that made it, and how it ends. way_back: what only the person can do, or ""."""

    block: Block
    channels: tuple[Channel, ...]
    entry: JournalEntry | None
    way_back: str


def standings(account: Account, found: Explanation) -> list[Standing]:
    """The answer for texts from each sender of the account, then for calls."""
    rows = [
        Standing(Channel.TEXT, sender, _covering(found, Channel.TEXT, account, sender)) for sender in account.senders
    ]
    # A call comes from no sender of ours: whoever told one of them to stop is not called.
    voice = tuple(block for block in found.blocks if block.channel is Channel.VOICE)
    return [*rows, Standing(Channel.VOICE, None, voice)]


def _covering(found: Explanation, channel: Channel, account: Account, sender: Sender) -> tuple[Block, ...]:
    scopes = set(scopes_for(account, sender.address))
    return tuple(block for block in found.blocks if block.channel is channel and block.scope in scopes)


def why_blocked(account: Account, found: Explanation) -> list[WhyBlocked]:
    """Every block of the number, once for all the channels that one event blocked, with how it came and how it ends."""
    grouped: dict[tuple[Scope, Source | None, str], list[Block]] = {}
    for block in found.blocks:
        grouped.setdefault((block.scope, block.source, block.event), []).append(block)
    return [
        WhyBlocked(
            blocks[0],
            tuple(block.channel for block in blocks),
            _entry_of(blocks[0], found.journal),
            _way_back(account, blocks[0], found),
        )
        for blocks in grouped.values()
    ]


def _entry_of(block: Block, journal: Sequence[JournalEntry]) -> JournalEntry | None:
    made = [entry for entry in journal if entry.kind == "opt_out" and entry.scope == block.scope.key]
    return next((entry for entry in reversed(made) if entry.outcome in {"opted_out", "strengthened"}), None)


def _way_back(account: Account, block: Block, found: Explanation) -> str:
    if block.source not in {*PERSONS, Source.CARRIER}:
        return ""
    entry = _entry_of(block, found.journal)
    return str(only_the_person(account, block, str(entry.detail.get("sender", "")) if entry else ""))
