"""Who changed which part of the configuration, from what to what."""

from dataclasses import replace

import pytest

from gateway.configuration_journal import change_account, differences
from gateway.errors import NotAllowed
from gateway.services import Services
from store.directory import Account, Keyword, Sender

SENDER = Sender("+12025550100", "twilio", "long_code", "gateway")
ACME = Account("acme", "Acme", senders=(SENDER,), keywords=(Keyword("HOURS", "reply", reply="9 to 7"),))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (ACME, []),
        (replace(ACME, name="Acme Inc"), [("settings", "name", "Acme", "Acme Inc")]),
        (replace(ACME, settings={"free_text": "hold"}), [("settings", "free_text", "act", "hold")]),
        (replace(ACME, settings={"free_text": "act"}), []),
        (replace(ACME, settings={"automated_opt_outs": False}), [("settings", "automated_opt_outs", "on", "off")]),
        (replace(ACME, settings={"help_message": {"es": "Ayuda"}}), [("replies", "help_message/es", "", "Ayuda")]),
        (replace(ACME, keywords=()), [("keywords", "HOURS", "reply, “9 to 7”", "")]),
        (replace(ACME, keywords_off=("en.help.help",)), [("keywords", "en.help.help", "on", "off")]),
        (
            replace(ACME, senders=(replace(SENDER, keywords_off=("en.help.help",)),)),
            [("keywords", "en.help.help at +12025550100", "on", "off")],
        ),
        (
            replace(ACME, senders=()),
            [("senders", "+12025550100", "long code, twilio, keywords handled by gateway, 1 segments a second", "")],
        ),
    ],
)
def test_two_states_of_an_account_are_compared_part_by_part(after: Account, expected: list[tuple[str, ...]]) -> None:
    found = [(each.area, each.name, each.before, each.after) for each in differences(ACME, after)]
    assert found == expected


def test_switching_a_keyword_is_written_down_with_who_did_it_and_a_refusal_is_not(services: Services) -> None:
    acme = services.store.directory.current().accounts["acme"]
    with pytest.raises(NotAllowed):
        services.keyword_switches.switch(
            acme, "en.opt_out.stop", on=False, sender=None, understood=False, actor="user ada@example.com"
        )
    services.keyword_switches.switch(
        acme, "en.opt_out.stop", on=False, sender=None, understood=True, actor="user ada@example.com"
    )
    newest = services.store.configuration_journal.newest("acme")[0]
    assert (newest.actor, newest.name, newest.after) == ("user ada@example.com", "en.opt_out.stop", "off")
    assert newest.at == services.clock.now()
    assert services.store.configuration_journal.latest_by_name("acme", "keywords")["en.opt_out.stop"].after == "off"
    rest = services.store.configuration_journal.newest("acme", before=newest.id)
    assert newest.id not in [each.id for each in rest]


def test_applying_a_file_is_written_down_too(services: Services) -> None:
    changes = services.store.configuration_journal.newest("globex")
    assert ("operator", "settings", "name", "", "Globex") in [
        (each.actor, each.area, each.name, each.before, each.after) for each in changes
    ]


def test_a_change_that_is_refused_leaves_no_trace(services: Services) -> None:
    before = services.store.configuration_journal.newest("acme")

    def refuse(_: Account) -> Account:
        raise NotAllowed("no", "No.")

    with pytest.raises(NotAllowed):
        change_account(services.store, "acme", refuse, at=services.clock.now(), actor="test")
    assert services.store.configuration_journal.newest("acme") == before
