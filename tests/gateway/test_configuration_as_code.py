"""`stopgate apply` with all that belongs to accounts, and `export-config`: what is written out applies to no change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from gateway.belongings import Belongings, EventAddress, Member, NamedAudience
from gateway.cli import main
from gateway.configuration_export import toml_of
from gateway.errors import ConfigurationError
from gateway.events import EVENT_KINDS
from gateway.roles import ROLES
from gateway.services import Services
from keywords import all_rules
from store.directory import Account, Keyword, Sender

WHOLE = """
[[accounts]]
id = "acme"
name = "Acme"
default_country = "US"
keywords_off = ["CANCEL"]
mandatory_keywords_off_understood = true
[accounts.settings]
stop_scope = "sender"
confirm_window = 12
opt_out_message = { en = "Acme: you are out. \\"Bye\\".", pt = "Acme: saiu." }
[[accounts.senders]]
address = "55555"
carrier = "twilio"
kind = "short_code"
segments_per_second = 2.5
[[accounts.keywords]]
word = "NEWS"
action = "join"
audience = "news"
[[accounts.audiences]]
id = "news"
name = "Weekly news"
sender = "55555"
[[accounts.audiences]]
id = "offers"
[[accounts.users]]
email = "Ada@Example.com"
role = "admin"
name = "Ada"
[[accounts.events]]
url = "https://hooks.example.com/stopgate"
kinds = ["opted_out", "opted_in"]
note = "CRM"
"""


@pytest.fixture
def run(environment: dict[str, str], services: Services, tmp_path: Path) -> Any:
    path = tmp_path / "file.toml"

    def call(*arguments: str, content: str | None = None) -> Any:
        if content is not None:
            path.write_text(content, encoding="utf-8")
            arguments = ("apply", str(path), *arguments)
        return CliRunner().invoke(main, list(arguments), env=environment)

    return call


def test_a_dry_run_shows_everything_and_changes_nothing(run: Any, services: Services) -> None:
    shown = run("--dry-run", content=WHOLE).output
    for line in (
        "+ audience news of acme (Weekly news)",
        "+ audience offers of acme (offers)",
        "+ user ada@example.com of acme (admin)",
        "+ events of acme to https://hooks.example.com/stopgate (opted_out, opted_in)",
        "settings.stop_scope: the default ('account') -> 'sender'",
        "- sender 72975",
        "Nothing was changed",
    ):
        assert line in shown
    assert services.store.users.all() == []
    assert services.belongings.of("acme") == Belongings("acme")


def test_applying_twice_changes_nothing_the_second_time_and_secrets_are_shown_once(
    run: Any, services: Services
) -> None:
    first = run(content=WHOLE)
    assert first.exit_code == 0, first.output
    secret = services.store.events.endpoints("acme")[0].secret
    assert secret in first.output
    assert "stopgate users reset-password ada@example.com" in first.output
    second = run(content=WHOLE)
    assert "Nothing to change." in second.output
    assert secret not in second.output
    user = services.store.users.by_email("ada@example.com")
    assert user is not None
    assert (user.name, user.memberships, user.password_hash) == ("Ada", {"acme": "admin"}, "")
    record = services.store.audience_records.get("acme", "news")
    assert record is not None
    assert (record.name, record.sender) == ("Weekly news", "55555")
    assert services.store.directory.current(fresh=True).accounts["acme"].audiences == ("news", "offers")


def test_what_a_file_changes_is_shown_and_written_down(run: Any, services: Services) -> None:
    run(content=WHOLE)
    changed = WHOLE.replace("Weekly news", "Monthly news").replace('"admin"', '"agent"').replace('"CRM"', '"CRM 2"')
    shown = run(content=changed).output
    for line in ("name: 'Weekly news' -> 'Monthly news'", "role: 'admin' -> 'agent'", "note: 'CRM' -> 'CRM 2'"):
        assert line in shown
    assert services.store.events.endpoints("acme")[0].note == "CRM 2"
    user = services.store.users.by_email("ada@example.com")
    assert user is not None
    assert user.memberships == {"acme": "agent"}


def test_what_a_file_does_not_name_stays_and_is_pointed_out(run: Any, services: Services) -> None:
    run(content=WHOLE)
    kept = WHOLE.replace("Ada@Example.com", "bob@example.com").replace("Ada", "Bob")
    assert "! acme: user ada@example.com is not in the file and stays as it is" in run(content=kept).output
    assert len(services.store.users.all()) == 2
    nothing = WHOLE.split("[[accounts.audiences]]")[0]
    assert "Nothing to change." in run(content=nothing).output
    assert len(services.store.events.endpoints("acme")) == 1


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('[[accounts.audiences]]\nname = "x"', "audiences[0]: id is missing"),
        ('[[accounts.audiences]]\nid = "a"\nsender = "99999"', "audiences[0]: sender '99999' is not one of"),
        ('[[accounts.audiences]]\nid = "a"\ncolour = "red"', "audiences[0]: colour is not known here"),
        ('[[accounts.users]]\nemail = "nobody"\nrole = "admin"', "users[0]: email has to be an email address"),
        ('[[accounts.users]]\nemail = "a@b.example"\nrole = "king"', "users[0]: role has to be one of: owner"),
        ('[[accounts.users]]\nemail = "a@b.example"\nrole = "admin"\npassword = "x"', "password is not known here"),
        ('[[accounts.users]]\nemail = 5\nrole = "admin"', "users[0]: email has to be"),
        ('[[accounts.events]]\nkinds = ["opted_out"]', "events[0]: url is missing"),
        ('[[accounts.events]]\nurl = "https://a.example"\nkinds = ["all"]', "events[0]: kinds has to be a list of"),
        ('[[accounts.events]]\nurl = "https://a.example"\nactive = "yes"', "events[0]: active has to be true or false"),
        ('[accounts.audiences]\nid = "a"', "audiences has to be a list of tables"),
        (
            '[[accounts.users]]\nemail = "a@b.example"\nrole = "admin"\n' * 2,
            "users: a@b.example is there more than once",
        ),
    ],
)
def test_every_mistake_is_named_with_its_place(services: Services, extra: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        services.configuration.read_file(f'[[accounts]]\nid = "acme"\nname = "Acme"\n{extra}')
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


def test_an_address_on_this_network_is_refused_before_anything_changes(run: Any, services: Services) -> None:
    refused = run(content=WHOLE.replace("https://hooks.example.com", "http://127.0.0.1:9"))
    assert (refused.exit_code, "acme.events (http://127.0.0.1:9/stopgate)" in refused.output) == (1, True)
    assert services.store.users.all() == []


def test_what_is_exported_applies_to_no_change(run: Any, services: Services) -> None:
    run(content=WHOLE)
    acme = services.store.directory.current(fresh=True).accounts["acme"]
    services.audiences.create(acme, "from a request", name="", sender="")
    services.subscriptions.subscribe(acme, "+14155550100", "from a request", sender="55555", actor="a")
    exported = run("export-config")
    assert exported.exit_code == 0
    assert "whsec" not in exported.output
    applied = run(content=exported.output)
    assert applied.output.strip().endswith("Nothing to change."), applied.output
    one = run("export-config", "--account", "globex").output
    assert 'id = "globex"' in one
    assert 'id = "acme"' not in one


_words = some.text(some.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)
_senders = some.builds(
    Sender,
    some.from_regex(r"[1-9][0-9]{4}", fullmatch=True),
    some.sampled_from(["twilio", "simulator"]),
    some.just("short_code"),
    some.sampled_from(["gateway", "carrier"]),
    some.one_of(some.integers(1, 9999), some.floats(0.001, 9999)),
    some.lists(some.sampled_from([rule.id for rule in all_rules()]), max_size=2, unique=True).map(tuple),
)
_keywords = some.builds(
    Keyword,
    some.from_regex(r"ZZ[A-Z]{4,8}", fullmatch=True),
    some.just("reply"),
    some.just("whole"),
    some.just(""),
    _words,
)
_settings = some.fixed_dictionaries(
    {},
    optional={
        "stop_scope": some.sampled_from(["account", "sender", "audience"]),
        "text_stop_blocks_voice": some.booleans(),
        "confirm_window": some.one_of(some.integers(1, 720), some.floats(0.5, 720)),
        "revoke_all_from": some.sampled_from(["", "2027-01-31"]),
        "brand": some.text(some.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40),
        "help_message": some.dictionaries(some.sampled_from(["en", "es", "pt"]), _words, max_size=2),
    },
)


def unique_by(field: str, rows: list[Any]) -> tuple[Any, ...]:
    return tuple({getattr(row, field): row for row in rows}.values())


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    some.builds(
        Account,
        some.just("acme"),
        _words,
        some.sampled_from(["", "US", "DE"]),
        _settings,
        some.lists(_senders, max_size=3).map(lambda rows: unique_by("address", rows)),
        some.lists(_keywords, max_size=3).map(lambda rows: unique_by("word", rows)),
        some.lists(some.sampled_from([rule.id for rule in all_rules()]), max_size=3, unique=True).map(tuple),
    ),
    some.lists(some.builds(NamedAudience, _words, _words), max_size=3).map(lambda rows: unique_by("id", rows)),
    some.lists(
        some.builds(
            Member,
            some.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True),
            some.sampled_from(list(ROLES)),
            _words,
        ),
        max_size=2,
    ).map(lambda rows: unique_by("email", rows)),
    some.lists(
        some.builds(
            EventAddress,
            some.from_regex(r"https://[a-z]{1,9}\.example/[a-z]{0,9}", fullmatch=True),
            some.lists(some.sampled_from(list(EVENT_KINDS)), unique=True).map(tuple),
            some.booleans(),
            _words,
        ),
        max_size=2,
    ).map(lambda rows: unique_by("url", rows)),
)
def test_whatever_an_account_has_is_read_back_as_it_was(
    services: Services, account: Account, audiences: Any, members: Any, events: Any
) -> None:
    account = replace(account, named_audiences=tuple(sorted(audience.id for audience in audiences)))
    belongings = Belongings("acme", audiences, members, events)
    read = services.configuration.read_file(toml_of([(account, belongings)]))
    assert (list(read.accounts), list(read.belongings)) == ([account], [belongings])
