"""A process that forks one child per job, so that killing a real process costs little.

Reads one JSON line per job from standard input: what to `do` (apply, plan, approve, copy, run: plan
and apply what the policy lets run by itself) with
which `environment` and `checksum`; `later` is by how many seconds the child's clock is ahead.
Answers one JSON line: how the child ended and what it said.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from requests.adapters import HTTPAdapter

from pipelines.errors import CrossfootError
from pipelines.settings import load_settings
from reverse_etl import cycle, failpoints
from reverse_etl.lease import utc_now
from reverse_etl.patience import CAUTIOUS

PATIENCE = replace(CAUTIOUS, pauses=(0, 0), sleep=lambda seconds: None)


def run(job: dict[str, Any]) -> Any:
    settings = load_settings(job["environment"])
    os.environ.update(job.get("kill", {}))
    failpoints._reached.clear()
    if "kill_request" in job:
        kill_around(*job["kill_request"])
    if job["do"] == "plan":
        return cycle.make_plan(settings).checksum
    if job["do"] == "approve":
        return cycle.approve(settings, job["checksum"], "Ada").who
    if job["do"] == "copy":
        return cycle.copy_state(settings)
    if job["do"] == "run":
        plan, beyond = cycle.plan_automatic(settings)
        assert not beyond, beyond
        job["checksum"] = plan.checksum
    later = timedelta(seconds=job.get("later", 0))
    result = cycle.apply(
        settings, job["checksum"], patience=PATIENCE, now=lambda: utc_now() + later
    )
    return [[o.change_key, o.status, o.fresh] for o in result.all]


def kill_around(number: int, when: str) -> None:
    """Kill this process just before or just after its so many-th request, whatever it asks."""
    send, sent = HTTPAdapter.send, count(1)

    def counted(self: HTTPAdapter, *given: Any, **more: Any) -> Any:
        is_the_one = next(sent) == number
        if is_the_one and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        reply = send(self, *given, **more)
        if is_the_one:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    HTTPAdapter.send = counted  # type: ignore[method-assign]


def child(job: dict[str, Any], answer: int) -> None:
    try:
        said = {"result": run(job)}
    except CrossfootError as problem:
        said = {"error": type(problem).__name__, "text": str(problem)}
    except Exception:  # noqa: BLE001 - told to the parent, which fails the test
        said = {"error": "bug", "text": traceback.format_exc()}
    os.write(answer, json.dumps(said).encode())
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        ended = {"killed_by": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
        sys.stdout.write(json.dumps({**ended, **(json.loads(said) if said else {})}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
