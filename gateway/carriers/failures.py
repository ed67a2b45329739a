"""The closed table of ways a send can fail. Every carrier's codes lead to one of these rows."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail.

    Args:
        name: stable word for programs; the `reason` of a message.
        sentence: for the person who sent it.
        retryable: the text certainly was not sent and may be handed over again later.
        ambiguous: nobody knows whether it was sent; it is never handed over again (G9).
        opts_out: the carrier says that the person opted out of this sender.
    """

    name: str
    sentence: str
    retryable: bool = False
    ambiguous: bool = False
    opts_out: bool = False


FAILURES: Mapping[str, Failure] = {
    failure.name: failure
    for failure in (
        Failure("opted_out", "The carrier says that this person opted out of this sender.", opts_out=True),
        Failure("blocked", "The person's network blocks texts from this sender."),
        Failure("not_textable", "This number cannot receive texts: it is a landline, unknown, or not a number."),
        Failure("temporary", "The phone or its network could not be reached just then."),
        Failure("filtered", "The carrier filtered the text because of its content or its sender's registration."),
        Failure("configuration", "The sender is not set up for this at the carrier. An operator has to look at it."),
        Failure("throughput", "The sender's limit at the carrier is used up for now."),
        Failure("expired", "The text could not be delivered in time and was given up."),
        Failure("loop", "The carrier stopped a loop of automatic texts."),
        Failure("our_fault", "The request to the carrier was wrong. This is a fault of Stopgate: please report it."),
        Failure("unreachable", "The carrier could not be reached; the text will be tried again.", retryable=True),
        Failure("throttled", "The carrier asked to slow down; the text will be tried again.", retryable=True),
        Failure("ambiguous", "The carrier did not say whether it took the text. It is not sent again.", ambiguous=True),
        Failure("unclassified", "The carrier refused the text with a code that is not in the table."),
    )
}
