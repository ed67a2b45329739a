"""The list of opt-outs: filters in the address, adding, exporting what is shown, lifting many with a reason."""

import re
from datetime import datetime, time, timedelta

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, can, services
from gateway.console.blueprints import console, pages
from gateway.console.display import zone
from gateway.console.forms import Draft, draft
from gateway.console.listing import CHOICE, DAY, Column, Filter, Listing, listing
from gateway.errors import NotAllowed
from gateway.exports import EXPORT_FORMATS, export, export_name
from gateway.opt_out_adding import Addition, add_opt_outs, split_numbers
from gateway.opt_out_filters import OptOutFilter, Sort, in_words, read_number
from gateway.opt_out_lifting import MOST_LIFTED, lift_opt_outs
from gateway.opt_out_lists import OptOut, OptOutCount, OptOutPage
from gateway.opt_out_notes import WHO
from gateway.phone import InvalidNumber, formatted
from store.journal import Source
from store.scopes import ALL_CHANNELS, Channel

_PAGE = 50
# What a note has for files and the columns of the page say better: the moment, in UTC, and the id of an import.
_BESIDE = re.compile(r" at \d{4}-\d\d-\d\d \d\d:\d\d UTC$|, import \w+$")
_COLUMNS = (Column(""), Column("Number", sort="number"), Column("Stops"), Column("Since"), Column("How"), Column("For"),
            Column("Added", sort="date"))  # fmt: skip
_CHANNELS = {"both": ALL_CHANNELS, "text": (Channel.TEXT,), "voice": (Channel.VOICE,)}
_WHO_WORDS = {"person": "the person", "carrier": "the carrier", "staff": "colleagues", "program": "programs",
              "import": "imports"}  # fmt: skip
_SOURCES = {"keyword": "a text", "link": "the opt-out page", "carrier": "the carrier", "agent": "an agent",
            "admin": "an admin", "api": "a program", "import": "an import"}  # fmt: skip


def _filters() -> tuple[Filter, ...]:
    senders = tuple((sender.address, formatted(sender.address)) for sender in account().senders)
    audiences = tuple((name, name) for name in account().audiences)
    return (
        Filter("number", "Number, or how it begins", placeholder="+1 415"),
        Filter("channel", "Stops", CHOICE, choices=(("text", "texts"), ("voice", "calls"))),
        Filter("type", "Who said so", CHOICE, choices=tuple(_WHO_WORDS.items())),
        Filter("source", "How", CHOICE, choices=tuple(_SOURCES.items())),
        Filter("sender", "From one sender", CHOICE, choices=senders),
        *((Filter("audience", "For one audience", CHOICE, choices=audiences),) if audiences else ()),
        Filter("since", "Opted out from", DAY),
        Filter("until", "to", DAY),
        Filter("added_since", "Added from", DAY),
        Filter("added_until", "to", DAY),
    )


def _asked() -> Listing:
    return listing(_filters(), sorts=("date", "number"), default_sort=Sort.NEWEST.value)


def _chosen(asked: Listing) -> tuple[OptOutFilter, str]:
    """The filter, and what is wrong with the number that was typed."""
    values, number, prefix, problem = asked.values, "", "", ""
    if "number" in values:
        try:
            number, prefix = read_number(values["number"], account().default_country or None)
        except InvalidNumber as error:
            number, problem = "-", str(error)
    chosen = OptOutFilter(
        number=number,
        prefix=prefix,
        sender=values.get("sender"),
        audience=values.get("audience"),
        channel=Channel(values["channel"]) if "channel" in values else None,
        source=next((source for source in Source if source.label == values.get("source")), None),
        who=values.get("type"),
        since=_day(values.get("since")),
        until=_day(values.get("until"), days=1),
        added_since=_day(values.get("added_since")),
        added_until=_day(values.get("added_until"), days=1),
    )
    return chosen, problem


def _day(value: str | None, *, days: int = 0) -> datetime | None:
    """The beginning of a day where the viewer is, or of one `days` later."""
    if not value:
        return None
    return datetime.combine(datetime.fromisoformat(value).date() + timedelta(days=days), time(0), zone())


@pages.get("/opt-outs")
def opt_outs() -> Response:
    """Who may not be texted or called, as the filters have it."""
    return make_response(_page(Draft()))


def _page(shown: Draft) -> str:
    asked = _asked()
    chosen, problem = _chosen(asked)
    lists = services().opt_out_lists
    try:
        try:
            page = lists.page(account(), chosen, Sort(asked.sort), limit=_PAGE, after=asked.cursor)
        except ValueError:
            page = lists.page(account(), chosen, Sort(asked.sort), limit=_PAGE)
        counted, waiting = _said(lists.count(account(), chosen), chosen), ""
    except NotAllowed as error:
        page, counted, waiting = OptOutPage((), ""), "", str(error)
    return render_template(
        "console/opt_outs.html",
        listing=asked,
        page=page,
        next=page.next,
        counted=counted,
        words=in_words(chosen) if asked.values else "",
        problem=problem,
        waiting=waiting,
        columns=_COLUMNS,
        who_words=_WHO_WORDS,
        source_of=_SOURCES,
        persons={source for source, who in WHO.items() if who in {"person", "carrier"}},
        formats=EXPORT_FORMATS,
        most=MOST_LIFTED,
        draft=shown,
    )


