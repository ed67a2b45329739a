"""Imports: their history, and one of them from its dry run to its undo."""

from hashlib import sha256

from flask import Response as FlaskResponse
from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.console.access import account, actor, can, services
from gateway.console.blueprints import pages
from gateway.console.import_upload_views import EXAMPLES
from gateway.console.import_words import KIND_WORDS, apply_words, became, effective_rows, outcome_lines, pace_of
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, listing
from gateway.errors import NotAllowed
from gateway.import_findings import Findings, findings_of
from gateway.import_jobs import MOST_BYTES
from gateway.import_orders import ImportOrder, order_of
from gateway.lists.columns import targets_of
from gateway.lists.targets import OPT_OUTS
from store.consent import milliseconds, moment
from store.imports import ImportRecord

_COLUMNS = (
    Column("File"), Column("What"), Column("State"), Column("What became of it"), Column("By"), Column("When"),
)  # fmt: skip
_PAGE = 50
_ROWS_SHOWN = 25
_CELLS_SHOWN = 8
_ACTIVE = frozenset({"queued", "running"})


@pages.get("/imports")
def imports() -> str:
    """The account's imports, newest first."""
    asked = listing()
    at, _, last = asked.cursor.partition(":")
    before = (moment(at), last) if at.isdigit() and len(at) < 15 else None
    found = services().store.imports.newest(account().id, _PAGE + 1, before=before)
    shown = found[:_PAGE]
    return render_template(
        "console/imports.html",
        rows=[(record, order_of(record), became(record)) for record in shown],
        kinds=KIND_WORDS,
        columns=_COLUMNS,
        listing=asked,
        next=f"{milliseconds(shown[-1].created_at)}:{shown[-1].id}" if len(found) > len(shown) else "",
    )


@pages.get("/imports/<import_id>")
def one_import(import_id: str) -> str:
    """One import: how far it is, what came of it, and what can be done now."""
    return _page("console/import.html", services().imports.record(import_id, account()))


@pages.get("/imports/<import_id>/live")
def import_live(import_id: str) -> FlaskResponse:
    """The parts that change; 304 while nothing did."""
    record = services().imports.record(import_id, account())
    response = make_response(_page("console/_import.html", record))
    state = f"{record.status}{record.wish}{record.counts}{record.done}{record.undoing}{record.undone}{record.applied}"
    response.set_etag(sha256(state.encode()).hexdigest()[:32])
    if not _is_active(record):
        response.headers["X-Live"] = "end"
    response.make_conditional(request)
    return response


def _is_active(record: ImportRecord) -> bool:
    return record.status in _ACTIVE or bool(record.undoing and record.status != "undone")


def _page(template: str, record: ImportRecord) -> str:
    order = order_of(record)
    lines = outcome_lines(record)
    asked = request.args.get("show", "")
    chosen = asked if any(line.outcome == asked and line.reported for line in lines) else ""
    reported = [line for line in lines if line.reported]
    return render_template(
        template,
        record=record,
        order=order,
        words=KIND_WORDS[order.kind],
        active=_is_active(record),
        lines=lines,
        reported=reported,
        chosen=chosen,
        findings=_findings(record, order, chosen) if record.status not in _ACTIVE else Findings([], complete=True),
        header=[name or f"({place})" for place, name in enumerate(order.header[:_CELLS_SHOWN], 1)],
        pace=pace_of(record, services().clock.now()),
        effective=effective_rows(record),
        apply_words=apply_words(record),
        undo_refusal=_undo_refusal(record),
        mapped=_mapped(order),
        uploaded=_upload_of(order) if can("lists") else "",
        tried=_tried(record),
        kind=order.kind,
        most_bytes=MOST_BYTES,
        example=EXAMPLES[order.kind],
    )


def _findings(record: ImportRecord, order: ImportOrder, chosen: str) -> Findings:
    return findings_of(services().store, record, order, chosen, _ROWS_SHOWN)


def _undo_refusal(record: ImportRecord) -> str:
    """Why an import cannot be undone; "" when it can."""
    try:
        services().imports.refuse_undo(record)
    except NotAllowed as error:
        return str(error)
    return ""


def _mapped(order: ImportOrder) -> list[tuple[str, str]]:
    """Which columns are used, and as what."""
    if order.columns is None:
        return []
    pairs = zip(order.header, targets_of(order.header, order.columns), strict=True)
    return [(header, target) for header, target in pairs if target != "ignore"]


