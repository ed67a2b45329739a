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
    liftable = [number for number, reason in blocked.items() if not reason.persons and reason.block.scope.account]
    store.changes.apply(liftable, changes, at=clock.now(), detail={**detail, "reason": "reset"})
    left = {number: reason for number, reason in blocked.items() if number not in set(liftable)}
    return left | reasons(store, liftable, scopes)
