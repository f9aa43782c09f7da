"""Every variable that Crossfoot reads, so that a mistyped one is told and not ignored."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pipelines.errors import ConfigurationError

PREFIX = "CROSSFOOT_"
NAMES = frozenset(
    PREFIX + name
    for name in (
        "PROFILE", "DATA_DIR", "WAREHOUSE_PATH", "PUBLISHED_PATH", "STATE_URL", "REPORT_DIR",
        "DBT_DIR", "GO_LIVE_ON", "TIMEOUT_SECONDS", "PACE", "SANDBOX_CONNECTION",
        "MAX_CHANGES", "MAX_AMOUNT", "MAX_CREATES_PER_FLOW",
        "SALESFORCE_ORG_ID", "SALESFORCE_DOMAIN", "SALESFORCE_API_VERSION", "SALESFORCE_LOGIN",
        "SALESFORCE_USERNAME", "SALESFORCE_PASSWORD", "SALESFORCE_SECURITY_TOKEN",
        "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "SALESFORCE_ACCESS_TOKEN",
        "QUICKBOOKS_BASE_URL", "QUICKBOOKS_DISCOVERY_URL", "QUICKBOOKS_CLIENT_ID",
        "QUICKBOOKS_CLIENT_SECRET", "QUICKBOOKS_COMPANIES",
    )
)  # fmt: skip
# One per company: its realm id follows.
REFRESH_TOKEN = f"{PREFIX}QUICKBOOKS_REFRESH_TOKEN_"
# Read by tests, benchmarks and the places where a run can be killed, each beside its own subject.
_ELSEWHERE = frozenset(
    {"CROSSFOOT_KILL_AT", "CROSSFOOT_TEST_POSTGRES_URL", "CROSSFOOT_BENCH_LINES"}
)


def refuse_unknown(given: Iterable[str]) -> None:
    """Return when every name that begins as ours is one that is read; others are not looked at.

    Raises `ConfigurationError` naming each that is not, with the one that was probably meant: a
    limit or a profile that is ignored would be believed to hold.
    """
    unknown = sorted(name for name in given if name.startswith(PREFIX) and not _is_known(name))
    if unknown:
        raise ConfigurationError(
            "settings",
            ", ".join(unknown),
            "there is no such setting",
            " ".join([*_meant(unknown), "Correct the name, or unset it."]),
        )


def _is_known(name: str) -> bool:
    realm = name.removeprefix(REFRESH_TOKEN)
    return name in NAMES | _ELSEWHERE or (realm != name and realm.isdecimal())


def _meant(unknown: Iterable[str]) -> Iterator[str]:
    # Compared is what follows the prefix, which is alike in all of them.
    known = [n.removeprefix(PREFIX) for n in (*sorted(NAMES), f"{REFRESH_TOKEN}<realm id>")]
    near = [difflib.get_close_matches(n.removeprefix(PREFIX), known, n=1) for n in unknown]
    if any(near):
        yield f"Did you mean {', '.join(PREFIX + name for found in near for name in found)}?"
