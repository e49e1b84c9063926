"""`linkarooie admin dead-letters`: messages that were laid aside, with the address of the message bus alone."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from servicekit.errors import ServiceError
from servicekit.settings import BusSettings, ServiceSettings, load_settings

if TYPE_CHECKING:
    from servicekit.dead_letters import DeadLetter, DeadLetters

Result = TypeVar("Result")
app = typer.Typer(help="Look at messages that were laid aside, put them back, or drop them.")

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="The letter's number, as the list shows it.")]
OfConsumer = Annotated[
    str | None, typer.Option("--consumer", metavar="NAME", help="Those that one consumer laid aside.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON.")]
COLUMNS = ("ID", "WHEN (UTC)", "CONSUMER", "SUBJECT", "OWNER", "REASON")


class AdminBusSettings(ServiceSettings, BusSettings):
    service = "admin"


@app.callback(invoke_without_command=True)
def list_letters(context: typer.Context, consumer: OfConsumer = None, as_json: AsJson = False) -> None:
    """List messages that were laid aside, oldest first; `show`, `replay` or `drop` one."""
    if context.invoked_subcommand is not None:
        if consumer is not None or as_json:
            raise typer.BadParameter(f"write options after `{context.invoked_subcommand}`, not before")
        return
    letters = _with_letters(lambda letters: letters.all(consumer=consumer))
    if as_json:
        typer.echo(json.dumps([_summary(letter) for letter in letters], indent=2))
    elif not letters:
        typer.echo(f"There are no dead letters{_of(consumer)}.")
    else:
        _table([COLUMNS, *(_row(letter) for letter in letters)])


@app.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Show a message: why it was laid aside, its headers, and what it says."""
    letter = _with_letters(lambda letters: letters.get(id))
    _load_contract(letter.kind)
    said = letter.fields()
    whole = {**_summary(letter), "headers": letter.headers, "message": said}
    if as_json:
        typer.echo(json.dumps(whole, indent=2))
        return
    for name, value in _summary(letter).items():
        typer.echo(f"{name:10} {value}")
    typer.echo("\nheaders")
    for name, value in sorted(letter.headers.items()):
        typer.echo(f"  {name}: {value}")
    typer.echo(f"\n{letter.kind or 'a message of no kind'}, {len(letter.content)} bytes")
    typer.echo(letter.content.hex(" ") if said is None else json.dumps(said, indent=2, ensure_ascii=False))


@app.command()
def replay(
    id: Annotated[int | None, typer.Argument(metavar="[ID]", min=1, help="One letter, by its number.")] = None,
    consumer: OfConsumer = None,
    all_letters: Annotated[bool, typer.Option("--all", help="Every one.")] = False,
) -> None:
    """Put messages back to where they came from. Those who handled one before take no notice of it."""
    if [id is not None, consumer is not None, all_letters].count(True) != 1:
        raise typer.BadParameter("say which: an ID, --consumer NAME, or --all")

    problems: list[str] = []

    async def put_back(letters: "DeadLetters") -> int:
        chosen = [await letters.get(id)] if id is not None else await letters.all(consumer=consumer)
        for letter in chosen:
            try:
                await letters.replay(letter)
            except ServiceError as error:
                # One that cannot go back is no reason to keep the others.
                problems.append(f"{letter.id} stays: {error.message}")
        return len(chosen) - len(problems)

    count = _with_letters(put_back)
    if count:
        typer.echo(f"Put back {count} message{'' if count == 1 else 's'}. What fails again comes back to this list.")
    elif not problems:
        typer.echo(f"There are no dead letters{_of(consumer)}: nothing to replay.")
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def drop(id: Id) -> None:
    """Remove a message for good: what it asked for is never done."""
    _with_letters(lambda letters: letters.drop(id))
    typer.echo(f"Dropped the dead letter {id}.")


def _with_letters(work: Callable[["DeadLetters"], Awaitable[Result]]) -> Result:
    from servicekit.bus import Bus
    from servicekit.dead_letters import DeadLetters
    from servicekit.telemetry import set_up_logs

    settings = load_settings(AdminBusSettings)
    # What the bus has to say about its connection is in the error that ends the command.
    set_up_logs(level="error", format="console")

    async def run() -> Result:
        bus = Bus(settings, name=settings.service)
        await bus.start()
        try:
            return await work(DeadLetters(bus))
        finally:
            await bus.stop()

    return asyncio.run(run())


def _summary(letter: "DeadLetter") -> dict[str, Any]:  # values are those of JSON
    return {
        "id": letter.id,
        "when": letter.failed_at.isoformat(timespec="seconds") if letter.failed_at else None,
        "consumer": letter.consumer,
        "subject": letter.subject,
        "owner": letter.owner_id,
        "reason": letter.reason,
    }


def _row(letter: "DeadLetter") -> Sequence[str]:
    when = f"{letter.failed_at:%Y-%m-%d %H:%M:%S}" if letter.failed_at else "-"
    return [str(letter.id), when, letter.consumer or "-", letter.subject, letter.owner_id or "-", letter.reason or "-"]


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _of(consumer: str | None) -> str:
    return "" if consumer is None else f" of the consumer {consumer}"


def _load_contract(kind: str) -> None:
    """Imports the contract of a message's type, such as `linkarooie.processor.v1.RenderImage`; nothing for what is none of ours."""
    package, _, _ = kind.rpartition(".")
    match package.split("."):
        case ["linkarooie", name, version] if name.isidentifier() and version.isidentifier():
            try:
                import_module(f"linkarooie.{name}.{version}.{name}_pb2")
            except ModuleNotFoundError:
                return
