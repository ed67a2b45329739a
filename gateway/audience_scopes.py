"""Which opt-outs cover an audience.

A block covers an audience when no text to it could get through. A sender's block (a STOP to a shared short code, a
carrier's block) does so where the audience is texted from that sender alone: its own sender, or the account's only one.
Elsewhere another sender may text it, and the gate looks at the sender of each text.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.account_scopes import scopes_for
from store.audience_records import AudienceRecord
from store.directory import Account
from store.scopes import Scope, ScopeKind


def only_sender(account: Account, record: AudienceRecord | None) -> str | None:
    """The one sender that an audience is texted from, or None when it may be any."""
    if record is not None and record.sender:
        return record.sender
    return account.senders[0].address if len(account.senders) == 1 else None


def covering_scopes(account: Account, audience: str, record: AudienceRecord | None) -> tuple[Scope, ...]:
    """Every scope that covers an audience ("" for the account's people as such), widest first."""
    return scopes_for(account, only_sender(account, record), audience or None)


def covered_audiences(account: Account, scope: Scope, records: Mapping[str, AudienceRecord]) -> list[str]:
    """The audiences of an account that a scope covers."""
    named = account.audiences
    side = replace(scope, entered=False)
    if side.account and side.account != account.id:
        return []
    if side.kind is ScopeKind.ACCOUNT_AUDIENCE:
        return [side.audience] if side.audience in named else []
    if side.kind in {ScopeKind.SENDER, ScopeKind.ACCOUNT_SENDER}:
        return [name for name in named if only_sender(account, records.get(name)) == side.sender]
    return list(named)


def covers_account(account: Account, scope: Scope) -> bool:
    """True for a scope that blocks whatever the account sends."""
    return replace(scope, entered=False) in covering_scopes(account, "", None)
