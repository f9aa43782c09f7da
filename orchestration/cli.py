"""The command `crossfoot`: thin doors. Each command reads the settings and calls one function."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from orchestration import (
    alerts_cli,
    close_cli,
    connect_cli,
    doctor_cli,
    match_cli,
    match_model_cli,
    mcp_cli,
    person_cli,
    setup_cli,
    state_cli,
    telemetry,
    watch_cli,
    what_if_cli,
    why_cli,
)
from pipelines.errors import AskAPerson, CrossfootError, FixTheRow, ReplyLost, Retry, from_disk

telemetry.switch_off()

app = typer.Typer(
    name="crossfoot",
    help="Reconciles Salesforce and QuickBooks Online to the cent and keeps them in step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

match_cli.app.add_typer(match_model_cli.app)
app.add_typer(match_cli.app, name="match")
app.add_typer(alerts_cli.app, name="alerts")
app.add_typer(close_cli.exceptions_app, name="exceptions")
app.add_typer(close_cli.close_app, name="close")
app.add_typer(connect_cli.app, name="connect")
app.add_typer(setup_cli.app, name="setup")
app.add_typer(mcp_cli.app, name="mcp")
app.add_typer(state_cli.app, name="state")
app.add_typer(person_cli.app, name="person")
app.command()(doctor_cli.doctor)
app.command()(why_cli.why)
app.command()(watch_cli.watch)
app.command()(what_if_cli.what_if)

Flows = Annotated[
    list[str] | None,
    typer.Argument(help="Flows to plan by name; all of them, if none is given."),
]


def say(line: str) -> None:
    """One line to standard output, at once."""
    typer.echo(line)


def note(line: str) -> None:
    """Progress, to standard error, so that output can be piped; on a terminal in one place."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K  … {line[:70]}\r")
        sys.stderr.flush()
    else:
        typer.echo(f"  {line}", err=True)


@app.command()
def demo() -> None:
    """Do the main job on the sandbox company, twice over, and say what happens."""
    from orchestration.demo import run_demo

    run_demo(say)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
) -> None:
    """Start the sandbox and the Dagster UI together; Ctrl-C stops both."""
    from orchestration.ui import run_ui

    run_ui(port, say)


@app.command()
def sandbox(
    salesforce_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any free port.")
    ] = 0,
    quickbooks_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any free port.")
    ] = 0,
    company: Annotated[
        str | None,
        typer.Option(help="sample (the default), landscaping, blank or a company of your own."),
    ] = None,
    seed: Annotated[
        Path | None, typer.Option(help="Folder of records as the vendors' APIs return them.")
    ] = None,
    empty: Annotated[bool, typer.Option(help="Start with an empty org and company.")] = False,
    scale: Annotated[
        int | None, typer.Option(help="Start with a generated company of so many invoice lines.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Keep every change in this file and go on from it.")
    ] = None,
    limits: Annotated[
        Literal["on", "off"], typer.Option(help="Enforce the vendors' rate limits.")
    ] = "off",
    clock: Annotated[
        Literal["now", "seed"],
        typer.Option(help="Start at this machine's time, or at the moment the records are of."),
    ] = "now",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    open_to_network: Annotated[
        bool, typer.Option("--open-to-network", help="Allow a --host that others can reach.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the connection as one line of JSON.")
    ] = False,
) -> None:
    """Serve Salesforce's and QuickBooks' APIs on this machine until stopped."""
    from orchestration.sandbox_service import Start, serve

    start = Start(
        company=company,
        seed=seed,
        empty=empty,
        scale=scale,
        state=state,
        limits=limits == "on",
        clock=clock,
        host=host,
        open_to_network=open_to_network,
        salesforce_port=salesforce_port,
        quickbooks_port=quickbooks_port,
    )
    serve(start, say, note, as_json)


