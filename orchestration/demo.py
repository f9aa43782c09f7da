"""The main job, told to a reader who knows nothing, on the sandbox company, twice over."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestration import facts, steps, words
from orchestration.companies import BOOKS, sample_company
from orchestration.folder import LOCK, alone
from orchestration.local_sandbox import CONNECTION, OtherBooks, local_sandbox
from orchestration.sync import Round, one_round, rounds
from pipelines.errors import ConfigurationError, Stop
from pipelines.settings import Settings, load_settings

Say = Callable[[str], None]
APPROVER = "demo"
MARK = "demo.json"
# What Crossfoot keeps in the folder of the sandbox profile, by name up to the first full stop.
_OWN = frozenset(
    {
        "books", "connection", "dagster", "dbt", "demo", "dlt", "docs", "extract", "gateway",
        "history", "published", "reports", "sandbox", "state", "tokens", "warehouse",
    }
)  # fmt: skip


def run_demo(say: Say) -> None:
    """Run the demonstration and say what happens.

    An interrupted demonstration is continued with the same books, so that it can be killed at any
    point; a finished one starts afresh. Raises `Stop` when another one is running, and whatever
    a step raises.
    """
    folder = _demo_folder(load_settings())
    began = time.monotonic()
    with alone(folder):
        say("Crossfoot: Salesforce and QuickBooks Online, reconciled to the cent and kept in step.")
        say("")
        with _sandbox(folder, say) as connection:
            _tell_start(connection, say)
            settings = _within(folder, load_settings().check())
            _two_passes(settings, say)
            page = steps.report(settings).page
        _mark(folder, finished=True)
    _tell_end(settings, page, time.monotonic() - began, say)


@contextmanager
def _sandbox(folder: Path, say: Say) -> Iterator[Mapping[str, Any]]:
    """The sandbox, on the books of the interrupted demonstration if there was one.

    Books that cannot be continued are the demonstration's own to discard, with all that was read
    from them and noted about them.
    """
    resumed = prepare_folder(folder)
    if resumed:
        say("An earlier demonstration was interrupted: going on with its books.")
    with ExitStack() as held:
        try:
            connection = held.enter_context(_started(folder, anew=not resumed))
        except OtherBooks:
            say("They were begun by another version of Crossfoot or with another company, so they")
            say("cannot be continued: they are discarded, and the demonstration starts anew.")
            _mark(folder, finished=True)
            prepare_folder(folder)
            connection = held.enter_context(_started(folder, anew=True))
        yield connection


def _started(folder: Path, *, anew: bool) -> AbstractContextManager[Mapping[str, Any]]:
    seed = sample_company(folder.parent, anew=anew)
    return local_sandbox(seed, folder / BOOKS, folder / CONNECTION)


def _two_passes(settings: Settings, say: Say) -> None:
    """The first pass goes on until a plan is empty; that empty one is the second pass."""
    say("")
    say("FIRST PASS: read both systems, match, reconcile, plan, apply")
    last = None
    for number, last in enumerate(rounds(settings, APPROVER, _progress()), 1):
        if number > 1 and not last.plan.changes:
            break
        _tell_round(settings, number, last, say)
    else:
        last = one_round(settings, APPROVER, _progress(), tests=False)
    _tell_second_pass(last, say)


def _tell_second_pass(done: Round, say: Say) -> None:
    say("")
    say("SECOND PASS: the same again, on books that are now in step")
    _tell_read(done, say)
    blocked = words.plural(len(done.plan.blocked), "row")
    say(f"  Plan      {words.plural(len(done.plan.changes), 'change')} ({blocked} still blocked)")
    if done.plan.changes:
        raise Stop(
            system="demo",
            record="second pass",
            problem=f"{len(done.plan.changes)} changes were planned on books in step",
            next_step="This is a fault of Crossfoot: please report it with the plan above.",
        )


def _tell_start(connection: Mapping[str, Any], say: Say) -> None:
    companies = connection["quickbooks"]["companies"]
    say("Started a sandbox: two local servers that speak the vendors' own APIs")
    say(f"  Salesforce   {connection['salesforce']['base_url']}  (sales: the deals)")
    say(
        f"  QuickBooks   {connection['quickbooks']['base_url']}  (finance: the books of "
        + " and ".join(c["name"] for c in companies)
        + ")"
    )


def _tell_round(settings: Settings, number: int, done: Round, say: Say) -> None:
    if number == 1:
        _tell_read(done, say)
        _tell_matches(settings.warehouse_path, say)
        _tell_mismatches(settings.warehouse_path, say)
    else:
        say("")
        say("Read back what was written, and show it in Salesforce")
        _tell_read(done, say)
    _tell_plan(done, say, with_blocked=number == 1)


def _tell_read(done: Round, say: Say) -> None:
    for system in dict.fromkeys(r.system for r in done.extracted):
        of_it = [r for r in done.extracted if r.system == system]
        say(
            f"  Extracted {sum(r.rows for r in of_it):>7,} rows from {system} in "
            f"{words.plural(sum(r.calls for r in of_it), 'call')}"
        )
    models = sum(b.count("model") for b in (done.judged.prepared, done.judged.judged))
    tests = sum(
        b.count("test") + b.count("unit_test") for b in (done.judged.prepared, done.judged.judged)
    )
    checked = f", {words.plural(tests, 'test')} passed" if tests else ""
    say(
        f"  Judged    {models:>7,} models built in the warehouse{checked}; "
        f"{steps.told_scored(done.judged.scored)}"
    )


def _tell_matches(path: Path, say: Say) -> None:
    say("")
    say("Who is who, and by which evidence")
    for rows in (facts.customer_matches, facts.product_matches, facts.invoice_matches):
        _all(words.table(rows(path)), say)
        say("")
    say("  Waiting for a person (never linked by guess)")
    _all(words.table(facts.waiting_for_review(path)), say)


def _tell_mismatches(path: Path, say: Say) -> None:
    say("")
    say("Where deals and invoices disagree, before anything is written")
    _all(words.table(_by_class(facts.mismatches(path))), say)
    say("")
    say("Booked to billed, to the cent")
    _all(words.table(facts.bridge(path)), say)


def _by_class(rows: facts.Rows) -> facts.Rows:
    """One row per class; what is only counted, with nothing at stake, is left to the report."""
    found: dict[str, facts.Rows] = {}
    for row in rows:
        found.setdefault(row["mismatch"], []).append(row)
    return [
        {
            "mismatch": name,
            "records": sum(row["records"] for row in own),
            "value at stake": words.amounts((r["currency"], r["value at stake"]) for r in own),
        }
        for name, own in found.items()
        if any(row["value at stake"] for row in own)
    ]


def _tell_plan(done: Round, say: Say, with_blocked: bool) -> None:
    from reverse_etl.render import outcome_lines, summary_lines

    say("")
    _all(summary_lines(done.plan, with_blocked), say)
    if done.applied is not None:
        say("")
        _all(outcome_lines(done.applied), say)


def _tell_end(settings: Settings, page: Path, seconds: float, say: Say) -> None:
    say("")
    say("What still disagrees, and needs a person (the plan never guesses)")
    _all(words.table(_by_class(facts.mismatches(settings.published_path))), say)
    say("")
    say(f"Report      {page}")
    say(f"Warehouse   {settings.published_path}  (open it with DuckDB; schema reconciliation)")
    say("Dagster UI  make ui")
    say(f"Done in {seconds:.0f} seconds. No process is left running.")


def _all(lines: Iterable[str], say: Say) -> None:
    for line in lines:
        say(line)


def _progress() -> Callable[[str], None]:
    """Progress for a terminal: what is being worked on, on one line that is written over."""
    if not sys.stderr.isatty():
        return steps.silent

    def show(text: str) -> None:
        sys.stderr.write(f"\r\033[K  … {text[:70]}\r")
        sys.stderr.flush()

    return show


def _demo_folder(settings: Settings) -> Path:
    if settings.profile != "sandbox":
        raise ConfigurationError(
            system="settings",
            record="CROSSFOOT_PROFILE",
            problem="the demonstration works on the sandbox only",
            next_step="Unset CROSSFOOT_PROFILE and run it again.",
        )
    return settings.data_dir


def _within(folder: Path, settings: Settings) -> Settings:
    """The settings with everything in the demonstration's own folder: a ledger or a warehouse
    that the environment names for other work is left alone."""
    return replace(
        settings,
        warehouse_path=folder / "warehouse.duckdb",
        published_path=folder / "published" / "crossfoot.duckdb",
        state_url=f"sqlite:///{folder / 'state.sqlite'}",
        report_dir=folder / "reports",
    )


def prepare_folder(folder: Path) -> bool:
    """Is an interrupted demonstration to be continued? Otherwise what earlier runs left goes.

    Raises `Stop` for a folder that holds something else than Crossfoot's own files.
    """
    if _unfinished(folder):
        return True
    found = [path for path in folder.iterdir() if path.name != LOCK]
    strange = sorted(path.name for path in found if path.name.partition(".")[0] not in _OWN)
    if strange:
        raise Stop(
            system="demo",
            record=str(folder),
            problem=f"the folder holds what is not Crossfoot's ({', '.join(strange[:3])})",
            next_step="A demonstration empties its folder first: set CROSSFOOT_DATA_DIR to an "
            "empty one, or unset it.",
        )
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    _mark(folder, finished=False)
    return False


def _unfinished(folder: Path) -> bool:
    try:
        return json.loads((folder / MARK).read_text())["finished"] is False
    except (OSError, ValueError, KeyError):
        return False


def _mark(folder: Path, *, finished: bool) -> None:
    beside = folder / f"{MARK}.new"
    beside.write_text(json.dumps({"finished": finished}))
    beside.replace(folder / MARK)
