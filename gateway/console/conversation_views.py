"""Conversations: a list and one of them, answering, and opting a person out with their confirmation."""

from hashlib import sha256

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_settings import setting_of
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft
from gateway.console.layout import confirm_page
from gateway.console.listing import CHOICE, Column, Filter, listing
from gateway.conversations import NO_CONFIRMATION, Thread
from gateway.errors import NotAllowed
from gateway.linting import brand_of
from gateway.message_words import sentence_of
from gateway.phone import formatted
from gateway.reply_texts import reply_text
from store.scopes import ALL_CHANNELS, Channel

_COLUMNS = (Column("Number"), Column("Last text"), Column("State"), Column("When"))
_FILTERS = (Filter("show", "Show", CHOICE, "{}", (("unanswered", "waiting for an answer"),)),)
_PAGE = 50
_LONGEST = 1600


@pages.get("/conversations")
def conversations() -> str:
    """Who texted with us, newest first."""
    asked = listing(_FILTERS)
    unanswered = asked.values.get("show") == "unanswered"
    try:
        page = services().conversations.page(account(), limit=_PAGE, after=asked.cursor, unanswered=unanswered)
    except ValueError:
        page = services().conversations.page(account(), limit=_PAGE, unanswered=unanswered)
    return render_template(
        "console/conversations.html", page=page, listing=asked, columns=_COLUMNS, next=page.next, unanswered=unanswered
    )


@pages.get("/conversations/<number>")
def conversation(number: str) -> str:
    """One conversation."""
    return _page("console/conversation.html", _thread(number), Draft())


def _thread(number: str) -> Thread:
    try:
        return services().conversations.thread(account(), number, limit=100)
    except NotAllowed:
        abort(404, "There are no texts with this number here.")


def _page(template: str, thread: Thread, shown: Draft) -> str:
    return render_template(
        template, thread=thread, number=thread.number, draft=shown, sentence_of=sentence_of, longest=_LONGEST
    )


@pages.get("/conversations/<number>/live")
def conversation_live(number: str) -> Response:
    """The parts that change; 304 while nothing did."""
    thread = _thread(number)
    response = make_response(_page("console/_conversation.html", thread, Draft()))
    last = [f"{message.id}{message.status}" for message in thread.messages]
    state = f"{last}{thread.block}{thread.held}{thread.waits_since}"
    response.set_etag(sha256(state.encode()).hexdigest()[:32])
    response.make_conditional(request)
    return response


@pages.post("/conversations/<number>")
def reply_in_conversation(number: str) -> Response:
    """Answer, through the gate like every text."""
    typed = draft("body")
    body = typed.values["body"][:_LONGEST]
    try:
        if not body:
            raise NotAllowed("empty", "Type an answer first.")
        services().conversations.reply(
            account(), number, body, actor=actor(), idempotency_key=request.form.get("once", "")[:64]
        )
    except NotAllowed as error:
        if error.code == "opted_out":
            flash("This person opted out meanwhile. The text was not sent.", "refused")
            return redirect(url_for("account.conversation", number=number))
        return make_response(
            _page("console/conversation.html", _thread(number), typed.refused(error, {"empty": "body"})), 422
        )
    return redirect(url_for("account.conversation", number=number))


@pages.route("/conversations/<number>/opt-out", methods=["GET", "POST"])
def conversation_opt_out(number: str) -> Response | str:
    """Opt the person out of everything and tell them, once."""
    thread = _thread(number)
    if request.form.get("confirmed") != "yes":
        return confirm_page(
            f"Opt {formatted(number)} out?",
            [f"Nothing that {account().name} sends reaches this person any more, texts and calls.",
             f"They get one last text: “{_confirmation(thread)}”"
             if thread.block is None else "They got no texts any more already, so no confirmation is sent.",
             "An admin can lift it later, with a reason."],
            button="Opt 1 person out",
            back=url_for("account.conversation", number=number),
        )  # fmt: skip
    try:
        done = services().conversations.opt_out(
            account(), number, actor=actor(), channels=(Channel.TEXT, *ALL_CHANNELS[1:])
        )
    except NotAllowed as error:
        flash(str(error), "refused")
        return redirect(url_for("account.conversation", number=number))
    told = "They are told by one text." if done.reply_id else NO_CONFIRMATION.get(done.reply, "")
    flash(f"{formatted(number)} is opted out. {told}".strip(), "done")
    return redirect(url_for("account.conversation", number=number))


def _confirmation(thread: Thread) -> str:
    settings = account().settings
    values = {
        "brand": brand_of(account()),
        "sender": thread.sender,
        "help_contact": str(setting_of(settings, "help_contact")),
        "keyword": "",
    }
    return reply_text("opt_out_message", settings, None, values)
