"""What commands share: settings with --data, and the services, over an embedded store if need be."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.logs import configure_logs
from gateway.services import Services, build
from gateway.settings import Settings, load_settings
from gateway.supervision.embedded import EmbeddedStore, is_running
from store.directory import Account

_Command = TypeVar("_Command", bound=Callable[..., Any])


def data_option(command: _Command) -> _Command:
    """The --data option."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the embedded store (default: STOPGATE_DATA, or stopgate in the user's data folder).",
    )(command)


def settings_with(data: Path | None) -> Settings:
    """The settings, with the data folder of the command line. Raises SettingsError."""
    environment = dict(os.environ)
    if data is not None:
        environment["STOPGATE_DATA"] = str(data)
        environment.pop("STOPGATE_DATA_FILE", None)
    return load_settings(environment)


@contextmanager
def open_services(data: Path | None) -> Iterator[Services]:
    """The services; where no store is named and the embedded one does not run, it runs for this command.

    Raises:
        SettingsError, EmbeddedStoreError: see there.
        StoreError: the store cannot keep what it promises.
    """
    with open_store_only(data) as services:
        services.store.keyspace.demand()
        services.store.erasure.demand_keys()
        yield services


@contextmanager
def open_store_only(data: Path | None) -> Iterator[Services]:
    """The services over a store of whatever keyspace version. Raises as `open_services` does."""
    settings = settings_with(data)
    configure_logs(settings.log_format)
    with _store_for(settings):
        services = build(settings)
        try:
            services.store.health.demand(settings.durability)
            yield services
        finally:
            services.close()


@contextmanager
def _store_for(settings: Settings) -> Iterator[None]:
    if settings.store_url or is_running(settings.data):
        yield
        return
    with EmbeddedStore(settings.data, settings.durability):
        yield


def account_named(services: Services, name: str | None) -> Account:
    """The account with an id; the only one there is, when none is named.

    Raises:
        click.UsageError: there is none, or it has to be named.
    """
    accounts = services.store.directory.current(fresh=True).accounts
    if name is None and len(accounts) == 1:
        return next(iter(accounts.values()))
    if name in accounts:
        return accounts[name or ""]
    known = ", ".join(accounts) or "none yet (make one with: stopgate apply FILE.toml)"
    raise click.UsageError(
        f"There is no account {name!r}. Accounts: {known}" if name else f"Name one with --account. Accounts: {known}"
    )
