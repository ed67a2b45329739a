"""The job that hands one message over."""

from gateway.queueing import hand_over_of_worker


def send(message_id: str) -> None:
    """Hand a message over. Safe to run any number of times: the gate lets one of them through."""
    hand_over_of_worker.get()(message_id)
