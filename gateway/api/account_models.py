"""The bodies of the API's routes about an account: its keys, settings, own words and journal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.account_settings import (
    ACCOUNT_SETTINGS,
    CHOICE,
    DATE,
    LEAST_NUMBER,
    NUMBER,
    SWITCH,
    TEXT,
    TEXT_BY_LANGUAGE,
    AccountSetting,
)
from gateway.api.consent_models import FindingView, OwnKeywordView
from gateway.api.models import Strict
from gateway.api.paging import Paged, PageQuery
from gateway.reply_texts import LANGUAGES

Role = Literal["send", "read", "manage", "admin"]
# A word stands in addresses: one with a slash could not be reached there.
_Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^/\x00-\x1f]+$")]
_Audience = Annotated[str, StringConstraints(max_length=80)]
_Reply = Annotated[str, StringConstraints(max_length=1600)]


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str = Field(description="What people call it.")
    role: str
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null when it was never used.")


class ApiKeyList(BaseModel):
    """The keys of the account, oldest first."""

    items: list[ApiKeyView]
    next: None = Field(None, description="There is one page.")


class ApiKeyBody(Strict):
    """A key to make."""

    role: Role
    name: Annotated[str, StringConstraints(max_length=80)] = ""


class ApiKeyCreated(ApiKeyView):
    """A key that was made. `key` is shown this once."""

    key: str


class ApiKeyPath(BaseModel):
    """A key in an address."""

    id: Annotated[str, StringConstraints(max_length=64)]


_NULL: Mapping[str, Any] = {"type": "null"}
_TEXT: Mapping[str, Any] = {"type": "string", "maxLength": 1600}
_BY_LANGUAGE: Mapping[str, Any] = {
    "type": "object",
    "properties": {name: {"anyOf": [_TEXT, _NULL]} for name in LANGUAGES},
    "additionalProperties": False,
}


def _schema_of(setting: AccountSetting) -> dict[str, Any]:
    by_kind: Mapping[str, Any] = {
        SWITCH: {"type": "boolean"},
        CHOICE: {"type": "string", "enum": list(setting.choices)},
        NUMBER: {"type": "number", "minimum": LEAST_NUMBER, "maximum": setting.most},
        DATE: {"type": "string"},
        TEXT: _TEXT,
        TEXT_BY_LANGUAGE: _BY_LANGUAGE,
    }
    return {"anyOf": [by_kind[setting.kind], _NULL], "description": setting.help}


def _describe_settings(schema: dict[str, Any]) -> None:
    schema["properties"] = {name: _schema_of(setting) for name, setting in ACCOUNT_SETTINGS.items()}
    schema["additionalProperties"] = False
    schema["example"] = {"stop_scope": "sender", "help_message": {"en": "{brand}: call us."}, "confirm_window": None}


class SettingsBody(BaseModel):
    """Settings to change, by name; null goes back to the default. Texts by language change language by language.

    The table of settings checks the values, so that all that is wrong is said at once.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=_describe_settings)


class SettingView(BaseModel):
    """A setting of the account. kind: switch, choice, number, date, text or text by language."""

    name: str
    kind: str
    value: Any = Field(description="The account's, or the default.")
    default: Any
    is_default: bool
    help: str
    choices: list[str] = Field(description="The values of a choice; languages of a text by language.")
    most: float | None = Field(description="The most a number may be; null for other kinds.")


class SettingList(BaseModel):
    """Every setting, and what the linter says of them as they are."""

    items: list[SettingView]
    next: None = Field(None, description="There is one page.")
    findings: list[FindingView]


class KeywordBody(Strict):
    """A word of your own. join needs an audience, reply a reply."""

    word: _Word = Field(examples=["JOIN"])
    action: Literal["opt_out", "opt_in", "help", "join", "reply"] = Field(examples=["join"])
    match: Literal["whole", "first_word", "phrase"] = "whole"
    audience: _Audience = ""
    reply: _Reply = Field("", examples=["Acme: you are in. Reply HELP for help, STOP to cancel."])


class KeywordPatch(Strict):
    """What to change of it. What is left out stays."""

    word: _Word | None = None
    action: Literal["opt_out", "opt_in", "help", "join", "reply"] | None = Field(None, examples=["join"])
    match: Literal["whole", "first_word", "phrase"] | None = None
    audience: _Audience | None = None
    reply: _Reply | None = Field(None, examples=["Acme: welcome."])


class WordPath(BaseModel):
    """One of the account's own words in an address; capitals make no difference."""

    id: Annotated[str, StringConstraints(max_length=200)] = Field(description="A word of your own.")


class KeywordChanged(BaseModel):
    """The word as it is now (or was), and what the linter says of the account's words and texts."""

    keyword: OwnKeywordView
    findings: list[FindingView]


_SOURCES = Literal["keyword", "link", "carrier", "agent", "admin", "api", "import", "confirmed"]


class JournalQuery(PageQuery):
    """Which entries of the journal."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")] | None = Field(
        None, description="opt_out, lift, join, held, review, ..."
    )
    source: _SOURCES | None = None
    since: AwareDatetime | None = Field(None, description="Recorded at this time or later.")
    until: AwareDatetime | None = Field(None, description="Recorded at this time or earlier.")


class JournalItem(BaseModel):
    """One thing that happened to one number's consent. detail: who, by which words, matched by which rule, ..."""

    id: str
    number: str
    kind: str
    scope: str
    sender: str | None
    audience: str | None
    channels: list[str]
    source: str | None
    outcome: str
    occurred_at: datetime
    recorded_at: datetime
    detail: dict[str, Any]


class JournalList(Paged):
    """A page of the journal, what was recorded last first. It may be short, or empty, and still have a `next`."""

    items: list[JournalItem]
