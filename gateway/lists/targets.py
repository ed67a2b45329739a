"""What a column of an uploaded file may be, and the headers that say so: one table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

OPT_OUTS, CONTACTS = "opt_outs", "contacts"
KINDS = (OPT_OUTS, CONTACTS)
"""What a file may be a list of."""

PROPERTY = "property:"
IGNORE = "ignore"
MOST_PROPERTIES = 100
_PROPERTY_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")


@dataclass(frozen=True, slots=True)
class Target:
    """One target field.

    meaning: for people. wordings: headers that mean it, letters and digits only, the surest first. in_opt_outs: headers
    that mean it in a list of opt-outs only ("date", "to": anything may be called so in a list of contacts). many: more
    than one column may be it. kinds: what the file may be a list of for it to be used.
    """

    name: str
    meaning: str
    wordings: tuple[str, ...] = ()
    in_opt_outs: tuple[str, ...] = ()
    many: bool = False
    kinds: tuple[str, ...] = KINDS


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            "phone",
            "The number.",
            (
                *("phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "cellnumber"),
                *("number", "telephone", "telephonenumber", "tel", "msisdn", "contactnumber", "optedoutnumber"),
                *("handynummer", "telefon", "telefono", "teléfono", "celular", "téléphone", "portable"),
            ),
            ("subscriber", "subscribernumber", "recipient", "recipientnumber", "destination", "to", "from", "address"),
        ),
        Target("primary_phone", "The number that is used first.", ("primaryphone", "primaryphonenumber", "mainphone")),
        Target(
            "other_phone",
            "Another number of the same person; each may be a column.",
            (
                *("otherphone", "otherphones", "secondaryphone", "alternatephone", "altphone", "homephone"),
                *("workphone", "businessphone", "phone2", "phone3", "mobile2", "landline"),
            ),
            many=True,
            kinds=(CONTACTS,),
        ),
        Target(
            "opted_out_at",
            "When the person opted out.",
            (
                *("optedoutat", "optoutdate", "optedoutdate", "optoutat", "optouttime", "optouttimestamp"),
                *("optedouttimestamp", "unsubscribedat", "unsubscribedate", "unsubscribeddate", "dateoptedout"),
                *("dateunsubscribed", "dateofoptout", "optedouton", "unsubscribedon", "stoppedat"),
            ),
            (
                *("since", "date", "dateadded", "timestamp", "time", "datetime", "createdat", "created"),
                *("createddate", "addedat", "addedon"),
            ),
        ),
        Target(
            "channel",
            "What the person opted out of: text, voice or both.",
            ("channel", "channels", "optouttype", "optedoutof", "optoutchannel"),
        ),
        Target(
            "opted_out",
            "Whether the person opted out: rows that say no change nothing.",
            ("optedout", "optout", "isoptedout", "unsubscribed", "isunsubscribed", "donotcontact", "dnc"),
        ),
        Target(
            "first_name",
            "First name.",
            ("firstname", "givenname", "first", "fname", "forename", "vorname", "nombre", "prénom"),
        ),
        Target(
            "last_name",
            "Last name.",
            ("lastname", "surname", "familyname", "last", "lname", "nachname", "apellido", "nom"),
        ),
        Target(
            "contact_id",
            "The id of the contact in the system that the file comes from.",
            (
                *("contactid", "numerocontactid", "id", "externalid", "personid", "voterid", "vanid", "customerid"),
                *("memberid", "userid", "subscriberid", "recordid"),
            ),
        ),
        Target(IGNORE, "Nothing: the column is left out.", many=True),
    )
}
"""All target fields. "property:NAME" is one too: the column becomes a property of the contact."""


def folded(header: str) -> str:
    """A header for comparing: its letters and digits, lower case."""
    return "".join(character for character in header.casefold() if character.isalnum())


def is_target(name: str) -> bool:
    """True for a target field, or a property with a usable name."""
    if name.startswith(PROPERTY):
        return _PROPERTY_NAME.fullmatch(name[len(PROPERTY) :].strip()) is not None
    return name in TARGETS
