"""The first steps of an import: what kind it is, the file, and what its columns are."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from gateway.console.access import COOKIE, account, actor, services
from gateway.console.blueprints import pages
from gateway.console.failures import error_page
from gateway.console.forms import Draft
from gateway.console.import_mapping import (
    NEW_AUDIENCE,
    columns_of_preview,
    countries,
    first_form,
    form_of,
    refusal,
    sent_form,
    timezones,
    wishes_of,
)
from gateway.console.import_words import CHOICES, KIND_WORDS
from gateway.errors import NotAllowed
from gateway.import_jobs import MOST_BYTES, MOST_ROWS, file_name
from gateway.import_orders import order_of
from gateway.import_previews import Preview
from gateway.import_uploads import How
from gateway.lists.formats import FORMATS
from gateway.lists.reading import DELIMITERS, ListFileError
from gateway.lists.targets import CONTACTS, OPT_OUTS
from gateway.roles import may
from store.uploads import Upload

EXAMPLES: Mapping[str, str] = {
    OPT_OUTS: "phone,opted out at,channel\r\n+14155550100,2026-01-31 09:30,text\r\n(415) 555-0101,2026-02-01,both\r\n",
    CONTACTS: "Phone,First name,Last name,Contact ID,City\r\n"
    "+14155550100,Ada,Moreno,A-1001,Oakland\r\n(415) 555-0101,Ben,Okafor,A-1002,Berkeley\r\n",
}
"""A file to begin with, for each kind."""

_FORM_BYTES = 1_000_000
_DELIMITER_WORDS: Mapping[str, str] = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)"}

assert set(_DELIMITER_WORDS) == set(DELIMITERS), "each has a word"


@pages.url_value_preprocessor
def _take_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Lists may be larger than other forms, for whoever may import: nobody else has us read a hundred megabytes.

    This comes before the form is read, and the check of its token reads it.
    """
    if endpoint != "account.upload_import" or request.method != "POST":
        return
    found = services().signing_in.who(request.cookies.get(COOKIE, ""))
    if found is not None and may(found.user.role_in(g.get("account_id", "")), "lists"):
        request.max_content_length = MOST_BYTES + _FORM_BYTES


@pages.errorhandler(RequestEntityTooLarge)
def _too_large(error: RequestEntityTooLarge) -> FlaskResponse:
    if request.endpoint != "account.upload_import":
        return error_page(error)
    said = f"The file is too large: an upload may have {MOST_BYTES // 1_000_000} MB. Split it, and import the parts."
    return make_response(render_template("console/error.html", name="Too large", sentence=said), error.code)


@pages.get("/imports/new")
def new_import() -> str:
    """What the list is of."""
    return render_template("console/import_new.html")


@pages.route("/imports/new/<kind>", methods=["GET", "POST"])
def upload_import(kind: str) -> Response | str:
    """Upload a list. It is looked at once, and refused at once when it can be no import."""
    if kind not in KIND_WORDS:
        abort(404)
    if request.method == "GET":
        return _upload_page(kind, Draft())
    try:
        with _saved() as (path, name):
            upload = services().import_uploads.keep(account(), path, kind=kind, name=name, actor=actor())
    except ListFileError as error:
        return make_response(_upload_page(kind, Draft(errors={"file": str(error)})), 422)
    return redirect(url_for("account.map_import", upload_id=upload.id))


