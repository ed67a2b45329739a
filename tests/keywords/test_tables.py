"""The data tables keep their rules, and a broken one is refused."""

import copy
from typing import Any

import pytest

from keywords import Action, Certainty, Context, all_rules, decide, explain_rule
from keywords.rows import Tier
from keywords.table_checks import check_tables, main
from keywords.tables import LANGUAGES, TableError, Tables, read_document, tables

WANTED = frozenset(LANGUAGES) - {"others", "und"}


def load(*documents: dict[str, Any]) -> Tables:
    return Tables(documents, ("fcc", "authored"))


def keyword(**changes: Any) -> dict[str, Any]:
    row = {"id": "xx.opt_out.halt", "words": ["halt"], "action": "opt_out", "source": "fcc", "verified": True}
    return {**row, **changes}


def test_the_shipped_tables_are_sound() -> None:
    assert check_tables(tables()) == []
    assert main() == 0


def test_every_language_asked_for_has_a_table() -> None:
    assert {
        "en",
        "es",
        "fr",
        "fr-CA",
        "pt",
        "pt-BR",
        "de",
        "it",
        "nl",
        "pl",
        "ru",
        "uk",
        "ar",
        "he",
        "hi",
        "zh",
    } <= WANTED
    assert {"ja", "ko", "vi", "tl", "tr", "id", "sv", "no", "da", "fi", "cs", "el", "hu", "ro", "th"} <= WANTED
    for language in WANTED:
        decisions = [row for row in tables().rows if row.language == language and row.action is Action.OPT_OUT]
        assert decisions, language


def test_every_rule_id_resolves_to_its_row_and_a_source() -> None:
    for rule in all_rules():
        found = explain_rule(rule.id)
        assert found == rule
        assert found.source.title
        assert found.summary


def test_every_built_in_keyword_decides_the_action_of_its_row() -> None:
    for row in tables().rows:
        if row.tier is not Tier.EXACT:
            continue
        for words in row.words:
            decision = decide(words, Context(languages=(row.language,)))
            assert decision.action is row.action, (row.id, words, decision)
            if row.certainty is Certainty.UNSURE:
                assert decision.held, (row.id, words, decision)


def test_unverified_wording_acts_only_as_the_whole_text() -> None:
    assert decide("ODHLASIT").certainty is Certainty.EXACT
    assert decide("odhlasit prosím").held
    for row in tables().rows:
        if not row.verified and row.tier is Tier.EXACT and row.certainty is not Certainty.UNSURE:
            decision = decide(f"please {row.words[0]} thanks", Context(languages=(row.language, "en")))
            assert not decision.acts or decision.rule != row.id, decision


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"language": "xx", "keywords": [keyword(), keyword(words=["cease"])]}, "share the id"),
        ({"language": "xx", "keywords": [keyword(source="nowhere")]}, "unknown source"),
        ({"language": "xx", "keywords": [keyword(action="leave")]}, "leave"),
        ({"language": "xx", "keywords": [{"id": "xx.opt_out.halt"}]}, "action"),
    ],
)
def test_a_broken_table_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError, match=message):
        load(document)


def test_a_row_that_shadows_a_mandatory_word_is_refused() -> None:
    mandatory = keyword(id="en.opt_out.stop", words=["stop"], mandatory=True)
    shadow = keyword(id="xx.help.stop", words=["S-T-O-P"], action="help")
    with pytest.raises(TableError, match="shadows the mandatory word"):
        load({"language": "en", "keywords": [mandatory]}, {"language": "xx", "keywords": [shadow]})
    with pytest.raises(TableError, match="comes before the mandatory word"):
        load({"language": "xx", "keywords": [shadow]}, {"language": "en", "keywords": [mandatory]})


def test_a_row_that_fires_on_a_none_case_is_found() -> None:
    document = copy.deepcopy(read_document("en"))
    broken = load({"language": "en", "keywords": [keyword(id="en.opt_out.halt")], "none": ["halt", "please stop"]})
    assert document["language"] == "en"
    faults = check_tables(broken)
    assert any("fires on 'please stop'" in fault for fault in faults)


def test_an_unknown_rule_id_is_an_error() -> None:
    with pytest.raises(KeyError):
        explain_rule("en.opt_out.nothing")
