"""`linkarooie admin`: what the operator does on the server. What concerns accounts and keys needs the environment of the auth service."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from linkarooie import dead_letters
from servicekit.identity import Role
from servicekit.settings import load_settings

if TYPE_CHECKING:
    from services.auth.operator import Operator

Result = TypeVar("Result")
app = typer.Typer(
    no_args_is_help=True,
    help="Make accounts of staff, give roles, rotate keys, look after dead letters, have pictures made anew.",
)
app.add_typer(dead_letters.app, name="dead-letters")

Email = Annotated[str, typer.Option(help="The address of the account.")]
Name = Annotated[str, typer.Option(help="How its owner wants to be called.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


@app.command()
def create_user(email: Email, name: Name, password_stdin: FromStdin = False) -> None:
    """Make an account. No letter is sent: you answer for the address."""
    _create(email, name, Role.USER, password_stdin=password_stdin)


@app.command()
def create_admin(email: Email, name: Name, password_stdin: FromStdin = False) -> None:
    """Make an account that may look up others, see what happened to them, and give roles."""
    _create(email, name, Role.ADMIN, password_stdin=password_stdin)


@app.command()
def set_role(role: Annotated[Role, typer.Argument(help="What the account may do from now on.")], email: Email) -> None:
    """Give an account a role. Its sessions end, so that it counts at once."""
    user = _with_operator(lambda operator: operator.set_role(email, role))
    typer.echo(f"{user.email} has the role {user.role} now.")


@app.command()
def rotate_keys(
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="A key leaked: end the present ones now, and every access token with them."),
    ] = False,
    platform_tokens: Annotated[
        bool,
        typer.Option(
            "--platform-tokens",
            help="Instead, seal platform tokens with the first of LINKAROOIE_SYNC_VAULT_KEYS. Needs the environment of the sync service.",
        ),
    ] = False,
) -> None:
    """Make the key that signs access tokens from now on. Nobody is logged out."""
    if platform_tokens:
        if at_once:
            raise typer.BadParameter("--at-once is about signing keys; platform tokens are sealed anew at once anyway")
        _seal_platform_tokens()
        return
    key = _with_operator(lambda operator: operator.key_care.rotate(at_once=at_once))
    typer.echo(f"The key {key.id} signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC.")


def _seal_platform_tokens() -> None:
    from servicekit.telemetry import set_up_logs
    from services.sync.operator import OperatorSettings, Resealed, operator_of

    settings = load_settings(OperatorSettings)
    set_up_logs(level="warning", format="console")

    async def run() -> Resealed:
        async with operator_of(settings) as operator:
            return await operator.seal_anew()

    done = asyncio.run(run())
    typer.echo(f"Sealed {done.count:,} {'thing' if done.count == 1 else 'things'} with the first key.")
    if not done.still_with:
        typer.echo("No older key is needed any more: remove it once every process seals with the first one.")
        return
    for key_id, count in sorted(done.still_with.items()):
        typer.echo(
            f"The key {key_id} is still needed for {count:,}. Run this again; if the number stays, the key is not among the settings'."
        )


def _create(email: str, name: str, role: Role, *, password_stdin: bool) -> None:
    password = _password(password_stdin=password_stdin)
    user = _with_operator(
        lambda operator: operator.registration.create_confirmed(
            email=email, password=password, display_name=name, role=role
        )
    )
    typer.echo(f"Made the account {user.email} with the role {user.role}.")


def _password(*, password_stdin: bool) -> str:
    """Never an argument: those are in the shell's history, and every process of the machine can read them."""
    if password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on; give the password with --password-stdin")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _with_operator(work: Callable[["Operator"], Awaitable[Result]]) -> Result:
    from servicekit.telemetry import set_up_logs
    from services.auth.operator import operator_of
    from services.auth.settings import AuthSettings

    settings = load_settings(AuthSettings)
    set_up_logs(level="warning", format="console")

    async def run() -> Result:
        async with operator_of(settings) as operator:
            return await work(operator)

    return asyncio.run(run())


@app.command()
def render_again(
    failed: Annotated[bool, typer.Option("--failed", help="Only pictures that have failed.")] = False,
    owner: Annotated[str | None, typer.Option(help="Only pictures of one account, by its id.")] = None,
) -> None:
    """Have the versions of all pictures made anew, behind what people wait for. Needs the environment of the upload service."""
    from servicekit.telemetry import set_up_logs
    from services.upload.operator import OperatorSettings, operator_of

    settings = load_settings(OperatorSettings)
    set_up_logs(level="warning", format="console")

    async def run() -> int:
        async with operator_of(settings) as operator:
            return await operator.render_again(only_failed=failed, owner_id=owner)

    asked = asyncio.run(run())
    if asked:
        typer.echo(
            f"Asked for {asked:,} {'picture' if asked == 1 else 'pictures'}; the processor makes them as it can."
        )
    else:
        typer.echo("There is no such picture, so nothing is made anew.")
