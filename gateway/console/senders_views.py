"""An account's senders: what they are, who answers their keywords, and whether they work."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, render_template

from gateway.console.access import account, services
from gateway.console.blueprints import pages
from gateway.console.keywords_views import ACTION_WORDS
from gateway.console.listing import Column
from gateway.reply_policy import Handling, Who, Words, handling_of, who_answers
from keywords import Action
from store.directory import Sender

HANDLING_WORDS = {
    Handling.CARRIER: "the carrier answers its own words, we answer what only we understood",
    Handling.ADVANCED: "the carrier answers (Advanced Opt-Out)",
    Handling.TOLL_FREE: "the network answers STOP, START and UNSTOP, and cannot be told not to",
    Handling.GATEWAY: "we answer everything",
    Handling.ONE_WAY: "nobody can reply: its texts need an opt-out link",
}
"""Who answers at a sender, in words."""

_COLUMNS = (Column("Sender"), Column("Kind"), Column("Carrier"), Column("Who answers STOP and HELP"), Column("Works"))
_ASKED = (Action.OPT_OUT, Action.OPT_IN, Action.HELP, Action.JOIN)
_WHOSE = ((Words.CARRIERS, "the carrier's own word"), (Words.OURS, "words that only we understood"))


@dataclass(frozen=True, slots=True)
class SenderRow:
    """A sender with what is said of it. others: how many other accounts share it."""

    sender: Sender
    handling: Handling
    others: int
    problem: str

    @property
    def answers(self) -> str:
        """Who answers, in words."""
        return HANDLING_WORDS[self.handling]


def _row(sender: Sender) -> SenderRow:
    # A messaging service of Twilio says with each text whether it acted on it; without that, as configured.
    handling = handling_of(sender.kind, sender.keywords_handled_by, carrier_acted=False)
    owners = services().store.directory.current().by_sender.get(sender.address, ())
    on = sender.carrier in services().carriers
    problem = "" if on else f"The carrier {sender.carrier} is not switched on here, so this sender cannot send."
    return SenderRow(sender, handling, len(owners) - 1, problem)


@pages.get("/senders")
def senders() -> str:
    """All senders of the account."""
    rows = [_row(sender) for sender in account().senders]
    return render_template("console/senders.html", rows=rows, columns=_COLUMNS)


@pages.get("/senders/<path:address>")
def sender(address: str) -> str:
    """One sender: who answers what."""
    found = next((each for each in account().senders if each.address == address), None)
    if found is None:
        abort(404)
    row = _row(found)
    return render_template(
        "console/sender.html",
        row=row,
        sender=found,
        matrix=_matrix(row.handling),
        webhook=_webhook(found),
    )


def _matrix(handling: Handling) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """Who answers, by what is asked and whose words were used."""
    who = {Who.US: "we do", Who.SILENT: "the carrier does, we stay silent"}
    if handling is Handling.ONE_WAY:
        who[Who.SILENT] = "nobody: it cannot receive"
    return [
        (ACTION_WORDS[action.value], [(label, who[who_answers(handling, action, words)]) for words, label in _WHOSE])
        for action in _ASKED
    ]


def _webhook(found: Sender) -> str:
    address = services().settings.public_url
    return f"{address}/webhooks/{found.carrier}/inbound" if address and found.carrier != "simulator" else ""
