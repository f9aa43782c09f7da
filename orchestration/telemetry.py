"""Switches off the telemetry of every dependency, before any of them is imported."""

from __future__ import annotations

import os

SWITCHES = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DAGSTER_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
}


def switch_off() -> None:
    """Set each switch that the user has not set already."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)


def child_environment(**more: str) -> dict[str, str]:
    """The environment for a process of ours: the switches set, compiled modules kept."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**SWITCHES, **kept, **more}


def in_this_process(**more: str) -> None:
    """Set what libraries read from the environment, unless the user has set it."""
    for name, value in more.items():
        os.environ.setdefault(name, value)