@app.command()
def extract(
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Look now for what is otherwise looked for once a day: "
            "records that are gone, formulas that changed, the vendors' own totals.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read nothing: ask the vendors for counts and totals only, a few calls, and "
            "compare them with what is held.",
        ),
    ] = False,
) -> None:
    """Read what is new in Salesforce and QuickBooks into the warehouse.

    Ends before its first call when the vendors' allowances do not suffice: see `crossfoot budget`.
    """
    from orchestration import steps
    from orchestration.budget.reading import extraction_lines
    from pipelines.settings import load_settings

    if verify:
        if full or sweep:
            raise typer.BadParameter("--verify reads nothing: leave --full and --sweep out")
        _verify()
        return
    done = steps.extraction(load_settings().check(), note, full=full, sweep=sweep)
    for line in extraction_lines(done):
        say(line)


def _verify() -> None:
    """The figures, or an end with code 1 when one differs."""
    from orchestration import verify
    from pipelines.settings import load_settings

    done = verify.verify(load_settings().check())
    for line in verify.verify_lines(done):
        say(line)
    if done.differing:
        raise typer.Exit(1)


@app.command()
def budget(
    full: Annotated[bool, typer.Option("--full", help="Of a run that reads everything.")] = False,
    count: Annotated[
        bool,
        typer.Option(
            "--count",
            help="Have the vendors count rows: one call of each org, and one "
            "read for each entity of each company.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Say what the next run costs in calls, what is left, and whether the month suffices.

    Asks each Salesforce org what it allows (one call).
    """
    from orchestration.budget import words
    from orchestration.budget.gate import look
    from pipelines.settings import load_settings

    found = look(load_settings().check(), full, count, note)
    for line in [words.as_json(found)] if as_json else words.budget_lines(found):
        say(line)


@app.command()
def judge() -> None:
    """Match, reconcile and decide in the warehouse, and publish the copy for analysts."""
    from orchestration import steps
    from pipelines.settings import load_settings

    settings = load_settings()
    done = steps.decide(settings, note)
    built = sum(b.count("model") for b in (done.prepared, done.judged))
    say(f"{built} models built, {steps.told_scored(done.scored)}. Marts: {settings.published_path}")


@app.command()
def plan(
    flows: Flows = None,
    form: Annotated[str, typer.Option("--format", help="text, markdown, json or html.")] = "text",
    by: Annotated[
        str, typer.Option(help="Who makes it, where the policy wants another to approve it.")
    ] = "",
) -> None:
    """Show every write that is due and every row that is blocked. Sends nothing."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle, render

    settings = load_settings()
    made = cycle.make_plan(settings, tuple(flows) if flows else None, author=by)
    say(render.plan_as(made, form))
    for doubt in cycle.doubts(settings):
        note(f"It may not be applied until this is read again: {doubt}")


@app.command()
def undo(
    keys: Annotated[list[str] | None, typer.Argument(help="Keys of applied changes.")] = None,
    of_plan: Annotated[
        str, typer.Option("--plan", help="Checksum of a plan: all that it has done.")
    ] = "",
    by: Annotated[str, typer.Option(help="Who makes the plan.")] = "",
) -> None:
    """Make the plan that takes applied changes back, or say why not. Sends nothing."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle, render

    made = cycle.plan_undo(load_settings().check(), keys or (), of_plan, author=by)
    say(render.plan_as(made, "text"))


@app.command()
def shadow() -> None:
    """Score the plans of flows in mode shadow against what people did by hand."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle, render

    for line in render.shadow_lines(*cycle.shadow_scores(load_settings())):
        say(line)


@app.command()
def overwrite(
    key: Annotated[str, typer.Argument(help="Key of the blocked change, as the plan shows it.")],
    by: Annotated[str, typer.Option(help="Your name; it is kept with the decision.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept too.")],
) -> None:
    """Let the owning system's value win, once, over what a person changed by hand."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle

    cycle.reopen(load_settings(), key, by, reason)
    say(f"The next plan writes {key}.")


@app.command()
def retry(
    key: Annotated[str, typer.Argument(help="Key of the refused change, as the plan shows it.")],
    by: Annotated[str, typer.Option(help="Your name; it is kept with the decision.")],
    reason: Annotated[str, typer.Option(help="What was mended; it is kept too.")],
) -> None:
    """Let a refused change be tried again as it is, because its cause was mended."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle

    cycle.release(load_settings(), key, by, reason)
    say(f"The next plan has {key} again.")


@app.command()
def approve(
    checksum: Annotated[str, typer.Argument(help="The plan's checksum, as `plan` shows it.")],
    by: Annotated[str, typer.Option(help="Your name; it is kept with the approval.")],
) -> None:
    """Approve one plan. A plan that has changed since has another checksum."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle

    kept = cycle.approve(load_settings(), checksum, by)
    say(f"Plan {checksum[:12]} approved by {by} until {kept.valid_until:%Y-%m-%d %H:%M} UTC.")


@app.command()
def apply(
    checksum: Annotated[str, typer.Argument(help="The checksum of an approved plan.")],
) -> None:
    """Apply an approved plan. Applying it twice changes nothing the second time."""
    from pipelines.settings import load_settings
    from reverse_etl import cycle
    from reverse_etl.render import outcome_lines

    done = cycle.apply(load_settings().check(), checksum, note)
    for line in outcome_lines(done):
        say(line)
    if done.failed:
        raise typer.Exit(1)


@app.command()
def sync(
    approve_as: Annotated[
        str | None,
        typer.Option(help="Approve and apply under this name. Without it: a dry run."),
    ] = None,
) -> None:
    """Read, judge, plan and, if somebody approves, apply, until nothing is left to do."""
    from orchestration.sync import rounds
    from pipelines.settings import load_settings
    from reverse_etl.render import outcome_lines, plan_lines, summary_lines

    failed = False
    for done in rounds(load_settings().check(), approve_as, note):
        for line in plan_lines(done.plan) if done.applied is None else summary_lines(done.plan):
            say(line)
        for line in outcome_lines(done.applied) if done.applied else ():
            say(line)
        failed |= done.applied is not None and done.applied.failed
    if failed:
        raise typer.Exit(1)
    if approve_as is None and done.plan.changes:
        say("Dry run: nothing was sent. To apply: crossfoot sync --approve-as YOUR-NAME")


@app.command()
def report(
    week: Annotated[
        str | None, typer.Option(help="ISO week such as 2026-W47; default: the newest data's.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it by mail and to Slack, to each once.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="With --send: also what may or may not have arrived."),
    ] = False,
) -> None:
    """Write the weekly mismatch report as one page, as a spreadsheet and as CSV."""
    from orchestration import steps
    from pipelines.settings import load_settings

    if again and not send:
        raise typer.BadParameter("--again says what --send sends: give both")
    settings = load_settings()
    paths = steps.report(settings, week)
    say(str(paths.page))
    if send:
        from reverse_etl.delivery import delivery_lines, require_sent

        done = steps.send(settings, paths, again)
        for line in delivery_lines(done):
            say(line)
        require_sent(done)


@app.command()
def docs() -> None:
    """Write the documentation of every mart and column as one page into the data folder."""
    from orchestration import steps
    from pipelines.settings import load_settings

    say(str(steps.docs(load_settings())))


def exit_code(problem: CrossfootError) -> int:
    """What kind of end it was: 3 ask a person, 4 fix the row, 5 try again later, 1 otherwise."""
    if isinstance(problem, AskAPerson):
        return 3
    if isinstance(problem, FixTheRow):
        return 4
    return 5 if isinstance(problem, Retry | ReplyLost) else 1


def end(problem: CrossfootError) -> NoReturn:
    """One line that says it all, with what was done before it happened, and the code."""
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    typer.echo(clear + " ".join(" ".join([str(problem), *_notes(problem)]).split()), err=True)
    sys.exit(exit_code(problem))


def _notes(problem: CrossfootError) -> list[str]:
    return list(getattr(problem, "__notes__", ()))


def main() -> None:
    """Run the command line; every known problem ends in one sentence and a non-zero code."""
    # What dbt and dlt make as they are imported stays: collecting among it is a fifth of importing
    # them, and a twentieth of a build.
    gc.set_threshold(50_000, 20, 100)
    try:
        app()
    except CrossfootError as problem:
        end(problem)
    except OSError as problem:
        end(from_disk(problem))
    except KeyboardInterrupt:
        typer.echo("Stopped. Nothing is half-written; run the same command to go on.", err=True)
        sys.exit(130)
