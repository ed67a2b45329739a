"""The review queue: texts that a person has to read, one at a time, with keys."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import flash_undo
from gateway.errors import NotAllowed
from gateway.phone import formatted
from gateway.reviewing import HELD, ReviewItem

_MOST = 100
_CONVERSATION = 8

# Decision -> what was done, as the flash says it of a held text.
_SAID = {
    "opt_out": "{number} is opted out.",
    "not_opt_out": "{number} may be texted as before.",
    "wrong_number": "{number} is a wrong number and is not texted any more.",
}
_SAID_OF_ACTED = {"opt_out": "{number} stays opted out.", "not_opt_out": "The opt-out of {number} was taken back."}
_CAN_BE_UNDONE = {"opt_out", "wrong_number"}


@pages.get("/reviews")
def reviews() -> str:
    """The text to read now, what is known around it, and those that wait behind it."""
    items = services().reviews.queue(account(), limit=_MOST)
    wanted = request.args.get("text", "")
    chosen = next((item for item in items if item.message.id == wanted), items[0] if items else None)
    return render_template(
        "console/reviews.html",
        items=items,
        chosen=chosen,
        held=sum(item.state == HELD for item in items),
        overdue=sum(item.overdue for item in items),
        conversation=_conversation(chosen) if chosen else [],
        most=_MOST,
    )


def _conversation(item: ReviewItem) -> list[object]:
    thread = services().store.messages.thread(account().id, item.message.address, limit=30)
    until = next((index for index, message in enumerate(thread) if message.id == item.message.id), len(thread) - 1)
    return list(thread[: until + 1][-_CONVERSATION:])


@pages.post("/reviews/<text>")
def decide_review(text: str) -> Response:
    """Decide, and go on with the next one."""
    decision = request.form.get("decision", "")
    message = services().store.messages.get(text)
    number = formatted(message.address) if message and message.account == account().id else ""
    was_held = any(item.message.id == text and item.state == HELD for item in services().reviews.queue(account()))
    try:
        if decision not in _SAID:
            raise NotAllowed("unknown_decision", "Choose one of the decisions.")
        services().reviews.decide(
            account(), text, decision, actor=actor(), reason=request.form.get("reason", "").strip()[:500]
        )
    except NotAllowed as error:
        flash(str(error), "refused")
        return redirect(url_for("account.reviews", text=text if error.code == "reason_needed" else None))
    said = (_SAID if was_held else _SAID_OF_ACTED).get(decision, "Done.").format(number=number)
    if was_held and decision in _CAN_BE_UNDONE:
        flash_undo(said, url_for("account.undo_review", text=text))
    else:
        flash(said, "done")
    return redirect(url_for("account.reviews"))


@pages.post("/reviews/<text>/undo")
def undo_review(text: str) -> Response:
    """Take back what was decided by mistake."""
    try:
        services().reviews.undo(account(), text, actor=actor())
        flash("Taken back: the opt-out is lifted.", "done")
    except NotAllowed as error:
        flash(str(error), "refused")
    return redirect(url_for("account.reviews"))
