"""`stopgate apply`: a file becomes accounts, with a diff first and every mistake named."""

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.services import Services
from tests.conftest import DIRECTORY

# The example of the documentation, whole.
EXAMPLE = """
[[accounts]]
id = "acme"
name = "Acme Outreach"
default_country = "US"
[accounts.settings]
stop_scope = "account"

[[accounts.senders]]
address = "+15005550006"
carrier = "twilio"
kind = "long_code"
keywords_handled_by = "gateway"
segments_per_second = 1

[[accounts.keywords]]
word = "JOIN"
action = "join"
audience = "newsletter"
reply = "Acme: reply Y to get weekly news. Msg&data rates may apply. Reply HELP for help, STOP to cancel."
"""


def problems(services: Services, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        services.configuration.read(text)
    return list(caught.value.problems)


def account(extra: str = "", sender: str = "") -> str:
    return f'[[accounts]]\nid = "acme"\nname = "Acme"\n{extra}\n{sender}'


SENDER = '[[accounts.senders]]\naddress = "+12025550100"\ncarrier = "twilio"\nkind = "long_code"\n'


def test_the_documented_example_is_understood(services: Services) -> None:
    (acme,) = services.configuration.read(EXAMPLE)
    assert (acme.id, acme.name, acme.default_country) == ("acme", "Acme Outreach", "US")
    assert acme.senders[0].keywords_handled_by == "gateway"
    assert acme.keywords[0].audience == "newsletter"


def test_applying_twice_changes_nothing_the_second_time(services: Services) -> None:
    accounts = services.configuration.read(DIRECTORY)
    assert services.configuration.plan(accounts).accounts == ()


def test_the_diff_says_what_changes_in_words(services: Services) -> None:
    lines = services.configuration.plan(services.configuration.read(EXAMPLE)).lines
    assert "~ account acme" in lines
    assert "    name: 'Acme' -> 'Acme Outreach'" in lines
    assert "    settings.stop_scope: the default ('account') -> 'account'" in lines
    assert "  - sender 55555" in lines
    assert "  ~ sender +15005550006" in lines
    assert "  + keyword JOIN" in lines


def test_accounts_that_a_file_does_not_name_stay(services: Services) -> None:
    services.configuration.apply(services.configuration.plan(services.configuration.read(EXAMPLE)))
    assert set(services.store.directory.current(fresh=True).accounts) == {"acme", "globex"}


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("accounts = 1", "file", "list of tables"),
        ("[[acounts]]", "file", "acounts is not known"),
        ('[[accounts]]\nname = "Acme"', "accounts[0]", "id is missing"),
        ('[[accounts]]\nid = "Acme Inc"\nname = "Acme"', "accounts[0] (Acme Inc)", "lower-case letters"),
        ('[[accounts]]\nid = "acme"\nname = 5', "accounts[0] (acme)", "name has to be a text"),
        (account('default_country = "USA"'), "accounts[0] (acme)", "country of two letters"),
        (account("[accounts.settings]\nstop_scop = 1"), "accounts[0] (acme).settings", "stop_scop is not a setting"),
        (account('[accounts.settings]\nstop_scope = "galaxy"'), "accounts[0] (acme).settings", "one of: account, sender, audience"),
        (account('[accounts.settings]\nautomated_opt_outs = "yes"'), "accounts[0] (acme).settings", "true or false"),
        (account('[accounts.settings]\nhelp_message = {xx = "?"}'), "accounts[0] (acme).settings", "'xx'"),
        (account(sender=SENDER + SENDER), "accounts[0] (acme).senders", "+12025550100 is there more than once"),
        (account(sender=SENDER.replace("long_code", "pigeon")), "accounts[0] (acme).senders[0]", "kind has to be one of"),
        (account(sender=SENDER.replace("+12025550100", "12")), "accounts[0] (acme).senders[0]", "cannot be a long_code"),
        (account(sender=SENDER.replace("long_code", "short_code")), "accounts[0] (acme).senders[0]", "cannot be a short_code"),
        (account(sender=SENDER + "segments_per_second = -1\n"), "accounts[0] (acme).senders[0]", "above 0"),
        (account(sender='[[accounts.keywords]]\nword = "STOP"\naction = "join"\naudience = "x"'), "accounts[0] (acme).keywords[0]", "'STOP' means opt_out"),
        (account(sender='[[accounts.keywords]]\nword = "J"\naction = "join"'), "accounts[0] (acme).keywords[0]", "name an audience"),
        (account(sender='[[accounts.keywords]]\nword = 5\naction = "fly"'), "accounts[0] (acme).keywords[0]", "action has to be one of"),
        ("[[accounts]", "", "This is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(services: Services, text: str, place: str, sentence: str) -> None:
    found = problems(services, text)
    assert any(problem.startswith(place) and sentence in problem for problem in found), found


def test_all_mistakes_are_said_at_once_and_nothing_is_written(services: Services) -> None:
    text = account('default_country = "XX"\nbogus = 1', SENDER.replace("twilio", "nobody"))
    assert len(problems(services, text)) == 3


def test_a_sender_whose_carrier_is_off_is_pointed_out(services: Services) -> None:
    services.configuration._carriers = ("simulator",)
    lines = services.configuration.plan(services.configuration.read(EXAMPLE)).lines
    assert any(line.startswith("! +15005550006: the carrier twilio is not switched on") for line in lines)


def test_the_demo_account_is_a_usable_file(services: Services) -> None:
    text = (Path(__file__).parents[2] / "gateway" / "demo.toml").read_text(encoding="utf-8")
    (demo,) = services.configuration.read(text)
    assert demo.senders[0].carrier == "simulator"
