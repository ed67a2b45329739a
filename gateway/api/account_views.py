"""The API's routes about an account: its keys, settings, own words and journal."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.account_changes import findings_of
from gateway.account_settings import ACCOUNT_SETTINGS, NUMBER, TEXT_BY_LANGUAGE
from gateway.api.access import account, actor, check_key, services
from gateway.api.account_models import (
    ApiKeyBody,
    ApiKeyCreated,
    ApiKeyList,
    ApiKeyPath,
    ApiKeyView,
    JournalItem,
    JournalList,
    JournalQuery,
    KeywordBody,
    KeywordChanged,
    KeywordPatch,
    SettingList,
    SettingsBody,
    SettingView,
    WordPath,
)
from gateway.api.consent_models import finding_view, own_keyword_view
from gateway.api.paging import next_of, place_of
from gateway.api.rendering import as_json, number_in
from gateway.reply_texts import LANGUAGES
from store.api_keys import ApiKey
from store.consent import JournalEntry
from store.directory import Account, Keyword
from store.journal_listing import JournalFilter, JournalPlace
from store.scopes import Scope

_KEYS = Tag(name="api keys", description="Who may use this API, and for what.")
_SETTINGS = Tag(name="settings", description="How the account wants things done.")
_JOURNAL = Tag(name="journal", description="Every consent change, as it was recorded.")
_KEYWORDS = Tag(name="keywords", description="Built-in keywords, their switches, and replies.")

account_api = APIBlueprint("api_account", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
account_api.before_request(check_key)


@account_api.get("/api-keys", tags=[_KEYS], responses={200: ApiKeyList})
def list_api_keys() -> Response:
    """The account's API keys, without their secrets."""
    return as_json(ApiKeyList(items=[_key_view(key) for key in services().store.api_keys.all(account().id)]))


@account_api.post("/api-keys", tags=[_KEYS], responses={201: ApiKeyCreated})
def create_api_key(body: ApiKeyBody) -> Response:
    """Make a key. Its secret is in this answer and never again."""
    key, secret = services().account_changes.make_key(account(), body.role, name=body.name, actor=actor())
    return as_json(ApiKeyCreated(**_key_view(key).model_dump(), key=secret), 201)


@account_api.delete("/api-keys/<id>", tags=[_KEYS], responses={200: ApiKeyView})
def revoke_api_key(path: ApiKeyPath) -> Response:
    """Revoke a key, from this moment on."""
    return as_json(_key_view(services().account_changes.revoke_key(account(), path.id, actor=actor())))


def _key_view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(id=key.id, name=key.name, role=key.role, created_at=key.created_at, last_used_at=key.last_used_at)


@account_api.get("/settings", tags=[_SETTINGS], responses={200: SettingList})
def list_settings() -> Response:
    """Every setting with its value, default and meaning."""
    return _settings_of(account())


@account_api.patch("/settings", tags=[_SETTINGS], responses={200: SettingList})
def change_settings(body: SettingsBody) -> Response:
    """Change settings. All or none: when one value is wrong, nothing is changed and every fault is said."""
    changes = body.model_extra or {}
    return _settings_of(services().account_changes.change_settings(account(), changes, actor=actor()))


def _settings_of(owner: Account) -> Response:
    items = []
    for state in services().account_changes.settings(owner):
        setting = ACCOUNT_SETTINGS[state.name]
        choices = LANGUAGES if setting.kind == TEXT_BY_LANGUAGE else setting.choices
        items.append(
            SettingView(
                name=state.name,
                kind=setting.kind,
                value=state.value,
                default=setting.default,
                is_default=state.is_default,
                help=setting.help,
                choices=list(choices),
                most=setting.most if setting.kind == NUMBER else None,
            )
        )
    return as_json(SettingList(items=items, findings=[finding_view(finding) for finding in findings_of(owner)]))


@account_api.post("/keywords", tags=[_KEYWORDS], responses={201: KeywordChanged})
def create_keyword(body: KeywordBody) -> Response:
    """Give the account a word of its own. A word that everybody understands as STOP, START or HELP stays what it is."""
    return _word(*services().account_changes.add_word(account(), body.model_dump(), actor=actor()), status=201)


@account_api.patch("/keywords/<id>", tags=[_KEYWORDS], responses={200: KeywordChanged})
def change_keyword(path: WordPath, body: KeywordPatch) -> Response:
    """Change a word of the account."""
    changes = body.model_dump(exclude_unset=True)
    return _word(*services().account_changes.change_word(account(), path.id, changes, actor=actor()))


@account_api.delete("/keywords/<id>", tags=[_KEYWORDS], responses={200: KeywordChanged})
def delete_keyword(path: WordPath) -> Response:
    """Take a word of the account away. Its audience and who is in it stay."""
    return _word(*services().account_changes.remove_word(account(), path.id, actor=actor()))


def _word(owner: Account, keyword: Keyword, status: int = 200) -> Response:
    findings = [finding_view(finding) for finding in findings_of(owner)]
    return as_json(KeywordChanged(keyword=own_keyword_view(keyword), findings=findings), status)


@account_api.get("/journal", tags=[_JOURNAL], responses={200: JournalList})
def list_journal(query: JournalQuery) -> Response:
    """What happened to people's consent in this account, what was recorded last first."""
    wanted = JournalFilter(
        number=number_in(query.number) if query.number else "",
        kinds=(query.kind,) if query.kind else (),
        sources=(query.source,) if query.source else (),
        since=query.since,
        until=query.until,
    )
    page = services().store.journal_listing.newest(account().id, wanted, limit=query.limit, after=place_of(query))
    items = [_journal_item(place, entry) for place, entry in page.items]
    return as_json(JournalList(items=items, next=next_of(query, page.next)))


def _journal_item(place: JournalPlace, entry: JournalEntry) -> JournalItem:
    scope = Scope.parse(entry.scope)
    return JournalItem(
        id=str(place),
        number=entry.number,
        kind=entry.kind,
        scope=scope.kind.value,
        sender=scope.sender or None,
        audience=scope.audience or None,
        channels=list(entry.channels),
        source=entry.source or None,
        outcome=entry.outcome,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        detail=dict(entry.detail),
    )
