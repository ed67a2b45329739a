"""The texts of replies: an account's own, else ours, in the language of the word that was used."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT_LANGUAGE = "en"
LANGUAGES = ("en", "es", "fr", "pt", "de")
_LONGEST = 1600


@cache
def built_in() -> Mapping[str, Mapping[str, str]]:
    """Our own texts by language and name."""
    return tomllib.loads(files(__package__).joinpath("reply_texts.toml").read_text(encoding="utf-8"))


def language_of(code: str | None) -> str:
    """The language to answer in: the word's own when there are texts in it ("fr-CA" is answered in French)."""
    base = (code or DEFAULT_LANGUAGE).partition("-")[0]
    return base if base in LANGUAGES else DEFAULT_LANGUAGE


def reply_text(name: str, settings: Mapping[str, Any], language: str | None, values: Mapping[str, str]) -> str:
    """The text of a reply.

    Args:
        name: opt_out_message, opt_in_message or help_message.
        settings: the account's settings; its own text in the language goes first.
        language: the language of the word that was used, or None.
        values: what replaces {brand}, {sender}, {help_contact} and {keyword}.
    """
    chosen = language_of(language)
    own: Mapping[str, str] = settings.get(name, {})
    text = own.get(chosen) or built_in()[chosen][name]
    contact = values.get("help_contact") or built_in()[chosen]["help_contact"]
    for variable, value in {**values, "help_contact": contact}.items():
        text = text.replace("{" + variable + "}", value)
    return text[:_LONGEST]
