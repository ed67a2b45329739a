"""The texts of an account's replies, per language, as they look on a phone."""

from flask import abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.account_settings import ACCOUNT_SETTINGS, setting_of
from gateway.console.access import account, actor, services
from gateway.console.blueprints import pages
from gateway.console.forms import Draft, draft, flash_undo
from gateway.console.language_names import language_name
from gateway.console.settings_views import fault_of
from gateway.errors import NotAllowed
from gateway.linting import TEXT_NAMES, brand_of, preview
from gateway.reply_texts import LANGUAGES, built_in

VARIABLES = {
    "brand": "your name",
    "sender": "the number that was texted",
    "help_contact": "where to ask for help",
    "keyword": "the word that was texted",
    "audience": "the audience to join",
    "options": "the words to choose from",
}
"""What may stand in a reply, and what it becomes."""


def label_of(name: str) -> str:
    """A reply's name as people read it."""
    return name.removesuffix("_message").replace("_", " ").capitalize()


@pages.get("/replies")
def replies() -> str:
    """All replies in one language."""
    language = request.args.get("language", LANGUAGES[0])
    if language not in LANGUAGES:
        abort(404)
    rows = [
        (name, label_of(name), ACCOUNT_SETTINGS[name].help, preview(account(), name, language), _own(name, language))
        for name in TEXT_NAMES
    ]
    newest = services().store.configuration_journal.latest_by_name(account().id, "replies")
    return render_template(
        "console/replies.html",
        rows=rows,
        language=language,
        languages=[(code, language_name(code)) for code in LANGUAGES],
        changes=newest,
    )


def _own(name: str, language: str) -> str:
    return str(setting_of(account().settings, name).get(language, ""))


def _known(name: str, language: str) -> None:
    if name not in TEXT_NAMES or language not in LANGUAGES:
        abort(404)


@pages.route("/replies/<name>/<language>", methods=["GET", "POST"])
def reply(name: str, language: str) -> Response | str:
    """Write a reply in one language; an empty one is ours."""
    _known(name, language)
    before = _own(name, language)
    if request.method == "GET":
        return _form(name, language, Draft({"body": before}))
    typed = draft("body")
    try:
        services().account_changes.change_settings(
            account(), {name: {language: typed.values["body"] or None}}, actor=actor()
        )
    except NotAllowed as error:
        refused = Draft(typed.values, {"body": fault_of(error)})
        return make_response(_form(name, language, refused), 422)
    said = f"{label_of(name)} in {language_name(language)} is {'your own' if typed.values['body'] else 'our'} text now."
    flash_undo(said, url_for("account.reply", name=name, language=language), body=before)
    return redirect(url_for("account.replies", language=language))


def _form(name: str, language: str, shown: Draft) -> str:
    return render_template(
        "console/reply.html",
        draft=shown,
        name=name,
        label=label_of(name),
        help=ACCOUNT_SETTINGS[name].help,
        language=language,
        language_name=language_name(language),
        ours=built_in()[language][name],
        variables=list(VARIABLES.items()),
        brand=brand_of(account()),
        shown=preview(account(), name, language, shown.values["body"] or None),
    )


@pages.post("/replies/<name>/<language>/check")
def check_reply(name: str, language: str) -> str:
    """A reply that is being typed, as it would look; a part of a page."""
    _known(name, language)
    body = draft("body").values["body"]
    return render_template("console/_reply_preview.html", shown=preview(account(), name, language, body or None))
