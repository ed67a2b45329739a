"""Files that other products export, known by their headers: one table.

`needs` is what tells a file apart; `targets` says what the columns are where the usual words would mislead (Telnyx'
"from" is the sender, "to" the person). A column named in neither is guessed as in any file. Sources:
reference/seed-checklist.md §1f and §1g for the five seed products; developers.telnyx.com/api-reference "List
opt-outs"; docs.aws.amazon.com OptedOutNumberInformation; Twilio's Message resource as its console exports it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.lists.targets import CONTACTS, IGNORE, KINDS, OPT_OUTS, folded


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of export. All names of columns are folded (letters and digits, lower case)."""

    name: str
    needs: frozenset[str]
    targets: Mapping[str, str]
    kinds: tuple[str, ...] = KINDS
    only: tuple[str, tuple[str, ...]] | None = field(default=None)
    """A column, and the values (folded) of the rows that are opt-outs: a log of messages has others too."""


FORMATS: Sequence[Format] = (
    Format(
        "Stopgate export",
        frozenset({"number", "channel", "scope", "since", "source"}),
        {
            "number": "phone",
            "channel": "channel",
            "since": "opted_out_at",
            **dict.fromkeys(("scope", "source", "sender", "audience"), IGNORE),
        },
    ),
    Format(
        "AWS End User Messaging opt-out list",
        frozenset({"optedoutnumber", "optedouttimestamp"}),
        {"optedoutnumber": "phone", "optedouttimestamp": "opted_out_at", "enduseroptedout": IGNORE},
    ),
    Format(
        "Telnyx opt-outs",
        frozenset({"from", "to", "messagingprofileid", "keyword"}),
        {
            "to": "phone",
            "createdat": "opted_out_at",
            **dict.fromkeys(("from", "messagingprofileid", "keyword"), IGNORE),
        },
    ),
    Format(
        "Twilio message log",
        frozenset({"from", "to", "body", "errorcode", "direction"}),
        {
            "to": "phone",
            "sentdate": "opted_out_at",
            "datesent": "opted_out_at",
            **dict.fromkeys(("from", "body", "status", "direction", "sid", "accountsid", "errorcode"), IGNORE),
        },
        (OPT_OUTS,),
        # 21610: the person has opted out from this sender (carriers/twilio_codes.toml).
        only=("errorcode", ("21610",)),
    ),
    Format(
        "Numero contact import",
        frozenset({"numerocontactid"}),
        {
            "numerocontactid": "contact_id",
            "primaryphone": "primary_phone",
            "primaryphoneoptout": "opted_out_at",
            "primaryphone10dlclocaloptedoutdate": "opted_out_at",
            "primaryphoneoptoutdate": "opted_out_at",
        },
    ),
    Format(
        "GetThru ThruText opt-outs",
        frozenset({"phone", "optoutnote"}),
        {"phone": "phone", "optoutnote": IGNORE},
    ),
    Format(
        "Skycore opt-out list",
        frozenset({"optoutsource", "shortcode"}),
        dict.fromkeys(("optoutsource", "shortcode"), IGNORE),
    ),
    Format(
        "SMSGlobal incoming report",
        frozenset({"from", "to", "message"}),
        {"from": "phone", **dict.fromkeys(("to", "message"), IGNORE)},
        (OPT_OUTS,),
        only=("message", ("stop", "optout", "unsubscribe", "stopall", "cancel", "end", "quit")),
    ),
    Format(
        "SMSGlobal contacts",
        frozenset({"mobile", "firstname", "lastname", "group"}),
        {"mobile": "phone"},
        (CONTACTS,),
    ),
    Format(
        "Call-Em-All opt-out report",
        frozenset({"phonenumber", "optouttype", "dateadded"}),
        {"phonenumber": "phone", "optouttype": "channel", "dateadded": "opted_out_at"},
    ),
)


def format_of(header: Sequence[str], kind: str = OPT_OUTS) -> Format | None:
    """The format that a header is of; None for any other file."""
    names = {folded(name) for name in header}
    return next((known for known in FORMATS if kind in known.kinds and known.needs <= names), None)
