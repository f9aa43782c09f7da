"""The commands `crossfoot person …`: what is held on somebody, handed out or removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orchestration.person import Held

app = typer.Typer(help="What is held on one person: export and removal.", no_args_is_help=True)
_EMAIL = Annotated[str, typer.Argument(help="The person's e-mail address.")]


@app.command()
def export(
    email: _EMAIL,
    out: Annotated[Path, typer.Argument(help="A new file; it is readable for you alone.")],
) -> None:
    """Write everything that is held on a person into one JSON file."""
    import os
    from datetime import UTC, datetime

    import simplejson

    from orchestration import person
    from pipelines import persons
    from pipelines.errors import ConfigurationError
    from pipelines.settings import load_settings

    found = person.export(load_settings(), persons.person(email), datetime.now(UTC))
    text = simplejson.dumps(found, use_decimal=True, ensure_ascii=False, indent=1)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise ConfigurationError(
            "person", str(out), f"it cannot be written: {problem.strerror}", "Name a new file."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    told = {name: len(found[name]) for name in ("records", "state", "calls")}
    typer.echo(
        f"{told['records']} records with their versions, {told['state']} rows of the state and "
        f"{told['calls']} calls of the gateway are in {out}."
    )


@app.command()
def remove(
    email: _EMAIL,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this it is only shown.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who removes it.")] = "",
    reason: Annotated[str, typer.Option(help="Why, such as the person's request.")] = "",
) -> None:
    """Put a pseudonym in place of a person: shown first, then done with --apply.

    Amounts, ids and the ledger stay as they are. Salesforce and QuickBooks are not written to.
    """
    from datetime import UTC, datetime

    from orchestration import person
    from pipelines import persons
    from pipelines.errors import ConfigurationError
    from pipelines.settings import load_settings

    settings, who = load_settings(), persons.person(email)
    if not apply:
        for line in told(person.look(settings, who)):
            typer.echo(line)
        return
    if not by.strip() or not reason.strip():
        raise ConfigurationError(
            "person", email, "a removal is noted with who did it and why",
            "Add --by NAME and --reason TEXT.",
        )  # fmt: skip
    held = person.remove(settings, who, by.strip(), reason.strip(), datetime.now(UTC))
    for line in told(held, pseudonym=who.pseudonym):
        typer.echo(line)


def told(held: Held, pseudonym: str = "") -> list[str]:
    """What is held, or was, as lines; with a pseudonym it is done."""
    if held.is_empty:
        return ["Nothing is held on this person.", *(f"  = {line}" for line in held.kept)]
    lines = [f"  - {count:,} rows of {name}" for name, count in sorted(held.tables.items())]
    lines += [f"  - {count:,} rows of the state's {n}" for n, count in sorted(held.state.items())]
    if held.plans:
        lines.append(f"  - {held.plans:,} stored plans, which go as a whole: make them again")
    if held.calls:
        lines.append(f"  - {held.calls:,} calls in the gateway's log")
    lines += [f"  ! {key} may be under way; it must be settled first" for key in held.doubtful]
    lines += [f"  = {line}" for line in held.kept]
    if not pseudonym:
        step = "Nothing was changed: add --apply with --by and --reason."
        return ["Held on this person, and what would be done:", *lines, step]
    step = "Run `crossfoot judge`, so that the marts and the published copy are made anew."
    return [f"Done. In its place stands {pseudonym}.", *lines, step]
