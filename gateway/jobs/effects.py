"""The job that does one effect of the outbox."""

from gateway.logs import logger
from gateway.queueing import doers_of_worker, parts_of

log = logger(__name__)


def do(effect: str) -> None:
    """Do an effect. Safe to run any number of times: whatever does one sees what was done already."""
    kind, identifier = parts_of(effect)
    doer = doers_of_worker.get().get(kind)
    if doer is None:
        log.error("nobody here does this kind of effect; is this worker of an older version?", kind=kind)
        return
    doer(identifier)
