"""Starts the watching process: receiver, polls and rounds, with its runs in Dagster's instance."""

from __future__ import annotations

import fcntl
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration import telemetry
from orchestration.watching.receiver import Known, receiving
from orchestration.watching.service import Polls, watch
from orchestration.watching.signals import Bell, Woken
from pipelines.errors import Stop
from pipelines.folders import make_private
from pipelines.settings import Settings, load_settings

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_watch(host: str, port: int, say: Callable[[str], None]) -> None:
    """Watch until told to end; a round under way is finished first.

    Raises `Stop` when the port is taken, `ConfigurationError` when a system is missing.
    """
    settings = load_settings().check()
    bell = Bell()
    for number in _ENDINGS:
        signal.signal(number, lambda *_: bell.stop())
    with receiving(host, port, known(settings), bell) as address:
        say(f"Watching. Events are received at {address}")
        serve(settings, bell, say)
    say("Stopped. Nothing is half-written; it goes on where it was when it is started again.")


def known(settings: Settings) -> Known:
    """Whose events are taken."""
    return Known(
        frozenset(c.realm_id for c in settings.quickbooks.companies),
        settings.salesforce.org_id,
        settings.watching.verifier_token,
        settings.watching.salesforce_token,
    )


@contextmanager
def only_watcher(home: Path) -> Iterator[str]:
    """Hold the place of the one watcher of a Dagster home; its name, which stays the same from one
    start to the next. Raises `Stop` when another process has it."""
    make_private(home)
    with (home / "watcher").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(
                "watching", str(home), "another process is watching already", "Stop that one."
            ) from None
        file.seek(0)
        name = file.read().strip()
        if not name:
            name = uuid.uuid4().hex
            file.write(name)
            file.flush()
        yield name


def serve(settings: Settings, bell: Bell, say: Callable[[str], None]) -> None:
    """Run rounds until the bell is stopped, each as a run of the instance that the UI shows."""
    from orchestration.ui import dagster_home

    telemetry.in_this_process(DAGSTER_HOME=str(dagster_home(settings)))
    import dagster as dg

    from orchestration.watching.job import (
        Worker,
        end_killed_rounds,
        problem_of,
        run_round,
    )
    from orchestration.watching.prompt import Prompt, PromptRound

    home = dagster_home(settings)
    with only_watcher(home) as watcher, dg.DagsterInstance.get() as instance:
        worker = Worker(Prompt(settings), watcher=watcher)
        if killed := end_killed_rounds(instance, watcher):
            say(f"{killed} earlier round was killed on its way; Dagster shows it as failed now.")

        def run(woken: Woken) -> PromptRound | None:
            result, done = run_round(instance, worker, woken)
            if done is None:
                say(f"{woken.told()}: failed. {problem_of(result)}")
            return done

        watch(bell, Polls(settings, say), run, say)
