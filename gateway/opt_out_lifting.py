"""Lifting many opt-outs at once: what an admin may lift is lifted; what only the person may lift stays and is named."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.consent import Consent
from gateway.errors import NotAllowed
from store.directory import Account
from store.journal import Source

MOST_LIFTED = 1000
"""So many at once; whole imports are undone instead, which puts back what was before."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What came of it: numbers that may be reached again, numbers that only the person can bring back, and the rest."""

    lifted: tuple[str, ...]
    kept: tuple[str, ...]
    unchanged: int


def lift_opt_outs(
    consent: Consent, account: Account, numbers: Sequence[str], *, source: Source, actor: str, reason: str
) -> Lifted:
    """Lift the opt-outs of numbers, one after the other; one that stays does not keep the others from it (G5).

    Args:
        consent: the use case that lifts each.
        account: whose.
        numbers: in E.164 form, MOST_LIFTED at most.
        source, actor: who lifts.
        reason: why, for the journal.

    Raises:
        NotAllowed: too_many_numbers or reason_needed; nothing was lifted.
        StoreError: some may have been lifted; doing it again is safe.
    """
    if len(numbers) > MOST_LIFTED:
        raise NotAllowed("too_many_numbers", f"Lift {MOST_LIFTED:,} opt-outs at most at once, or undo their import.")
    if not reason.strip():
        raise NotAllowed("reason_needed", "Say why they may be reached again.")
    lifted, kept, unchanged = [], [], 0
    for number in dict.fromkeys(numbers):
        try:
            outcomes = consent.lift(account, number, source=source, actor=actor, reason=reason)
        except NotAllowed as error:
            if error.code not in {"opted_out_by_person", "opted_out_at_carrier"}:
                raise
            kept.append(number)
            continue
        if any(outcome.changed for outcome in outcomes):
            lifted.append(number)
        else:
            unchanged += 1
    return Lifted(tuple(lifted), tuple(kept), unchanged)
