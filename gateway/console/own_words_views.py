"""An account's own words: what each does, and what it would collide with, said while it is typed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_changes import findings_of
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft, flash_undo
from gateway.console.keywords_views import ACTION_WORDS
from gateway.errors import NotAllowed
from keywords import Finding, count_segments
from store.directory import Account, Keyword

_FIELDS = ("word", "action", "match", "audience", "reply")
_ACTIONS = tuple(
    (action, ACTION_WORDS[action].capitalize()) for action in ("join", "reply", "opt_out", "opt_in", "help")
)
_MATCHES = (
    ("whole", "the text is this word"),
    ("first_word", "the text begins with this word"),
    ("phrase", "the text has these words in it"),
)


@pages.route("/keywords/own/new", methods=["GET", "POST"])
def add_word() -> Response | str:
    """A new word of the account."""
    if request.method == "GET":
        return _form(Draft({"action": "join", "match": "whole"}), "")
    typed = draft(*_FIELDS)
    try:
        services().account_changes.add_word(account(), typed.values, actor=actor())
    except NotAllowed as error:
        return make_response(_form(_with_problems(typed, error), ""), 422)
    flash_undo(f"{typed.values['word']} is a keyword now.", url_for("account.remove_word", word=typed.values["word"]))
    return redirect(url_for("account.keywords"))


@pages.route("/keywords/own/<path:word>", methods=["GET", "POST"])
def own_word(word: str) -> Response | str:
    """Change a word of the account."""
    found = _known(word)
    if request.method == "GET":
        return _form(Draft(_values(found)), found.word)
    typed = draft(*_FIELDS)
    try:
        services().account_changes.change_word(account(), word, typed.values, actor=actor())
    except NotAllowed as error:
        return make_response(_form(_with_problems(typed, error), found.word), 422)
    flash_undo(
        f"{typed.values['word']} was changed.",
        url_for("account.own_word", word=typed.values["word"]),
        **_values(found),
    )
    return redirect(url_for("account.keywords"))


@pages.post("/keywords/remove/<path:word>")
def remove_word(word: str) -> Response:
    """Take a word of the account away; it can be taken back at once."""
    _, gone = services().account_changes.remove_word(account(), word, actor=actor())
    flash_undo(f"{gone.word} is no keyword any more.", url_for("account.add_word"), **_values(gone))
    return redirect(url_for("account.keywords"))


@pages.post("/keywords/check")
def check_word() -> str:
    """What a word that is being typed would collide with; a part of a page."""
    typed = draft(*_FIELDS, "instead_of")
    return render_template("console/_word_findings.html", **_looked_at(typed.values, typed.values["instead_of"]))


def _form(shown: Draft, instead_of: str) -> str:
    return render_template(
        "console/own_word.html",
        draft=shown,
        instead_of=instead_of,
        actions=_ACTIONS,
        matches=_MATCHES,
        audiences=account().audiences,
        **_looked_at(shown.values, instead_of),
    )


def _looked_at(values: Mapping[str, str], instead_of: str) -> dict[str, object]:
    word, reply = values.get("word", ""), values.get("reply", "")
    findings = _findings(values, instead_of) if word and values.get("action") in ACTION_WORDS else []
    return {"findings": findings, "count": count_segments(reply) if reply else None}


def _findings(values: Mapping[str, str], instead_of: str) -> Sequence[Finding]:
    """What the linter says of the account with this word that it does not say of it without."""
    match = values.get("match") if values.get("match") in dict(_MATCHES) else "whole"
    word = Keyword(
        values["word"], values["action"], match or "whole", values.get("audience", ""), values.get("reply", "")
    )
    others = tuple(known for known in account().keywords if known.word.casefold() != instead_of.casefold())
    without = set(findings_of(replace(account(), keywords=others)))
    here: Account = replace(account(), keywords=(*others, word))
    return [finding for finding in findings_of(here) if finding not in without]


def _with_problems(typed: Draft, error: NotAllowed) -> Draft:
    if error.code == "keyword_exists":
        return typed.refused(error, {"keyword_exists": "word"})
    faults: Sequence[Mapping[str, str]] = error.facts.get("errors", ())  # type: ignore[assignment]
    found = {fault["field"] if fault["field"] in _FIELDS else "": fault["problem"] for fault in faults}
    return Draft(typed.values, found or {"": str(error)})


def _values(keyword: Keyword) -> dict[str, str]:
    return {name: getattr(keyword, name) for name in _FIELDS}


def _known(word: str) -> Keyword:
    found = next((each for each in account().keywords if each.word.casefold() == word.casefold()), None)
    if found is None:
        abort(404)
    return found
