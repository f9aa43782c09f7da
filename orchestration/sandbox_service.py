"""The command `crossfoot sandbox`: serve both vendors in this process until stopped.

One process, so that no signal to it can leave another behind. Several may run at once: the first
one on a data folder is where that profile leads (`connection.json`), every other writes its
connection beside it under a name of its own (set CROSSFOOT_SANDBOX_CONNECTION to work with it).
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from orchestration.companies import SAMPLE, company
from orchestration.folder import alone
from orchestration.local_sandbox import CONNECTION, write_private
from pipelines.errors import ConfigurationError, Stop
from pipelines.setting_salesforce import SANDBOX_DOMAIN
from pipelines.settings import is_loopback, load_settings

if TYPE_CHECKING:
    from pipelines.sandbox.kernel import Options

Say = Callable[[str], None]
Publish = Callable[[Mapping[str, Any]], Path | None]


@dataclass(frozen=True)
class Start:
    """What the command was told. At most one of `company`, `seed`, `empty` and `scale`."""

    company: str | None = None
    seed: Path | None = None
    empty: bool = False
    scale: int | None = None
    state: Path | None = None
    limits: bool = False
    clock: Literal["now", "seed"] = "now"
    host: str = "127.0.0.1"
    open_to_network: bool = False
    salesforce_port: int = 0
    quickbooks_port: int = 0

    def check(self) -> Start:
        """The same. Raises `ConfigurationError` for options that do not go together."""
        given = {
            "--company": self.company is not None,
            "--seed": self.seed is not None,
            "--empty": self.empty,
            "--scale": self.scale is not None,
        }
        chosen = [name for name, there in given.items() if there]
        if len(chosen) > 1:
            raise _senseless(" and ".join(chosen), "they exclude each other", "Give one of them.")
        if self.scale is not None and self.scale < 1:
            raise _senseless("--scale", "it wants a number above 0", "Correct the number.")
        if not is_loopback(self.host) and not self.open_to_network:
            raise _senseless(
                f"--host {self.host}",
                "others on the network could reach the sandbox there, and its keys are no secret",
                "Leave it out, or add --open-to-network if that is what you want.",
            )
        return self


def serve(start: Start, say: Say, note: Say, as_json: bool) -> None:
    """Serve in the foreground until SIGINT or SIGTERM. Raises `Stop` when it cannot start."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    start.check()
    settings = load_settings()
    if settings.profile == "live":
        raise _senseless(
            "CROSSFOOT_PROFILE",
            "a sandbox is served in the profiles sandbox and rehearsal only",
            "Unset it, or set it to rehearsal, and run again.",
        )
    poses = settings.profile == "rehearsal"
    from pipelines.sandbox.errors import SandboxError

    own_books = start.seed is None and not start.empty and start.scale is None
    needed = own_books and start.company in (None, SAMPLE)
    try:
        with _way(settings.data_dir, note, needed) as publish:
            words = Words(as_json, poses)
            _run(start, _options(start, settings.data_dir), publish, say, note, words)
    except SandboxError as problem:
        raise Stop("sandbox", "", str(problem)) from problem


def _leave(number: int, frame: object) -> NoReturn:
    """Told to stop before there was anything to stop."""
    sys.exit(0)


def _options(start: Start, data_dir: Path) -> Options:
    from pipelines.sandbox.kernel import Options

    present = start.clock == "now"
    if start.seed is not None or start.empty or start.scale is not None:
        return Options(start.seed, start.state, start.limits, start.scale, present)
    chosen = company(start.company or SAMPLE, data_dir)
    return Options(chosen.seed, start.state or chosen.books, start.limits, present=present)


def _run(
    start: Start, options: Options, publish: Publish, say: Say, note: Say, words: Words
) -> None:
    from pipelines.sandbox.server import run_sandbox

    if not is_loopback(start.host):
        note(f"Warning: everybody who reaches {start.host} on the network can use this sandbox.")
    ports = {"salesforce": start.salesforce_port, "quickbooks": start.quickbooks_port}

    def ready(connection: dict[str, Any]) -> None:
        path = publish(connection)
        for line in words.of(connection, path):
            say(line)

    run_sandbox(options, ports, ready, _stop_on_signal, start.host)


def _stop_on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())


@dataclass(frozen=True)
class Words:
    """How the way to the sandbox is told. `poses`: it stands for an org and companies of one's own,
    so what the vendors' developer pages would show is told too."""

    as_json: bool
    poses: bool

    def of(self, connection: Mapping[str, Any], path: Path | None) -> list[str]:
        """The lines, once both ports answer."""
        if self.as_json:
            return [json.dumps(connection)]
        where = [f"Connection  {path}  (ids, users and tokens; Ctrl-C stops)"] if path else []
        return [
            f"Salesforce  {connection['salesforce']['base_url']}",
            f"QuickBooks  {connection['quickbooks']['base_url']}",
            f"Control     {connection['control_url']}",
            *where,
            *(_as_ones_own(connection, path) if self.poses and path else []),
        ]


def _as_ones_own(connection: Mapping[str, Any], path: Path) -> list[str]:
    """The settings that a person would copy from the vendors' developer pages."""
    org, books = connection["salesforce"], connection["quickbooks"]
    key = path.with_suffix(".pem")
    write_private(key, org["private_key"])
    return [
        "It poses as your org and companies. Their apps, for .env:",
        f"  CROSSFOOT_SALESFORCE_DOMAIN={SANDBOX_DOMAIN}",
        f"  CROSSFOOT_SALESFORCE_CLIENT_ID={org['client_id']}",
        f"  CROSSFOOT_QUICKBOOKS_CLIENT_ID={books['client_id']}",
        f"  CROSSFOOT_QUICKBOOKS_CLIENT_SECRET={books['client_secret']}",
        "and for a log-in to Salesforce without a browser:",
        f"  CROSSFOOT_SALESFORCE_ORG_ID={org['org_id']}",
        f"  CROSSFOOT_SALESFORCE_USERNAME={org['username']}",
        f"  CROSSFOOT_SALESFORCE_PRIVATE_KEY_FILE={key}",
    ]


@contextmanager
def _way(data_dir: Path, note: Say, needed: bool) -> Iterator[Publish]:
    """Yields what writes the connection file; the file is gone when the block ends.

    Who holds the data folder has its `connection.json`: a killed sandbox leaves a file behind, but
    no lock. `needed`: the books in the folder are served, so it has to be held.
    """
    written: list[Path] = []
    with ExitStack() as held:
        name: str | None = CONNECTION
        try:
            held.enter_context(alone(data_dir))
        except Stop:
            if needed:
                raise
            name = "connection.{port}.json"
            note(f"Another sandbox has {data_dir}; this one does not touch what it keeps there.")
        except OSError as problem:
            if needed:
                raise
            name = None
            note(f"No connection file is kept: {data_dir} cannot be written ({problem.strerror}).")

        def publish(connection: Mapping[str, Any]) -> Path | None:
            if name is None:
                return None
            port = connection["salesforce"]["base_url"].rsplit(":", 1)[1]
            path = data_dir / name.format(port=port)
            write_private(path, json.dumps(connection))
            written.append(path)
            return path

        try:
            yield publish
        finally:
            for path in written:
                path.unlink(missing_ok=True)


def _senseless(option: str, problem: str, next_step: str) -> ConfigurationError:
    return ConfigurationError("sandbox", option, problem, next_step)
