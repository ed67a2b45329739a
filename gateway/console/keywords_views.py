"""Built-in keywords with their switches, and what would come of a text."""

from collections.abc import Sequence

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_changes import findings_of
from gateway.console.access import account, actor, can, services
from gateway.console.blueprints import pages
from gateway.console.forms import saves_itself
from gateway.console.language_names import NAMES, language_name
from gateway.console.layout import confirm_page
from gateway.console.listing import CHOICE, Column, Filter, Listing, listing
from gateway.errors import NotAllowed
from gateway.keyword_switches import KeywordState
from gateway.linting import TEXT_NAMES
from gateway.situation import rule_id_of
from gateway.trying import Trial
from keywords import Action, RuleInfo
from store.directory import Sender

ACTION_WORDS = {
    "opt_out": "no more texts",
    "opt_in": "start the texts",
    "help": "help",
    "join": "join an audience",
    "reply": "an automatic answer",
    "none": "nothing to do",
}
"""What a text asks for, by the action."""

_FILTERS = (
    Filter("language", "Language", CHOICE, "in {}", tuple(NAMES.items()), anything="Only those the law names"),
    Filter("action", "Meaning", CHOICE, "for “{}”",
           tuple((each, ACTION_WORDS[each]) for each in ("opt_out", "opt_in", "help"))),
)  # fmt: skip
_COLUMNS = (Column("Words"), Column("Meaning"), Column("Language"), Column("Asked for by"), Column("On"))
_OWN_COLUMNS = (Column("Word"), Column("What it does"), Column("Reply"), Column(""))
_LONGEST_TEXT = 1600


@pages.get("/keywords")
def keywords() -> str:
    """What people can text, and what each word does."""
    return _page(None, "", "")


def _page(trial: Trial | None, text: str, sender: str) -> str:
    asked = listing(_FILTERS)
    return render_template(
        "console/keywords.html",
        listing=asked,
        columns=_COLUMNS,
        states=_shown(services().keyword_switches.states(account()), asked),
        own_columns=_OWN_COLUMNS,
        findings=findings_of(account()),
        trial=trial,
        text=text,
        chosen=sender,
        senders=_senders(),
        words_of=words_of,
        language_name=language_name,
        action_words=ACTION_WORDS,
        place_of=_place_of,
    )


def _place_of(where: str) -> tuple[str, str]:
    """What a finding is about, as people call it, and the address of its page ("" for none)."""
    name, _, language = where.partition(".")
    if name in TEXT_NAMES:
        label = f"{name.removesuffix('_message').replace('_', ' ').capitalize()}, {language_name(language)}"
        return label, url_for("account.reply", name=name, language=language) if can("configure") else ""
    own = next((each.word for each in account().keywords if rule_id_of(account(), each) == where), None)
    if own is not None:
        return own, url_for("account.own_word", word=own) if can("configure") else ""
    if any(state.rule.id == where for state in services().keyword_switches.states(account())):
        return words_of(_state(where).rule), url_for("account.keyword", rule_id=where)
    return where.replace("_", " ").capitalize(), ""


def _shown(states: Sequence[KeywordState], asked: Listing) -> list[KeywordState]:
    """Those of the language that was asked for; without one, those the law names and those that are off."""
    language, action = asked.values.get("language"), asked.values.get("action")
    return [
        state
        for state in states
        if state.rule.action is not Action.NONE
        and (state.rule.language == language if language else state.rule.mandatory or state.off_at)
        and (action is None or state.rule.action.value == action)
    ]


def words_of(rule: RuleInfo) -> str:
    """A row of the tables as people read it: its words, or what sentences it stands for."""
    if rule.tier.value != "exact":
        return rule.summary.removesuffix(".")
    shown = ", ".join(word.upper() for word in rule.words[:4])
    return f"{shown} and {len(rule.words) - 4} more" if len(rule.words) > 4 else shown


def _senders() -> list[Sender]:
    return [sender for sender in account().senders if sender.kind != "alphanumeric"]


@pages.post("/keywords/try")
def try_text() -> Response | str:
    """What would come of a text: decision, rule, reply, and who would send it. Nothing is written."""
    text = request.form.get("text", "").replace("\0", "")[:_LONGEST_TEXT]
    address = request.form.get("sender", "")
    sender = next((each for each in _senders() if each.address == address), next(iter(_senders()), None))
    trial = services().trying.run(account(), sender, text) if sender and text.strip() else None
    if request.headers.get("X-Requested-With") == "console":
        return render_template("console/_trial.html", trial=trial, action_words=ACTION_WORDS, words_of=words_of)
    return _page(trial, text, address)


@pages.get("/keywords/built-in/<rule_id>")
def keyword(rule_id: str) -> str:
    """One row of the tables: its words, where they come from, its switches."""
    state = _state(rule_id)
    return render_template(
        "console/keyword.html",
        state=state,
        rule=state.rule,
        senders=_senders(),
        words_of=words_of,
        language_name=language_name,
        action_words=ACTION_WORDS,
        changes=_changes(rule_id),
    )


def _state(rule_id: str) -> KeywordState:
    found = next((each for each in services().keyword_switches.states(account()) if each.rule.id == rule_id), None)
    if found is None:
        abort(404)
    return found


def _changes(rule_id: str) -> dict[str, object]:
    newest = services().store.configuration_journal.latest_by_name(account().id, "keywords")
    return {name: each for name, each in newest.items() if name == rule_id or name.startswith(f"{rule_id} at ")}


@pages.post("/keywords/built-in/<rule_id>/switch")
def switch_keyword(rule_id: str) -> Response | str:
    """Switch a keyword; one that the law names asks first, and shows the law."""
    on, sender = request.form.get("to") == "on", request.form.get("sender", "")
    try:
        services().keyword_switches.switch(
            account(),
            rule_id,
            on=on,
            sender=sender or None,
            understood=request.form.get("confirmed") == "yes",
            actor=actor(),
        )
    except NotAllowed as error:
        if error.code != "confirmation_needed":
            raise
        return _asked_first(rule_id, sender)
    if saves_itself():
        return make_response("", 204)
    flash(f"{words_of(_state(rule_id).rule)}: {'on' if on else 'off'}{f' at {sender}' if sender else ''}.", "done")
    return redirect(url_for("account.keyword", rule_id=rule_id))


def _asked_first(rule_id: str, sender: str) -> str:
    rule = _state(rule_id).rule
    where = f"at {sender}" if sender else f"for all of {account().name}"
    waits = (
        f"Switched off {where}, its texts are no longer acted on: each waits for a person on the review page, and the "
        "deadline of ten business days runs."
    )
    return confirm_page(
        f"Switch {words_of(rule)} off?",
        [f"The law asks for this word: {rule.source.title}.", waits, "It can be switched on again at any time."],
        button=f"Switch {words_of(rule)} off",
        back=url_for("account.keyword", rule_id=rule_id),
        fields={"to": "off", "sender": sender},
        action=url_for("account.switch_keyword", rule_id=rule_id),
    )
