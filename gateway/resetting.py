""" "Reset contacts that previously opted out" (seed 003), within what an admin may lift (design §4, G5)."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.clock import Clock
from gateway.opt_out_reasons import Reason, reasons
from store import Store
from store.consent import Change, Source
from store.directory import Account
from store.scopes import Channel, Scope


def reset_opt_outs(
    store: Store,
    clock: Clock,
    account: Account,
    blocked: Mapping[str, Reason],
    scopes: Sequence[Scope],
    detail: Mapping[str, Any],
) -> dict[str, Reason]:
    """Lift the text opt-outs of numbers where an admin may; what a person or carrier said stays, with all beside it.

    Args:
        store, clock: where and when.
        account: whose opt-outs; what a shared sender or the operator blocks is nobody's to reset.
        blocked: the numbers, each with the strongest block on it.
        scopes: the scopes that count.
        detail: for the journal: who, and in which import.

    Returns:
        the numbers that are blocked still, and why.

    Raises:
        StoreError: some were lifted; repeating is safe.
    """
    own = [scope for scope in scopes if scope.account]
    changes = [Change("lift", scope, account.id, Source.ADMIN, (Channel.TEXT,)) for scope in own]
    liftable = [number for number, reason in blocked.items() if may_be_reset(reason)]
    store.changes.apply(liftable, changes, at=clock.now(), detail={**detail, "reason": "reset"})
    left = {number: reason for number, reason in blocked.items() if number not in set(liftable)}
    return left | reasons(store, liftable, scopes)


def may_be_reset(reason: Reason) -> bool:
    """True when an admin may lift what blocks a number: neither a person's own word nor anything of other accounts."""
    return not reason.persons and bool(reason.block.scope.account)
