"""Both systems together: from the file of a running sandbox, or from the variables of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pipelines.errors import ConfigurationError
from pipelines.setting_quickbooks import (
    QuickBooksApp,
    QuickBooksSettings,
    live_quickbooks,
    live_quickbooks_app,
    sandbox_quickbooks,
)
from pipelines.setting_salesforce import (
    SalesforceApp,
    SalesforceSettings,
    distinct,
    live_salesforce,
    live_salesforce_app,
    sandbox_salesforce,
)
from pipelines.setting_values import Values, loopback

S = TypeVar("S")
Systems = tuple[
    tuple[SalesforceSettings, ...] | ConfigurationError, QuickBooksSettings | ConfigurationError
]
Apps = tuple[SalesforceApp | ConfigurationError, QuickBooksApp | ConfigurationError]


@dataclass(frozen=True)
class Served:
    """Where a running sandbox serves both vendors, on this machine."""

    salesforce: str
    quickbooks: str
    discovery: str


def sandbox_systems(values: Values, data_dir: Path) -> Systems:
    """Both systems from the connection file that a running sandbox wrote. Of further files only
    the orgs are taken."""
    paths = values.paths("CROSSFOOT_SANDBOX_CONNECTION", data_dir / "connection.json")
    try:
        first, *others = map(_connection, paths)
        orgs = [sandbox_salesforce(values, given["salesforce"]) for given in (first, *others)]
        return distinct(orgs), sandbox_quickbooks(values, first["quickbooks"])
    except ConfigurationError as problem:
        return problem, problem
    except (KeyError, TypeError, ValueError) as cause:
        return (bad := _bad_connection(paths[0], cause)), bad


def sandbox_events(values: Values, data_dir: Path) -> Mapping[str, Any]:
    """What the sandbox says of its own events; nothing when none is running."""
    (path, *_) = values.paths("CROSSFOOT_SANDBOX_CONNECTION", data_dir / "connection.json")
    try:
        told: Mapping[str, Any] = _connection(path)["quickbooks"]
    except ConfigurationError:
        return {}
    return told if isinstance(told, Mapping) else {}


def live_systems(values: Values, token_dir: Path) -> Systems:
    """Both systems from CROSSFOOT_… variables, each or why it is not configured."""
    return (
        or_problem(live_salesforce, values),
        or_problem(lambda given: live_quickbooks(given, token_dir), values),
    )


def live_apps(values: Values) -> Apps:
    """The apps that a person lets in, each or why it is not configured."""
    return or_problem(live_salesforce_app, values), or_problem(live_quickbooks_app, values)


def rehearsed_systems(values: Values, data_dir: Path, token_dir: Path) -> Systems:
    """As `live_systems`, but both vendors are those that a running sandbox serves."""
    try:
        served = _served(values, data_dir)
    except ConfigurationError as problem:
        return problem, problem
    orgs, books = live_systems(values, token_dir)
    if not isinstance(orgs, ConfigurationError):
        orgs = tuple(replace(org, base_url=served.salesforce) for org in orgs)
    if not isinstance(books, ConfigurationError):
        books = replace(books, base_url=served.quickbooks, discovery_url=served.discovery)
    return orgs, books


def rehearsed_apps(values: Values, data_dir: Path) -> Apps:
    """As `live_apps`, of what a running sandbox serves."""
    try:
        served = _served(values, data_dir)
    except ConfigurationError as problem:
        return problem, problem
    org, books = live_apps(values)
    if not isinstance(org, ConfigurationError):
        org = replace(org, base_url=served.salesforce)
    if not isinstance(books, ConfigurationError):
        books = replace(books, base_url=served.quickbooks, discovery_url=served.discovery)
    return org, books


def _served(values: Values, data_dir: Path) -> Served:
    (path, *_) = values.paths("CROSSFOOT_SANDBOX_CONNECTION", data_dir / "connection.json")
    given = _connection(path)
    try:
        return Served(
            loopback(given["salesforce"]["base_url"]),
            loopback(given["quickbooks"]["base_url"]),
            loopback(given["quickbooks"]["discovery_url"]),
        )
    except (KeyError, TypeError, ValueError) as cause:
        raise _bad_connection(path, cause) from None


def or_problem(read: Callable[[Values], S], values: Values) -> S | ConfigurationError:
    """What is read, or the error that says what is missing."""
    try:
        return read(values)
    except ConfigurationError as problem:
        return problem


def configured(part: S | ConfigurationError) -> S:
    """The part. Raises what was found instead of it."""
    if isinstance(part, ConfigurationError):
        raise part
    return part


def joined(problems: list[Any]) -> ConfigurationError:
    """Several errors as one."""
    unique = list(dict.fromkeys(str(p) for p in problems))
    if len(unique) == 1 and isinstance(problems[0], ConfigurationError):
        return problems[0]
    return ConfigurationError(
        " and ".join(p.system for p in problems),
        "settings",
        "; ".join(p.problem for p in problems),
        problems[0].next_step,
    )


def _connection(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise _no_sandbox(path) from None
    except (OSError, ValueError) as cause:
        raise _bad_connection(path, cause) from None
    if not isinstance(found, dict) or not {"salesforce", "quickbooks"} <= found.keys():
        raise _bad_connection(path, ValueError())
    return found


def _no_sandbox(path: Path) -> ConfigurationError:
    return ConfigurationError(
        "sandbox",
        str(path),
        "no sandbox is running: this file does not exist",
        "Start one with `crossfoot sandbox`, or set CROSSFOOT_PROFILE=live and the CROSSFOOT_… "
        "variables of your own systems.",
    )


def _bad_connection(path: Path, cause: Exception) -> ConfigurationError:
    detail = f"no {cause}" if isinstance(cause, KeyError) else type(cause).__name__
    return ConfigurationError(
        "sandbox",
        str(path),
        f"the connection file cannot be read ({detail})",
        "Delete it and start the sandbox again.",
    )
