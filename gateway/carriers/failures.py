"""The closed table of ways a send can fail. Every carrier's codes lead to one of these rows."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail.

    Args:
        name: stable word for programs; the `reason` of a message.
        sentence: for the person who sent it.
        does: what the gateway does about it, for the operator.
        retryable: the text certainly was not sent and may be handed over again later.
        ambiguous: nobody knows whether it was sent; it is never handed over again (G9).
        opts_out: the carrier says that the person opted out of this sender.
    """

    name: str
    sentence: str
    does: str
    retryable: bool = False
    ambiguous: bool = False
    opts_out: bool = False


FAILURES: Mapping[str, Failure] = {
    failure.name: failure
    for failure in (
        Failure("opted_out", "The carrier says that this person opted out of this sender.",
                "Records an opt-out of that sender, with the carrier as its source.", opts_out=True),
        Failure("blocked", "The person's network blocks texts from this sender.",
                "From a toll-free sender it is an opt-out of that sender; from others the text failed."),
        Failure("not_textable", "This number cannot receive texts: it is a landline, unknown, or not a number.",
                "The text failed. Consent is not touched."),
        Failure("temporary", "The phone or its network could not be reached just then.",
                "The text failed; the sender may send a new one later."),
        Failure("filtered", "The carrier filtered the text because of its content or its sender's registration.",
                "The text failed and is not sent again: the same text would be filtered again."),
        Failure("configuration", "The sender is not set up for this at the carrier. An operator has to look at it.",
                "The text failed; the carrier's code tells the operator what to set up."),
        Failure("throughput", "The sender's limit at the carrier is used up for now.",
                "The text failed; send less, or later."),
        Failure("expired", "The text could not be delivered in time and was given up.",
                "The text failed. Nothing is repeated that may not be wanted any more."),
        Failure("loop", "The carrier stopped a loop of automatic texts.",
                "No automatic reply goes to this number from this sender for an hour."),
        Failure("our_fault", "The request to the carrier was wrong. This is a fault of Stopgate: please report it.",
                "The text failed."),
        Failure("unreachable", "The carrier could not be reached; the text will be tried again.",
                "Hands it over again after a growing pause, seven times.", retryable=True),
        Failure("throttled", "The carrier asked to slow down; the text will be tried again.",
                "Hands it over again after a growing pause, seven times.", retryable=True),
        Failure("ambiguous", "The carrier did not say whether it took the text. It is not sent again.",
                "Calls it unknown; a delivery report settles it.", ambiguous=True),
        Failure("unclassified", "The carrier refused the text with a code that is not in the table.",
                "The text failed; neither tried again nor taken for an opt-out."),
    )
}  # fmt: skip