def _upload_of(order: ImportOrder) -> str:
    """The id of the uploaded file, while its columns can be mapped again."""
    identifier = order.upload.partition(":")[0]
    found = services().store.uploads.get(identifier) if identifier else None
    return identifier if found is not None and found.account == account().id else ""


def _tried(record: ImportRecord) -> ImportRecord | None:
    """What a dry run became."""
    return services().store.imports.get(record.applied) if record.applied else None


def _back(import_id: str) -> Response:
    return redirect(url_for("account.one_import", import_id=import_id))


@pages.post("/imports/<import_id>/stop")
def stop_import(import_id: str) -> Response:
    """Stop it after the rows it is at; the page says when it has."""
    try:
        services().import_jobs.stop(account(), import_id)
    except NotAllowed as error:
        _refuse(error)
    return _back(import_id)


def _refuse(error: NotAllowed) -> None:
    if error.code == "not_found":
        raise error
    flash(str(error), "refused")


@pages.post("/imports/<import_id>/resume")
def resume_import(import_id: str) -> Response:
    """Go on where it was."""
    try:
        services().import_jobs.resume(account(), import_id)
        flash("It goes on where it was.", "done")
    except NotAllowed as error:
        _refuse(error)
    return _back(import_id)


_BROUGHT_BACK = (
    "Contacts of this file whom a colleague, an admin, a program or an earlier list opted out may be texted again.",
    "That is for those alone who agreed to it.",
    "Whoever said STOP, used the opt-out page or was reported by the carrier stays opted out; only they can come back.",
    "An undo of this import does not opt them out again.",
)


@pages.post("/imports/<import_id>/apply")
def apply_import(import_id: str) -> Response | str:
    """Do what the dry run foretold. What brings people back is asked once more."""
    record = services().imports.record(import_id, account())
    if order_of(record).reset and request.form.get("confirmed") != "yes":
        return confirm_page(
            "Bring back contacts that opted out before?",
            list(_BROUGHT_BACK),
            button=apply_words(record) or "Bring them back",
            back=url_for("account.one_import", import_id=import_id),
            action=url_for("account.apply_import", import_id=import_id),
        )
    try:
        applied = services().import_jobs.apply(account(), import_id, actor=actor())
    except NotAllowed as error:
        _refuse(error)
        return _back(import_id)
    return _back(applied.id)


@pages.route("/imports/<import_id>/undo", methods=["GET", "POST"])
def undo_import(import_id: str) -> Response | str:
    """Take it back; what that will and will not lift is said first."""
    record = services().imports.record(import_id, account())
    try:
        if request.form.get("confirmed") != "yes":
            return _ask_undo(record)
        reason = request.form.get("reason", "").strip()[:500]
        services().import_jobs.ask_undo(account(), import_id, actor=actor(), reason=reason)
    except NotAllowed as error:
        _refuse(error)
    return _back(import_id)


def _ask_undo(record: ImportRecord) -> str:
    told, exact = services().imports.foretold(record)
    order = order_of(record)
    about = "" if exact else "about "
    lifted = f"{about}{told.lifted:,} {'opt-out' if told.lifted == 1 else 'opt-outs'}"
    begin = f"{lifted[:1].upper()}{lifted[1:]}"
    kept = f"{about.capitalize()}{told.kept:,} {'number stays' if told.kept == 1 else 'numbers stay'} opted out"
    sentences = [
        f"{begin} of this import {'is' if told.lifted == 1 else 'are'} lifted: those numbers are as before it.",
        f"{kept}: the person, a colleague or a later import has changed them since."
        if told.kept
        else "Nothing that it brought has been changed since, so none of it stays.",
        "Numbers that were opted out before it stay opted out, and the journal keeps both the import and the undo.",
    ]
    if not exact:
        sentences.append("The import is large, so this was counted on a tenth of its numbers.")
    if order.kind != OPT_OUTS:
        sentences.append("Contacts that it added or changed stay as they are, and so do the audiences they joined.")
    return confirm_page(
        f"Undo the import of {order.file}?",
        sentences,
        button=f"Lift {lifted}" if told.lifted else "Undo it, although nothing is lifted",
        back=url_for("account.one_import", import_id=record.id),
        needs_reason=True,
    )


@pages.get("/imports/<import_id>/errors.csv")
def import_errors(import_id: str) -> FlaskResponse:
    """The rows that changed nothing or need a look, as they were, with why."""
    record = services().imports.record(import_id, account())
    response = FlaskResponse(services().import_jobs.errors(record), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{record.id}-errors.csv"'
    return response
