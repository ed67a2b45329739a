"""`stopgate users`: people who sign in, from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.services import Services


@pytest.fixture
def run(environment: dict[str, str], services: Services, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run `stopgate` with the test's settings."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), env=environment)

    return call


def test_a_person_is_added_listed_given_another_role_and_removed(run, services: Services) -> None:  # type: ignore[no-untyped-def]
    added = run("users", "add", "Ada@Example.com", "--account", "acme", "--role", "agent")
    assert added.exit_code == 0, added.output
    password = added.output.split()[-1]
    assert services.signing_in.sign_in("ada@example.com", password, address="127.0.0.1", browser="")
    assert "agent of acme" in run("users", "list").output
    assert run("users", "role", "ada@example.com", "--account", "*", "--role", "owner").exit_code == 0
    assert "owner of all accounts" in run("users", "list").output
    run("users", "add", "bob@example.com", "--account", "*", "--role", "owner")
    assert run("users", "remove", "ada@example.com").exit_code == 0
    assert "ada@" not in run("users", "list").output
    changes = services.store.configuration_journal.newest("acme", count=2)
    assert [(change.actor, change.before, change.after) for change in changes] == [
        ("operator", "agent", ""),
        ("operator", "", "agent"),
    ]


def test_a_new_password_ends_the_old_one(run, services: Services) -> None:  # type: ignore[no-untyped-def]
    run("users", "add", "ada@example.com", "--account", "acme", "--role", "owner")
    password = run("users", "reset-password", "ada@example.com").output.split()[-1]
    assert services.signing_in.sign_in("ada@example.com", password, address="127.0.0.1", browser="")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "ada", "--account", "acme", "--role", "agent"), "not an email address"),
        (("add", "ada@example.com", "--account", "nowhere", "--role", "agent"), "no account 'nowhere'"),
        (("add", "ada@example.com", "--role", "agent"), "--account"),
        (("add", "ada@example.com", "--account", "acme", "--role", "king"), "king"),
        (("remove", "nobody@example.com"), "Nobody signs in as"),
        (("reset-password", "nobody@example.com"), "Nobody signs in as"),
    ],
)
def test_mistakes_get_a_sentence(run, arguments: tuple[str, ...], sentence: str) -> None:  # type: ignore[no-untyped-def]
    done = run("users", *arguments)
    assert done.exit_code != 0
    assert sentence in done.output


def test_the_last_owner_stays(run) -> None:  # type: ignore[no-untyped-def]
    run("users", "add", "ada@example.com", "--account", "acme", "--role", "owner")
    done = run("users", "remove", "ada@example.com")
    assert (done.exit_code, "Somebody has to be the owner" in done.output) == (1, True)
