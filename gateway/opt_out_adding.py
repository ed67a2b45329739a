"""Opt-outs that are added by hand or by a program: one number or many, each with what came of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.consent import Consent
from gateway.errors import NotAllowed
from gateway.normalising import Normaliser
from gateway.phone import SENTENCES, NumberProblem
from store.directory import Account
from store.journal import Source
from store.scopes import ALL_CHANNELS, Channel

MOST_ADDED = 1000
"""So many numbers at once; more are an import, which can be undone."""

_BETWEEN = re.compile(r"[,;\n\r\t]+")


@dataclass(frozen=True, slots=True)
class Addition:
    """What is to be added for each number. See Consent.opt_out; note: "" writes one of its own."""

    channels: Sequence[Channel] = ALL_CHANNELS
    sender: str | None = None
    audience: str | None = None
    note: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What came of one number.

    given: as it was written. number: E.164, "" when it is none. outcome: opted_out, strengthened, refreshed, already,
    stronger_kept, stale, duplicate (named before in the same request) or invalid_number. problem: a sentence.
    """

    given: str
    number: str
    outcome: str
    problem: str = ""


def split_numbers(numbers: str | Sequence[str]) -> list[str]:
    """The numbers of a text with commas, semicolons, tabs or line ends between them, or of a list of such texts.

    A blank entry of a list stays, so that whoever sent it hears that it is no number.
    """
    if isinstance(numbers, str):
        return [part.strip() for part in _BETWEEN.split(numbers) if part.strip()]
    return [part for text in numbers for part in split_numbers(text) or [""]]


def add_opt_outs(
    consent: Consent, account: Account, given: Sequence[str], addition: Addition, *, source: Source, actor: str
) -> list[Added]:
    """Opt numbers out, one after the other; a number that is none does not keep the others from it.

    Args:
        consent: the use case that records each.
        account: whose.
        given: numbers as people write them; those without a country code get the account's.
        addition: what to record.
        source, actor: who adds them.

    Raises:
        NotAllowed: no_numbers or too_many_numbers, or what Consent.opt_out refuses for all alike; nothing was added.
        StoreError: some may have been added; doing it again is safe.
    """
    if not given:
        raise NotAllowed("no_numbers", "There is no number in the request.")
    if len(given) > MOST_ADDED:
        raise NotAllowed("too_many_numbers", f"Add {MOST_ADDED:,} numbers at most at once, or import them as a file.")
    found = Normaliser(account.default_country or None).column([" ".join(text.split()) for text in given])
    seen: set[str] = set()
    added = []
    for text, number in zip(given, found, strict=True):
        if isinstance(number, NumberProblem):
            added.append(Added(text, "", "invalid_number", SENTENCES[number]))
        elif number in seen:
            added.append(Added(text, number, "duplicate"))
        else:
            seen.add(number)
            outcomes = consent.opt_out(
                account, number, source=source, actor=actor, channels=addition.channels, sender=addition.sender,
                audience=addition.audience, note=addition.note, occurred_at=addition.occurred_at,
            )  # fmt: skip
            added.append(Added(text, number, outcomes[0].outcome))
    return added
