"""The API's routes about imports."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from flask import Response, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.import_models import (
    ColumnView,
    FileForm,
    ForetoldView,
    ImportForm,
    ImportList,
    ImportPath,
    ImportView,
    PreviewOfFile,
    TargetView,
    UndoBody,
    UndoView,
)
from gateway.api.paging import PageQuery, next_of, place_of
from gateway.api.problems import Problem
from gateway.api.rendering import as_json
from gateway.import_jobs import file_name, refuse_too_large
from gateway.import_orders import ImportOrder, order_of
from gateway.import_previews import preview_of
from gateway.imports import refuse_unknown_zone, summary_of
from gateway.lists.columns import targets_of
from gateway.lists.targets import TARGETS
from gateway.phone import is_country
from gateway.uploads import path_in
from store.consent import milliseconds, moment
from store.imports import ImportRecord
from store.scopes import ALL_CHANNELS, Channel

_IMPORTS = Tag(name="imports", description="Lists that become opt-outs or contacts: tried, applied, undone.")
_CSV = {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}}

imports_api = APIBlueprint("api_imports", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
imports_api.before_request(check_key)


@contextmanager
def _saved(form: FileForm) -> Iterator[tuple[Path, str]]:
    """The uploaded file on disk, for as long as the context is open, and its name."""
    name = file_name(form.file.filename or "")
    with tempfile.TemporaryDirectory(prefix="stopgate-") as folder:
        path = path_in(folder, name)
        form.file.save(path)
        yield path, name


def _country_of(form: FileForm) -> str:
    """The country of an upload, in capital letters; the account's, when left out."""
    country = (form.default_country or "").upper()
    if country and not is_country(country):
        raise Problem("invalid_request", f"default_country: there is no country {country!r}")
    return country or account().default_country


@imports_api.post("/imports", tags=[_IMPORTS], responses={202: ImportView})
def create_import(form: ImportForm) -> Response:
    """Take a list to be imported by a worker. With `dry_run` it only says what would come of each row."""
    channels = tuple(Channel(channel) for channel in dict.fromkeys(form.channels))
    with _saved(form) as (path, name):
        record = services().import_jobs.submit(
            account(),
            path,
            actor=actor(),
            name=name,
            kind=form.kind,
            mapping=form.mapping,
            dry_run=form.dry_run,
            sender=form.sender or "",
            audience=form.audience or "",
            channels=channels or ALL_CHANNELS,
            default_country=_country_of(form),
            delimiter=form.delimiter or "",
            date_order=form.date_order or "",
            timezone=form.timezone,
            opted_out_at=milliseconds(form.opted_out_at) if form.opted_out_at else 0,
            reset=form.reset,
            note=form.note,
        )
    return _taken(record)


def _taken(record: ImportRecord) -> Response:
    response = as_json(import_view(record), 202)
    response.headers["Location"] = url_for("api_imports.get_import", id=record.id)
    return response


@imports_api.post("/imports/preview", tags=[_IMPORTS], responses={200: PreviewOfFile})
def preview_import(form: FileForm) -> Response:
    """What is in a list: its columns with their first cells, what they probably are, what is wrong. Keeps nothing."""
    refuse_unknown_zone(form.timezone)
    with _saved(form) as (path, name):
        refuse_too_large(path, name)
        found = preview_of(
            path,
            kind=form.kind,
            country=_country_of(form),
            mapping=form.mapping,
            delimiter=form.delimiter or "",
            date_order=form.date_order or "",
            timezone=form.timezone,
        )
    columns = zip(found.header, found.targets, found.samples, strict=True)
    targets = [target for target in TARGETS.values() if form.kind in target.kinds]
    return as_json(
        PreviewOfFile(
            format=found.format or None,
            encoding=found.encoding,
            delimiter=found.delimiter,
            has_header=found.has_header,
            date_order=found.date_order,
            columns=[ColumnView(header=name, target=target, samples=list(cells)) for name, target, cells in columns],
            rows=found.rows,
            numbers=found.numbers,
            targets=[TargetView(name=row.name, meaning=row.meaning, many=row.many) for row in targets],
            problems=list(found.problems),
        )
    )


@imports_api.get("/imports", tags=[_IMPORTS], responses={200: ImportList})
def list_imports(query: PageQuery) -> Response:
    """The account's imports, newest first."""
    at, _, last = place_of(query).partition(":")
    before = (moment(at), last) if at else None
    found = services().store.imports.newest(account().id, query.limit + 1, before=before)
    shown = found[: query.limit]
    place = f"{milliseconds(shown[-1].created_at)}:{shown[-1].id}" if len(found) > len(shown) else ""
    return as_json(ImportList(items=[import_view(record) for record in shown], next=next_of(query, place)))


