"""The settings of an account: one declared table, from which checks, API, console and documentation come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.reply_texts import LANGUAGES

SWITCH, CHOICE, NUMBER, DATE = "switch", "choice", "number", "date"
TEXT, TEXT_BY_LANGUAGE = "text", "text by language"
_LONGEST_TEXT = 1600
# Of hours, minutes, days: shorter ones would be over before they begin.
LEAST_NUMBER = 0.01


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """One row: name, kind of value, default, what it does, the values of a choice, the most of a number."""

    name: str
    kind: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    most: int = 0


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
                       "How far a STOP reaches: everything this account sends, the sender that was texted, or the "
                       "audience that the person was texted for last (the account, when that is not known).",
                       ("account", "sender", "audience")),
        AccountSetting("revoke_all_from", DATE, "2027-01-31",
                       "From this day a STOP reaches the whole account whatever stop_scope says (FCC revoke-all rule, "
                       "put off to 31 January 2027 and open to change, US-13). Empty: never."),
        AccountSetting("text_stop_blocks_voice", SWITCH, True, "A STOP by text also stops calls."),
        AccountSetting("message_status_events", SWITCH, False,
                       "Make an event of every new status of a text, for endpoints and the feed of events. Many."),
        AccountSetting("opt_out_instructions", TEXT, "",
                       "What your texts tell people to reply, with commas between (Stop2End, Quit2End): copied and "
                       "mistyped forms of it are understood."),
        AccountSetting("double_opt_in", CHOICE, "opted_out",
                       "Whom a join keyword asks to confirm: those who opted out before, or everybody (always).",
                       ("opted_out", "always")),
        AccountSetting("confirm_window", NUMBER, 24, "Hours that a double opt-in stays open.", most=720),
        AccountSetting("clarify_opt_outs", SWITCH, False,
                       "Ask in the confirmation which audiences were meant, when the person is in several. Everything "
                       "is blocked first; silence means all (US-11)."),
        AccountSetting("clarification_window", NUMBER, 60, "Minutes in which the answer to that counts.", most=1440),
        AccountSetting("review_window", NUMBER, 7,
                       "Days in which a person may take back an opt-out that was read out of free words.", most=90),
        AccountSetting("remove_from_all_audiences", SWITCH, True,
                       "An opt-out takes the number out of every audience that it covers; works by itself. Off: the "
                       "number stays in them and is suppressed there."),
        AccountSetting("delete_opt_outs_from_contacts", SWITCH, False,
                       "An opt-out from the whole account deletes the stored contact; of a contact with several phones "
                       "only that phone. The opt-out itself stays."),
        AccountSetting("enforce_global_opt_outs", SWITCH, True,
                       "Who opted out from the whole account is not taken into contacts again by an import or a "
                       "program. Off: the contact is taken, but joins no audience and gets no text all the same."),
        AccountSetting("opt_out_rate_alarm", NUMBER, 1,
                       "Opt-outs per hundred texts of a broadcast from which it is marked; at twice as many, and at "
                       "five at least, it is stopped until somebody goes on with it.", most=100),
        AccountSetting("brand", TEXT, "", "The name in replies. Empty: the account's name."),
        AccountSetting("help_contact", TEXT, "", "A phone number or address for people who ask for HELP."),
        AccountSetting("opt_out_message", TEXT_BY_LANGUAGE, {}, "The one confirmation after an opt-out."),
        AccountSetting("opt_in_message", TEXT_BY_LANGUAGE, {}, "The answer to START from somebody who had stopped."),
        AccountSetting("opt_in_hint_message", TEXT_BY_LANGUAGE, {}, "The answer to free words that ask to come back."),
        AccountSetting("help_message", TEXT_BY_LANGUAGE, {}, "The answer to HELP."),
        AccountSetting("double_opt_in_message", TEXT_BY_LANGUAGE, {}, "The question to somebody who has to confirm."),
        AccountSetting("join_message", TEXT_BY_LANGUAGE, {}, "The welcome to an audience, with what CT-5 asks for."),
        AccountSetting("already_member_message", TEXT_BY_LANGUAGE, {}, "The answer to who is in the audience already."),
        AccountSetting("clarification_message", TEXT_BY_LANGUAGE, {},
                       "The confirmation that asks which audiences were meant; {options} are the words to reply."),
    )
}  # fmt: skip


def setting_of(settings: Mapping[str, Any], name: str) -> Any:
    """An account's value of a setting, or its default."""
    return settings.get(name, ACCOUNT_SETTINGS[name].default)


def revokes_all(settings: Mapping[str, Any], day: date) -> bool:
    """True from the day on when a STOP to one kind of text revokes consent to all (US-13; the day may still move)."""
    start = str(setting_of(settings, "revoke_all_from"))
    return bool(start) and day.isoformat() >= start


def _problem_with_switch(_: AccountSetting, value: Any) -> str | None:
    return None if isinstance(value, bool) else "has to be true or false"


def _problem_with_choice(setting: AccountSetting, value: Any) -> str | None:
    return None if value in setting.choices else f"has to be one of: {', '.join(setting.choices)}"


def _problem_with_number(setting: AccountSetting, value: Any) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and LEAST_NUMBER <= value <= setting.most
    return None if good else f"has to be a number from {LEAST_NUMBER} to {setting.most}"


def _problem_with_date(_: AccountSetting, value: Any) -> str | None:
    try:
        good = value == "" or bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        good = False
    return None if good else 'has to be a day such as "2027-01-31", or ""'


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
    NUMBER: _problem_with_number,
    DATE: _problem_with_date,
    TEXT: _problem_with_text,
    TEXT_BY_LANGUAGE: _problem_with_texts,
}


def faults_in(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with an account's settings: each setting's name and the rest of the sentence about it."""
    faults = []
    for name, value in settings.items():
        setting = ACCOUNT_SETTINGS.get(name)
        if setting is None:
            faults.append((name, f"is not a setting; settings are: {', '.join(ACCOUNT_SETTINGS)}."))
            continue
        problem = _PROBLEMS[setting.kind](setting, value)
        if problem:
            faults.append((name, f"{problem}."))
    return faults


def problems_with(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with an account's settings, one sentence each."""
    return [f"{name} {fault}" for name, fault in faults_in(settings)]