@contextmanager
def _saved() -> Iterator[tuple[Path, str]]:
    """The uploaded file on disk, for as long as the context is open, and its name. Raises ListFileError: none came."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise ListFileError("Choose a file.")
    name = file_name(file.filename)
    with tempfile.TemporaryDirectory(prefix="stopgate-") as folder:
        path = Path(folder) / f"list{Path(name).suffix[:10]}"
        file.save(path)
        yield path, name


def _upload_page(kind: str, shown: Draft) -> str:
    return render_template(
        "console/import_upload.html",
        kind=kind,
        words=KIND_WORDS[kind],
        draft=shown,
        example=[line.split(",") for line in EXAMPLES[kind].split("\r\n") if line],
        formats=[known.name for known in FORMATS if kind in known.kinds],
        most_bytes=MOST_BYTES,
        most_rows=MOST_ROWS,
    )


@pages.get("/imports/new/<kind>/example")
def import_example(kind: str) -> FlaskResponse:
    """A file to begin with."""
    if kind not in EXAMPLES:
        abort(404)
    response = FlaskResponse(EXAMPLES[kind], content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{KIND_WORDS[kind]}-example.csv"'
    return response


@pages.route("/imports/uploads/<upload_id>", methods=["GET", "POST"])
def map_import(upload_id: str) -> Response | str:
    """Say what the columns are and what the import does, then try it."""
    try:
        upload = services().import_uploads.get(account(), upload_id)
    except NotAllowed as error:
        flash(str(error), "refused")
        return redirect(url_for("account.new_import"))
    chosen = request.values.get("delimiter", "")
    delimiter = chosen if chosen in DELIMITERS else upload.delimiter
    try:
        found = services().import_uploads.look(upload, How(country=account().default_country, delimiter=delimiter))
    except ListFileError as error:
        if delimiter == upload.delimiter:
            return make_response(_upload_page(upload.kind, Draft(errors={"file": str(error)})), 422)
        flash(f"Read with {_DELIMITER_WORDS[delimiter]} between its cells, this is no list: {error}", "refused")
        return redirect(url_for("account.map_import", upload_id=upload.id))
    if request.method == "POST":
        return _tried(upload, found, delimiter)
    tried = _tried_before(upload)
    if tried is not None:
        # What has not been asked yet is as the file says.
        guessed = columns_of_preview(found, upload.kind)
        start = {f"column-{column.place}": column.target for column in guessed}
        start |= {f"property-{column.place}": column.property_name for column in guessed}
        return _mapping_page(upload, found, Draft({**start, **tried.values}), delimiter, sent=True)
    return _mapping_page(upload, found, first_form(account()), delimiter)


def _tried_before(upload: Upload) -> Draft | None:
    """How the file was mapped for the import that the address names."""
    tried = services().store.imports.get(request.args.get("like", "")[:64])
    if tried is None or tried.account != account().id:
        return None
    order = order_of(tried)
    return form_of(order, account()) if order.upload == upload.reference else None


def _tried(upload: Upload, found: Preview, delimiter: str) -> Response:
    form = sent_form(len(found.header))
    columns = columns_of_preview(found, upload.kind, form)
    wishes = wishes_of(form, columns, upload.kind, account(), services().clock.now())
    if not wishes.errors:
        try:
            record = services().import_uploads.try_out(
                account(), upload, actor=actor(), delimiter=delimiter, **wishes.orders
            )
            return redirect(url_for("account.one_import", import_id=record.id))
        except ListFileError as error:
            form = refusal(form, wishes, problem=str(error))
        except NotAllowed as error:
            form = refusal(form, wishes, error)
    else:
        form = refusal(form, wishes)
    return make_response(_mapping_page(upload, found, form, delimiter, sent=True), 422)


def _mapping_page(upload: Upload, found: Preview, form: Draft, delimiter: str, *, sent: bool = False) -> str:
    people = account()
    audiences = services().audiences.all(people)
    return render_template(
        "console/import_map.html",
        upload=upload,
        kind=upload.kind,
        words=KIND_WORDS[upload.kind],
        preview=found,
        columns=columns_of_preview(found, upload.kind, form if sent else None),
        choices=CHOICES[upload.kind],
        draft=form,
        countries=countries(),
        timezones=timezones(),
        audiences=[(each.record.id, each.record.name) for each in audiences],
        new_audience=NEW_AUDIENCE,
        delimiter=delimiter,
        delimiters=_DELIMITER_WORDS,
        refused=len(form.errors),
    )