@imports_api.get("/imports/<id>", tags=[_IMPORTS], responses={200: ImportView})
def get_import(path: ImportPath) -> Response:
    """An import: how far it is and what came of its rows."""
    return as_json(import_view(services().imports.record(path.id, account())))


@imports_api.post("/imports/<id>/stop", tags=[_IMPORTS], responses={202: ImportView})
def stop_import(path: ImportPath) -> Response:
    """Stop an import, after the rows it is at. What was done stays done, and it can be resumed or undone."""
    return _taken(services().import_jobs.stop(account(), path.id))


@imports_api.post("/imports/<id>/resume", tags=[_IMPORTS], responses={202: ImportView})
def resume_import(path: ImportPath) -> Response:
    """Go on with an import that was stopped or failed, where it was."""
    return _taken(services().import_jobs.resume(account(), path.id))


@imports_api.post("/imports/<id>/apply", tags=[_IMPORTS], responses={202: ImportView})
def apply_import(path: ImportPath) -> Response:
    """Do what a dry run foretold: the same file, the same mapping. The answer is the new import; asking again too."""
    return _taken(services().import_jobs.apply(account(), path.id, actor=actor()))


@imports_api.get("/imports/<id>/undo", tags=[_IMPORTS], responses={200: ForetoldView})
def foretell_undo(path: ImportPath) -> Response:
    """What an undo would lift, and what it would leave. Changes nothing."""
    told, exact = services().imports.foretold(services().imports.record(path.id, account()))
    return as_json(ForetoldView(will_lift=told.lifted, will_keep=told.kept, exact=exact))


@imports_api.post("/imports/<id>/undo", tags=[_IMPORTS], responses={202: ImportView})
def undo_import(path: ImportPath, body: UndoBody) -> Response:
    """Take an import back: what it newly opted out and nothing has changed since. The journal says so too."""
    return _taken(services().import_jobs.ask_undo(account(), path.id, actor=actor(), reason=body.reason))


@imports_api.get("/imports/<id>/errors.csv", tags=[_IMPORTS], responses={200: _CSV})
def import_errors(path: ImportPath) -> Response:
    """The rows that changed nothing or need a look: the row of the file, why, and the row as it was."""
    record = services().imports.record(path.id, account())
    headers = {"Content-Disposition": f'attachment; filename="import-{record.id}-errors.csv"'}
    lines = services().import_jobs.errors(record)
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


def import_view(record: ImportRecord) -> ImportView:
    """An import as the API shows it."""
    order = order_of(record)
    return ImportView(
        id=record.id,
        status=record.status,
        stopping=record.wish == "stop" and record.status in {"queued", "running"},
        kind=order.kind,
        file=order.file,
        dry_run=order.dry_run,
        sender=order.sender or None,
        audience=order.audience or None,
        channels=[channel.value for channel in order.channels],
        note=order.note,
        columns=_columns(order),
        date_order=order.date_order or None,
        timezone=order.timezone,
        rows=record.rows,
        counts=summary_of(record.counts, order.kind),
        opt_outs=dict(record.also),
        progress=_progress(record),
        rate=_rate(record),
        problem=record.problem or None,
        created_at=record.created_at,
        updated_at=record.updated_at,
        began_at=record.began_at,
        ended_at=record.ended_at,
        applied_as=record.applied or None,
        undo=_undo(record),
    )


def _columns(order: ImportOrder) -> dict[str, str]:
    if order.columns is None:
        return dict(order.mapping)
    return dict(zip(order.header, targets_of(order.header, order.columns), strict=True))


def _progress(record: ImportRecord) -> float:
    if record.status in {"finished", "undone"}:
        return 1.0
    return round(min(1.0, record.done / record.size), 3) if record.size else 0.0


def _rate(record: ImportRecord) -> int | None:
    if record.began_at is None or not record.rows:
        return None
    until: datetime = record.ended_at or services().clock.now()
    return round(record.rows / max((until - record.began_at) / timedelta(seconds=1), 0.001))


def _undo(record: ImportRecord) -> UndoView | None:
    if record.status == "undone":
        return UndoView(status="done", lifted=record.undone["lifted"], kept=record.undone["kept"], progress=1.0)
    if not record.undoing:
        return None
    under_way = record.undoing
    return UndoView(
        status="running",
        lifted=under_way["lifted"],
        kept=under_way["kept"],
        progress=round(under_way["done"] / under_way["of"], 3) if under_way["of"] else 0.0,
    )
