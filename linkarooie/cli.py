"""The command line: `linkarooie run | dev | migrate | new-keys | admin`."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from linkarooie import __version__, admin
from linkarooie.services import BY_NAME, SERVICES
from servicekit.errors import ServiceError
from servicekit.settings import SettingsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(admin.app, name="admin")
errors = Console(stderr=True, highlight=False, soft_wrap=True)

DEVELOPMENT_FOLDER = Path(".linkarooie")


@app.command()
def run(
    service: Annotated[str, typer.Argument(help=f"{', '.join(BY_NAME)}, or all.", metavar="SERVICE|all")],
) -> None:
    """Run one service, or all in one process, with settings from LINKAROOIE_… variables."""
    from linkarooie import processes

    if service != "all" and service not in BY_NAME:
        raise typer.BadParameter(f"there is no service {service!r}; choose from {', '.join(BY_NAME)}, or all")
    if service == "all":
        processes.share_one_process()
    processes.run(SERVICES if service == "all" else [BY_NAME[service]])


@app.command()
def migrate() -> None:
    """Bring every database schema and the message bus to what this version expects. Safe to repeat."""
    from linkarooie import processes

    processes.in_event_loop(processes.prepare())
    typer.echo("Everything is up to date.")


@app.command()
def dev(
    data: Annotated[
        Path, typer.Option(help="Where databases, pictures and caught letters are kept.")
    ] = DEVELOPMENT_FOLDER,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the services' log lines.")] = False,
) -> None:
    """Run everything on this machine: servers, services, sandbox platforms and demo accounts. Needs no other account."""
    from linkarooie import development

    development.run(data, verbose=verbose)


@app.command()
def reset(
    data: Annotated[Path, typer.Option(help="The folder to clear.")] = DEVELOPMENT_FOLDER,
) -> None:
    """Delete the data of the development installation."""
    from devstack import reset as reset_folder

    reset_folder(data)
    typer.echo(f"Cleared {data}. The next `make run` starts from nothing.")


@app.command()
def new_keys() -> None:
    """Print fresh secrets for an installation, as environment variables: vault keys, letter key, media key."""
    from linkarooie.secrets import new_secrets

    for name, value in new_secrets().items():
        typer.echo(f"{name}='{value}'")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Runs the command; what a person can act on is one message, anything else a traceback."""
    try:
        app()
    except (SettingsError, ServiceError, OSError) as error:
        _say(error)
    except Exception as error:
        # The devstack is there on development machines only, so its errors are recognised by their kind.
        if type(error).__module__.split(".")[0] not in ("devstack", "sandbox"):
            raise
        _say(error)


def _say(error: Exception) -> NoReturn:
    # An error of ours that is an OSError carries a number that helps nobody; one of the system's names its file.
    words = error.strerror if isinstance(error, OSError) and error.strerror and not error.filename else error
    errors.print(f"linkarooie: {words}", style="bold red", markup=False)
    sys.exit(1)
