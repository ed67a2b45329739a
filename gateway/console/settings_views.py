"""An account's settings, one small form each, with who changed it and when; and the history of the configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_settings import (
    ACCOUNT_SETTINGS,
    CHOICE,
    NUMBER,
    SWITCH,
    TEXT,
    TEXT_BY_LANGUAGE,
    AccountSetting,
    setting_of,
)
from gateway.configuration import NOBODY_ACTS
from gateway.configuration_journal import said
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import flash_undo, saves_itself
from gateway.console.import_mapping import countries
from gateway.console.layout import confirm_page
from gateway.console.listing import Column, listing
from gateway.errors import NotAllowed
from store.configuration_journal import INSTALLATION, ConfigurationChange

_PAGE = 50
_HISTORY_COLUMNS = (Column("When"), Column("Who"), Column("What"), Column("Before"), Column("After"))

_NO_STOP_ACTS = "Has no effect while “Automated opt outs” is off: a person decides about every text."
DEPENDS_ON: Mapping[str, tuple[str, Callable[[Any], bool], str]] = {
    "free_text": ("automated_opt_outs", bool, _NO_STOP_ACTS),
    "clarify_opt_outs": ("automated_opt_outs", bool, _NO_STOP_ACTS),
    "revoke_all_from": ("stop_scope", lambda scope: scope != "account",
                        "Has no effect while “Stop scope” is account: a STOP reaches the whole account anyway."),
    "clarification_window": ("clarify_opt_outs", bool,
                             "Has no effect while “Clarify opt outs” is off: nobody is asked."),
    "review_window": ("free_text", lambda mode: mode == "act",
                      "Has no effect while “Free text” is not act: nothing is read out of free words."),
}  # fmt: skip
"""Setting -> the one it depends on, when it has an effect, and what is said when it has none."""


ABOUT: Mapping[str, AccountSetting] = {
    setting.name: setting
    for setting in (
        AccountSetting("name", TEXT, "", "What the account is called here; in replies too, while brand is empty."),
        AccountSetting("default_country", CHOICE, "",
                       "Of numbers that are typed, sent or uploaded without a country code. None: they are refused."),
    )
}  # fmt: skip
"""What is changed like a setting and stands in the account itself."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting with what the page says of it. idle: why it has no effect just now, or ""."""

    setting: AccountSetting
    value: Any
    is_default: bool
    idle: str
    change: ConfigurationChange | None

    @property
    def label(self) -> str:
        """The name as people read it."""
        return label_of(self.setting.name)

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return said(self.value)

    @property
    def choices(self) -> Sequence[tuple[str, str]]:
        """The values of a choice, and how people read them."""
        if self.setting.name == "default_country":
            return [("", "None"), *countries()]
        return [(choice, choice.replace("_", " ")) for choice in self.setting.choices]


@pages.get("/settings")
def settings() -> str:
    """Every setting of the account."""
    return _page({}, {})


def _page(errors: Mapping[str, str], typed: Mapping[str, str]) -> str:
    newest = services().store.configuration_journal.latest_by_name(account().id, "settings")
    rows = [
        SettingRow(setting, getattr(account(), name), True, "", newest.get(name))  # noqa: FBT003 (has no other default)
        for name, setting in ABOUT.items()
    ]
    rows += [
        SettingRow(
            setting,
            setting_of(account().settings, name),
            name not in account().settings,
            _idle(name),
            newest.get(name),
        )
        for name, setting in ACCOUNT_SETTINGS.items()
        if setting.kind != TEXT_BY_LANGUAGE
    ]
    return render_template("console/settings.html", rows=rows, errors=errors, typed=typed, said=said)


def _idle(name: str) -> str:
    if name not in DEPENDS_ON:
        return ""
    other, has_effect, sentence = DEPENDS_ON[name]
    return "" if has_effect(setting_of(account().settings, other)) else sentence


@pages.post("/settings/<name>")
def change_setting(name: str) -> Response | str:
    """Change one setting; `to` is a switch's new state, `value` any other's; `default` goes back to the default."""
    if name in ABOUT:
        return _change_about(name)
    setting = ACCOUNT_SETTINGS.get(name)
    if setting is None or setting.kind == TEXT_BY_LANGUAGE:
        abort(404)
    typed = request.form.get("value", request.form.get("to", "")).replace("\0", "").strip()
    value = None if request.form.get("default") == "yes" else _parsed(setting, typed)
    if name == "automated_opt_outs" and value is False and request.form.get("confirmed") != "yes":
        return _asked_first(name)
    before = setting_of(account().settings, name)
    try:
        changed = services().account_changes.change_settings(account(), {name: value}, actor=actor())
    except NotAllowed as error:
        return make_response(_page({name: fault_of(error)}, {name: typed}), 422)
    return _changed(name, before, setting_of(changed.settings, name))


def _change_about(name: str) -> Response:
    typed = request.form.get("value", "").replace("\0", "").strip()
    before = getattr(account(), name)
    try:
        changed = services().account_changes.describe(account(), {name: typed}, actor=actor())
    except NotAllowed as error:
        return make_response(_page({name: fault_of(error)}, {name: typed}), 422)
    return _changed(name, before, getattr(changed, name))


def label_of(name: str) -> str:
    """A setting's name as people read it."""
    return name.replace("_", " ").capitalize()


def _changed(name: str, before: Any, now: Any) -> Response:
    if saves_itself():
        return make_response("", 204)
    if now == before:
        flash(f"{label_of(name)} stays {said(now) or 'empty'}.", "done")
    else:
        action = url_for("account.change_setting", name=name)
        flash_undo(f"{label_of(name)} is {said(now) or 'empty'} now.", action, value=said(before), confirmed="yes")
    return redirect(url_for("account.settings", _anchor=name))


def _parsed(setting: AccountSetting, typed: str) -> Any:
    """What was typed as the setting's kind of value; as it is when it is none, so that the check can say so."""
    if setting.kind == SWITCH:
        return {"on": True, "off": False}.get(typed, typed)
    if setting.kind == NUMBER:
        try:
            number = float(typed)
        except ValueError:
            return typed
        return int(number) if number.is_integer() else number
    if setting.kind == CHOICE and not typed:
        return None
    return typed


def fault_of(error: NotAllowed) -> str:
    """What is wrong with a setting, as a sentence."""
    faults: Sequence[Mapping[str, str]] = error.facts.get("errors", ())  # type: ignore[assignment]
    return " ".join(f"It {fault['problem']}" for fault in faults) or str(error)


def _asked_first(name: str) -> str:
    waits = (
        f"Texts that ask to stop no longer block by themselves in {account().name}; they wait on the review page, and "
        "nobody is texted by broadcasts meanwhile."
    )
    return confirm_page(
        "Let a person decide about every STOP?",
        [NOBODY_ACTS[0].upper() + NOBODY_ACTS[1:], waits],
        button="Switch automated opt-outs off",
        back=url_for("account.settings"),
        fields={"to": "off"},
        action=url_for("account.change_setting", name=name),
    )


@pages.get("/settings/history")
def settings_history() -> str:
    """Who changed which part of the configuration, from what to what."""
    asked = listing()
    owner = INSTALLATION if request.args.get("of") == "installation" else account().id
    changes = services().store.configuration_journal.newest(owner, before=asked.cursor, count=_PAGE + 1)
    more = changes[_PAGE - 1].id if len(changes) > _PAGE else ""
    return render_template(
        "console/settings_history.html", listing=asked, changes=changes[:_PAGE], next=more, columns=_HISTORY_COLUMNS
    )
