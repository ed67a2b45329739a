"""The bodies of the API's routes about imports."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from flask_openapi3.models.file import FileStorage
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from gateway.api.models import Strict
from gateway.api.paging import Paged
from gateway.import_jobs import MOST_BYTES
from gateway.lists.reading import DELIMITERS
from store.scopes import ALL_CHANNELS

MOST_MAPPED = 1000


def _as_text(value: Any) -> Any:
    """A form's field is text; whoever read it as JSON (a short code as a number) is corrected."""
    return value if isinstance(value, str) else json.dumps(value)


def _as_channels(value: Any) -> Any:
    """Fields "channels" as forms have them: repeated, a JSON list, or "both"."""
    named = [inner for item in value for inner in (item if isinstance(item, list) else [item])]
    return [channel for name in named for channel in (ALL_CHANNELS if name == "both" else [name])]


def _as_delimiter(value: Any) -> Any:
    """A delimiter by its name."""
    return _DELIMITERS.get(value, value) if isinstance(value, str) else value


_Text = Annotated[str, StringConstraints(max_length=500), BeforeValidator(_as_text)]
_Name = Annotated[str, StringConstraints(max_length=80), BeforeValidator(_as_text)]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$"), BeforeValidator(_as_text)]
_Header = Annotated[str, StringConstraints(max_length=500)]
_Channels = Annotated[list[Literal["text", "voice"]], Field(max_length=4), BeforeValidator(_as_channels)]
_Delimiter = Annotated[Literal[",", ";", "\t", "|"] | None, BeforeValidator(_as_delimiter)]
_DELIMITERS: Mapping[str, str] = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}

assert DELIMITERS == (",", ";", "\t", "|"), "the type above names them"


class FileForm(Strict):
    """A list, and how to read it."""

    file: FileStorage = Field(
        description=f"CSV, TSV, XLSX, XLS, ODS, or the JSON of a carrier's API; {MOST_BYTES // 1_000_000} MB at most."
    )
    kind: Literal["opt_outs", "contacts"] = Field("opt_outs", description="What the file is a list of.")
    mapping: Annotated[dict[_Header, _Header], Field(max_length=MOST_MAPPED)] | None = Field(
        None,
        description="JSON: column header -> target field. Target fields: phone, primary_phone, other_phone, "
        "opted_out_at, channel, opted_out, first_name, last_name, contact_id, ignore, property:NAME. Columns that it "
        'does not name are guessed from their headers. "#3" is the third column, whatever its header.',
    )
    default_country: _Country | None = Field(
        None, description="For numbers without a country code; the account's, when left out."
    )
    delimiter: _Delimiter = Field(None, description="Of a CSV file; guessed, when left out.")
    date_order: Literal["mdy", "dmy"] | None = Field(None, description="How 5/6/2024 is meant; seen from the dates.")
    timezone: _Name = Field("UTC", description="For dates that name none, such as America/New_York.")


class ImportForm(FileForm):
    """A list to import."""

    dry_run: bool = Field(default=False, description="Say what would come of each row, and change nothing.")
    sender: _Name | None = Field(None, description="Opt-outs: only for what is sent from this sender.")
    audience: _Name | None = Field(
        None, description="Opt-outs: only for what is sent to this audience. Contacts: the audience they join."
    )
    channels: _Channels = Field([], description="What an opt-out blocks, where no column says it; both, when left out.")
    opted_out_at: AwareDatetime | None = Field(
        None,
        description="When the people opted out, for rows without a date. Left out, it is now, and whoever came back by "
        "a word of their own stays as they are.",
    )
    reset: bool = Field(
        default=False,
        description="Contacts: those that opted out before come back, as far as an admin may do that; never those who "
        "said STOP themselves.",
    )
    note: _Text = ""


class ImportPath(BaseModel):
    """An import in an address."""

    id: Annotated[str, StringConstraints(max_length=64)]


class UndoBody(Strict):
    """Why it is undone. The body may be left out."""

    reason: Annotated[str, StringConstraints(max_length=500)] = ""

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, body: Any) -> Any:
        return {} if body is None else body


class UndoView(BaseModel):
    """An undo. status: running or done. lifted: numbers as they were before the import. kept: changed since."""

    status: Literal["running", "done"]
    lifted: int
    kept: int
    progress: float


class ForetoldView(BaseModel):
    """What an undo would do."""

    will_lift: int = Field(description="Numbers that would be as they were before the import.")
    will_keep: int = Field(
        description="Numbers that stay opted out: the person, a colleague or a later import has changed them since."
    )
    exact: bool = Field(description="False for a large import: then it was counted on a tenth of the numbers.")


class ImportView(BaseModel):
    """An import, and how far it is."""

    id: str
    status: Literal["queued", "running", "finished", "stopped", "failed", "undone"]
    stopping: bool = Field(description="It was asked to stop and will, after the rows it is at.")
    kind: str
    file: str
    dry_run: bool
    sender: str | None
    audience: str | None
    channels: list[str]
    note: str
    columns: dict[str, str] = Field(description="Column header -> target field, as they were understood.")
    date_order: str | None
    timezone: str
    rows: int = Field(description="Rows with an outcome; at the end, those of the file.")
    counts: dict[str, int] = Field(description="Rows by outcome; they add up to `rows`.")
    opt_outs: dict[str, int] = Field(description="Contacts: opt-outs that their rows brought, by outcome.")
    progress: float = Field(description="How much of the file was read, from 0 to 1.")
    rate: int | None = Field(description="Rows a second.")
    problem: str | None = Field(description="Why it failed.")
    created_at: datetime
    updated_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    applied_as: str | None = Field(description="The import that this dry run became.")
    undo: UndoView | None


class ImportList(Paged):
    """Imports, newest first."""

    items: list[ImportView]


class ColumnView(BaseModel):
    """A column of a file: its header, what it probably is, the first cells in it."""

    header: str
    target: str
    samples: list[str]


class TargetView(BaseModel):
    """A target field that a column may be mapped to."""

    name: str
    meaning: str
    many: bool


class PreviewOfFile(BaseModel):
    """What is in a file, before it is imported."""

    format: str | None = Field(description="The product whose export it looks like.")
    encoding: str
    delimiter: str
    has_header: bool
    date_order: str
    columns: list[ColumnView]
    rows: int = Field(description="Rows that were looked at for this.")
    numbers: int = Field(description="Of those, rows with a usable number.")
    targets: list[TargetView]
    problems: list[str]
