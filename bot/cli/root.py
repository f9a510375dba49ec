"""The whole `studio-links` command: the families of commands side by side, and its exit codes."""

import sys
from typing import NoReturn

import typer

from bot import console
from bot.cli import doctor, history, iam, local, lockdown, members, serving, sync, tables, transfer
from bot.core.errors import StudioLinksError
from bot.core.values import InvalidValue
from bot.observability import logs

cli = typer.Typer(
    help="A Slack bot that gives members 60-second sign-in links to SageMaker Studio.\n\n"
    "Example: studio-links demo --once",
    no_args_is_help=True,
    # typer's own tracebacks show local variables, secrets among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(members.commands)
cli.add_typer(transfer.commands)
cli.add_typer(sync.commands)
cli.add_typer(history.commands)
cli.add_typer(lockdown.commands, name="lockdown")
cli.add_typer(doctor.commands)
cli.add_typer(iam.commands)
cli.add_typer(serving.commands)
cli.add_typer(tables.commands, name="tables")
cli.add_typer(local.commands)


def main() -> NoReturn:
    """Run the command, and turn what went wrong into one line and an exit code."""
    logs.configure(level="ERROR", style="console")
    logs.catch_crashes()
    try:
        cli(standalone_mode=True)
    except InvalidValue as error:
        console.fail(str(error))
        sys.exit(2)
    except StudioLinksError as error:
        console.fail(str(error))
        sys.exit(1)
    except OSError as error:  # such as a full disk behind standard output
        console.fail(error.strerror or type(error).__name__)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
