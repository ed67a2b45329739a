"""Reading forms: what was typed, and what is wrong with it, kept together so that the page can show both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import flash, request

from gateway.errors import NotAllowed

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as it was filled in. errors: sentences by the field's name, shown beside it; "" for the whole form."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def refused(self, error: NotAllowed, fields: Mapping[str, str]) -> "Draft":
        """The same form with why it was refused. fields: code of the refusal -> the field it is about."""
        return Draft(self.values, {**self.errors, fields.get(error.code, ""): str(error)})


def draft(*names: str, secret: tuple[str, ...] = ()) -> Draft:
    """What was sent in some fields, without spaces around it; secrets as they are."""
    values = {name: request.form.get(name, "").replace("\0", "").strip()[:_LONGEST] for name in names}
    return Draft({**values, **{name: request.form.get(name, "")[:_LONGEST] for name in secret}})


def saves_itself() -> bool:
    """True when the form was sent by the script in the background: answer 204 for done."""
    return request.headers.get("X-Requested-With") == "console"


def flash_undo(sentence: str, action: str, /, **fields: str) -> None:
    """Say what was done, with a button that takes it back.

    Args:
        sentence: what was done.
        action: the address that takes it back, by POST.
        fields: what to send there.
    """
    flash({"sentence": sentence, "action": action, "fields": fields}, "undo")  # type: ignore[arg-type]
