"""The settings of an account: one declared table, from which checks, API, console and documentation come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.reply_texts import LANGUAGES

SWITCH, CHOICE, TEXT, TEXT_BY_LANGUAGE = "switch", "choice", "text", "text by language"
_LONGEST_TEXT = 1600


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """One row: name, kind of value, default, what it does, and for a choice the values it may have."""

    name: str
    kind: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()


ACCOUNT_SETTINGS: Mapping[str, AccountSetting] = {
    setting.name: setting
    for setting in (
        AccountSetting("automated_opt_outs", SWITCH, True,
                       "Act on texts that ask to stop. Off: they are held for a person, and the deadline runs."),
        AccountSetting("free_text", CHOICE, "act",
                       "What to do with plain sentences that clearly ask to stop: act on them, hold them for a "
                       "person, or look at keywords alone (off; clear requests are still held).",
                       ("act", "hold", "off")),
        AccountSetting("stop_scope", CHOICE, "account",
                       "How far a STOP reaches: everything this account sends, or the sender that was texted.",
                       ("account", "sender")),
        AccountSetting("text_stop_blocks_voice", SWITCH, True, "A STOP by text also stops calls."),
        AccountSetting("brand", TEXT, "", "The name in replies. Empty: the account's name."),
        AccountSetting("help_contact", TEXT, "", "A phone number or address for people who ask for HELP."),
        AccountSetting("opt_out_message", TEXT_BY_LANGUAGE, {}, "The one confirmation after an opt-out."),
        AccountSetting("opt_in_message", TEXT_BY_LANGUAGE, {}, "The answer to START from somebody who had stopped."),
        AccountSetting("help_message", TEXT_BY_LANGUAGE, {}, "The answer to HELP."),
    )
}  # fmt: skip


def setting_of(settings: Mapping[str, Any], name: str) -> Any:
    """An account's value of a setting, or its default."""
    return settings.get(name, ACCOUNT_SETTINGS[name].default)


def _problem_with_switch(_: AccountSetting, value: Any) -> str | None:
    return None if isinstance(value, bool) else "has to be true or false"


def _problem_with_choice(setting: AccountSetting, value: Any) -> str | None:
    return None if value in setting.choices else f"has to be one of: {', '.join(setting.choices)}"


def _problem_with_text(_: AccountSetting, value: Any) -> str | None:
    if not isinstance(value, str):
        return "has to be a text"
    return None if len(value) <= _LONGEST_TEXT else f"is longer than {_LONGEST_TEXT} characters"


def _problem_with_texts(setting: AccountSetting, value: Any) -> str | None:
    if not isinstance(value, dict):
        return 'has to be texts by language, for example { en = "..." }'
    for language, text in value.items():
        if language not in LANGUAGES:
            return f"has a text in {language!r}; languages with replies are: {', '.join(LANGUAGES)}"
        problem = _problem_with_text(setting, text)
        if problem:
            return f"in {language!r} {problem}"
    return None


_PROBLEMS: Mapping[str, Callable[[AccountSetting, Any], str | None]] = {
    SWITCH: _problem_with_switch,
    CHOICE: _problem_with_choice,
    TEXT: _problem_with_text,
    TEXT_BY_LANGUAGE: _problem_with_texts,
}


def problems_with(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with an account's settings, one sentence each."""
    problems = []
    for name, value in settings.items():
        setting = ACCOUNT_SETTINGS.get(name)
        if setting is None:
            problems.append(f"{name} is not a setting; settings are: {', '.join(ACCOUNT_SETTINGS)}.")
            continue
        problem = _PROBLEMS[setting.kind](setting, value)
        if problem:
            problems.append(f"{name} {problem}.")
    return problems
