"""`python -m pipelines.sandbox`: serve both vendors until stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.errors import LogOfAnotherSeed, SandboxError
from pipelines.sandbox.kernel import Options
from pipelines.sandbox.server import run_sandbox

OTHER_SEED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when stopped, 2 when it could not start, `OTHER_SEED` when that is because
    the log was begun with other records."""
    given = _parser().parse_args(arguments)
    options = Options(
        seed=None if given.empty else given.seed,
        log_file=given.log,
        limits=given.limits == "on",
        scale=given.scale,
    )
    ports = {"salesforce": given.salesforce_port, "quickbooks": given.quickbooks_port}
    try:
        run_sandbox(options, ports, _announce(given.json), _stopper(given.stop_with_stdin))
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return OTHER_SEED if isinstance(error, LogOfAnotherSeed) else 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.sandbox",
        description="Serve Salesforce's and QuickBooks Online's APIs on this machine, "
        "for trying things out and for tests.",
    )
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--seed", type=Path, metavar="FOLDER", help="start with these records")
    start.add_argument(
        "--scale", type=int, metavar="N", help="start with a company of N invoice lines"
    )
    start.add_argument("--empty", action="store_true", help="start with nothing")
    parser.add_argument("--salesforce-port", type=int, default=0, metavar="N", help="0: any")
    parser.add_argument("--quickbooks-port", type=int, default=0, metavar="N", help="0: any")
    parser.add_argument("--log", "--state", type=Path, metavar="FILE", help="keep all writes here")
    parser.add_argument("--limits", choices=("on", "off"), default="off", help="vendor allowances")
    parser.add_argument("--json", action="store_true", help="print the connection as one line")
    parser.add_argument(
        "--stop-with-stdin", action="store_true", help="end when standard input ends"
    )
    return parser


def _announce(as_json: bool) -> Callable[[dict[str, Any]], None]:
    def announce(connection: dict[str, Any]) -> None:
        sys.stdout.write(codec.dumps(connection) + "\n" if as_json else _in_words(connection))
        sys.stdout.flush()

    return announce


def _in_words(connection: dict[str, Any]) -> str:
    salesforce, quickbooks = connection["salesforce"], connection["quickbooks"]
    return (
        f"Salesforce  {salesforce['base_url']}  org {salesforce['org_id']}\n"
        f"QuickBooks  {quickbooks['base_url']}  companies "
        f"{', '.join(company['realm_id'] for company in quickbooks['companies'])}\n"
        f"Control     {connection['control_url']}  (connection data: /connection)\n"
        "Stop with Ctrl-C.\n"
    )


def _stopper(with_stdin: bool) -> Callable[[Callable[[], None]], None]:
    def register(stop: Callable[[], None]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop())
        if with_stdin:
            threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()

    return register


def _wait_for_end(stop: Callable[[], None]) -> None:
    while sys.stdin.buffer.read(65536):
        continue
    stop()


if __name__ == "__main__":
    sys.exit(main())
