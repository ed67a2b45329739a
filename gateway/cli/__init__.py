"""The command line: `stopgate`."""

import sys

import click

from gateway.cli.configuring import apply, block, export_config, keys, unrouted
from gateway.cli.erasing import erase
from gateway.cli.exporting import export_list
from gateway.cli.incoming import incoming
from gateway.cli.inspecting import check, doctor, explain, try_text
from gateway.cli.lists import import_list, scrub_list
from gateway.cli.maintaining import backup, restore_backup, upgrade, verify
from gateway.cli.proving import proof
from gateway.cli.reconciling import drift, reconcile
from gateway.cli.running import sweeper, up, web, worker
from gateway.cli.users import users
from gateway.errors import ConfigurationError, GatewayError, SettingsError
from gateway.supervision.embedded import EmbeddedStoreError
from store.errors import StoreError


class _Group(click.Group):
    """Turns our errors into a sentence and an exit code, never a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except SettingsError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except (ConfigurationError, EmbeddedStoreError, GatewayError, StoreError) as error:
            click.echo(str(error), err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stopgate")
def main() -> None:
    """Stopgate: STOP means stop, and you can prove it.

    Settings come from the environment (docs/settings.md lists them); every one may also be given as NAME_FILE.
    """


for command in (
    *(
        up,
        web,
        worker,
        sweeper,
        apply,
        export_config,
        block,
        keys,
        users,
        unrouted,
        check,
        explain,
        proof,
        erase,
        incoming,
        try_text,
        doctor,
        reconcile,
        drift,
    ),
    *(import_list, export_list, scrub_list, verify, backup, restore_backup, upgrade),
):
    main.add_command(command)
