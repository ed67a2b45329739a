"""What would happen if somebody texted this? Answered by the parts that handle real texts; nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.carriers import TRAITS
from gateway.carriers.base import CarrierTraits, InboundText
from gateway.clock import Clock
from gateway.replies import replies_for
from gateway.situation import Situation, SituationReader, context_for
from keywords import Action, Decision, RuleInfo, count_segments, explain_rule
from store import Store
from store.directory import Account, Sender

# A number of the range kept for fiction: nobody has texts, questions or opt-outs there.
_SOMEBODY = "+12025550199"

WHY_NO_REPLY: Mapping[str, str] = {
    "held": "Nobody answers yet: the text waits for a person on the review page.",
    "nothing_to_answer": "It gets no answer of its own; it goes into the conversation.",
    "carrier_answers": "The carrier answers it, and we stay silent, so that the person gets one answer and not two.",
    "machine": "Nothing is sent to an address that looks like a machine.",
    "other_channel": "It did not come as a text message, so no text answers it.",
    "unrouted": "Nobody has this sender, so the text waits with the unrouted ones.",
}
"""Why a text gets no reply from us, by the code of gateway.replies."""

WHEN: Mapping[str, str] = {
    "": "",
    "lifted": "if the person was opted out",
    "asked": "if the person opted out before",
    "joined": "if the person joins by it",
    "already_member": "if the person is in the audience already",
}


@dataclass(frozen=True, slots=True)
class TriedReply:
    """A text that would go out. when: in which case; "" for always."""

    text: str
    when: str
    segments: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What would happen. rule: the row that fired, or None. outcome: what becomes of it, as a sentence."""

    text: str
    sender: Sender
    decision: Decision
    rule: RuleInfo | None
    outcome: str
    replies: tuple[TriedReply, ...]
    no_reply: str


class Trying:
    """Tries texts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._reader = SituationReader(store, clock)

    def run(self, account: Account, sender: Sender, text: str) -> Trial:
        """What would come of a text to one of an account's senders, from somebody nothing is known of.

        Raises StoreError.
        """
        traits = TRAITS.get(sender.carrier, CarrierTraits())
        inbound = InboundText(sender.carrier, "tried", sender.address, _SOMEBODY, text)
        situation = self._reader.read(inbound, traits)
        replies, no_reply = replies_for(situation, None)
        return Trial(
            text=text,
            sender=sender,
            decision=situation.decision,
            rule=_rule(account, sender, situation.decision),
            outcome=_outcome(situation),
            replies=tuple(_tried(reply.message.body, reply.only_if) for reply in replies),
            no_reply=WHY_NO_REPLY.get(no_reply, "") if not replies else "",
        )


def _tried(body: str, only_if: str | None) -> TriedReply:
    count = count_segments(body)
    return TriedReply(body, WHEN.get(only_if or "", ""), count.segments, count.encoding.value)


def _rule(account: Account, sender: Sender, decision: Decision) -> RuleInfo | None:
    try:
        return explain_rule(decision.rule, context_for([(account, sender)]).rules)
    except KeyError:
        return None


def _outcome(situation: Situation) -> str:
    decision = situation.decision
    if situation.held:
        return "A person has to read it. Until then broadcasts leave the number out, and the deadline runs."
    if not decision.acts:
        return "Nothing changes: it is read as part of a conversation."
    if decision.action is Action.OPT_OUT:
        reach = {
            "account": "from this account",
            "account+sender": "from this sender",
            "sender": "from every account on this sender",
            "account+audience": "of the audience last texted",
        }[situation.stop_scope.kind.value]
        calls = " and calls" if situation.setting("text_stop_blocks_voice") else ""
        return f"The person gets no more texts{calls} {reach}."
    return {
        Action.OPT_IN: "The person's own opt-outs for this sender are lifted, if the word is a plain START or UNSTOP.",
        Action.HELP: "Nothing changes; help is given.",
        Action.JOIN: f"The person joins {decision.audience}, or is asked first.",
        Action.REPLY: "Nothing changes; the word's own reply is sent.",
    }.get(decision.action, "Nothing changes.")