@console.app_template_filter("how")
def how(listed: OptOut) -> str:
    """How an opt-out came, for its row: what the columns beside it say, and ids, are left out."""
    return _BESIDE.sub("", listed.note).replace("by user ", "by ")


def _said(count: OptOutCount, chosen: OptOutFilter) -> str:
    rough = "" if count.exact else "at least "
    parts = [
        f"{rough}{count.by_channel[channel]:,} {words}"
        for channel, words in ((Channel.TEXT, "not to be texted"), (Channel.VOICE, "not to be called"))
        if chosen.channel in {None, channel} and channel in count.by_channel
    ]
    return ", ".join(parts)


@pages.get("/opt-outs/export")
def export_opt_outs() -> Response:
    """Exactly what is shown, as a file."""
    form = EXPORT_FORMATS.get(request.args.get("format", "csv"))
    if form is None:
        abort(404, f"There is no such format; formats are: {', '.join(EXPORT_FORMATS)}.")
    asked = _asked()
    chosen, problem = _chosen(asked)
    if problem:
        abort(400, problem)
    pieces = export(services().opt_out_lists, account(), chosen, Sort(asked.sort), form, bom=True)
    response = Response(pieces, content_type=form.media_type)
    name = export_name(account(), form, services().clock.now())
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@pages.post("/opt-outs")
def add_opt_outs_by_hand() -> Response:
    """Add one number, or a pasted list."""
    typed = draft("numbers", "channels", "sender", "note")
    addition = Addition(
        channels=_CHANNELS.get(typed.values["channels"], ALL_CHANNELS),
        sender=typed.values["sender"] or None,
        note=typed.values["note"][:500],
    )
    numbers = split_numbers(request.form.get("numbers", "")[:100_000])
    try:
        added = add_opt_outs(services().consent, account(), numbers, addition, source=_source(), actor=actor())
    except NotAllowed as error:
        fields = {"no_numbers": "numbers", "too_many_numbers": "numbers"}
        return make_response(_page(typed.refused(error, fields)), 422)
    new = sum(each.outcome == "opted_out" for each in added)
    wrong = [each for each in added if each.outcome == "invalid_number"]
    known = len(added) - new - len(wrong)
    before = f", {known:,} {'was' if known == 1 else 'were'} out already" if known else ""
    said = f"{new:,} newly opted out{before}"
    if new or known or not wrong:
        flash(f"{said}.", "done")
    if wrong:
        shown = " ".join(f"“{each.given[:30]}”: {each.problem}" for each in wrong[:5])
        are = "is no phone number and was" if len(wrong) == 1 else "are no phone numbers and were"
        flash(f"{len(wrong):,} {are} not added. {shown}", "refused")
    return redirect(url_for("account.opt_outs"))


def _source() -> Source:
    return Source.ADMIN if can("lift") else Source.AGENT


@pages.post("/opt-outs/lift")
def lift_many() -> Response | str:
    """Lift those that are ticked, or all that the filter takes, after asking."""
    numbers = _numbers_to_lift()
    if not numbers:
        flash("Tick some numbers first.", "refused")
        return redirect(url_for("account.opt_outs"))
    if len(numbers) > MOST_LIFTED:
        flash(f"Those are more than {MOST_LIFTED:,}. Narrow the list, or undo the import that brought them.", "refused")
        return redirect(url_for("account.opt_outs"))
    if request.form.get("confirmed") != "yes":
        return render_template("console/lift_many.html", numbers=numbers)
    if request.form.get("agreed") != "yes":
        flash("Say that these people agreed. Nothing was lifted.", "refused")
        return redirect(url_for("account.opt_outs"))
    try:
        done = lift_opt_outs(
            services().consent,
            account(),
            numbers,
            source=Source.ADMIN,
            actor=actor(),
            reason=request.form.get("reason", "").strip()[:500],
        )
    except NotAllowed as error:
        flash(str(error), "refused")
        return redirect(url_for("account.opt_outs"))
    flash(f"{len(done.lifted):,} may be reached again.", "done" if done.lifted else "warn")
    if done.kept:
        flash(f"{len(done.kept):,} opted out themselves or at the carrier and stay out; their pages say what they have "
              "to text.", "warn")  # fmt: skip
    return redirect(url_for("account.opt_outs"))


def _numbers_to_lift() -> list[str]:
    if request.form.get("all") != "yes":
        return list(dict.fromkeys(request.form.getlist("numbers")))[: MOST_LIFTED + 1]
    chosen, problem = _chosen(_asked())
    if problem:
        return []
    numbers: dict[str, None] = {}
    for item in services().opt_out_lists.items(account(), chosen):
        numbers[item.number] = None
        if len(numbers) > MOST_LIFTED:
            break
    return list(numbers)
