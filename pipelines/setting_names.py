"""Every variable that Crossfoot reads, so that a mistyped one is told and not ignored."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from pipelines.errors import ConfigurationError

PREFIX = "CROSSFOOT_"
NAMES = frozenset(
    PREFIX + name
    for name in (
        "PROFILE", "DATA_DIR", "WAREHOUSE_PATH", "PUBLISHED_PATH", "STATE_URL", "REPORT_DIR",
        "WAREHOUSE", "WAREHOUSE_DATA", "WAREHOUSE_SCHEMA", "WAREHOUSE_PASSWORD",
        "WAREHOUSE_S3_ENDPOINT", "WAREHOUSE_S3_REGION", "WAREHOUSE_S3_KEY_ID",
        "WAREHOUSE_S3_SECRET",
        "SPARK", "SPARK_DATA",
        "DBT_DIR", "GO_LIVE_ON", "TIMEOUT_SECONDS", "PACE", "SANDBOX_CONNECTION",
        "MAX_CHANGES", "MAX_AMOUNT", "MAX_CREATES_PER_FLOW",
        "MATCH_PRECISION", "OVERDUE_MAIL", "OVERDUE_ALERT", "POLICY", "MAPPING", "INVOICE_MAIL",
        "INVOICE_OBJECT", "INVOICE_EXCHANGE_RATE",
        "SMTP_HOST", "SMTP_PORT", "SMTP_SECURITY", "SMTP_USERNAME", "SMTP_PASSWORD",
        "REPORT_FROM", "REPORT_TO", "REPORT_FILES", "REPORT_URL", "SLACK_WEBHOOK",
        "ALERT_ESCALATES_TO",
        "SALESFORCE_ORG_ID", "SALESFORCE_DOMAIN", "SALESFORCE_API_VERSION", "SALESFORCE_LOGIN",
        "SALESFORCE_USERNAME", "SALESFORCE_PASSWORD", "SALESFORCE_SECURITY_TOKEN",
        "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "SALESFORCE_ACCESS_TOKEN",
        "SALESFORCE_ORGS", "SALESFORCE_OBJECTS", "SALESFORCE_WITHOUT", "SALESFORCE_CALLS_A_DAY",
        "SALESFORCE_SHARE", "QUICKBOOKS_READS_A_MONTH", "QUICKBOOKS_SHARE", "READ_EVERY_MINUTES",
        "SALESFORCE_ASK_SECONDS", "QUICKBOOKS_ASK_SECONDS", "SALESFORCE_EVENT_TOKEN",
        "QUICKBOOKS_VERIFIER_TOKEN",
        "QUICKBOOKS_BASE_URL", "QUICKBOOKS_DISCOVERY_URL", "QUICKBOOKS_CLIENT_ID",
        "QUICKBOOKS_CLIENT_SECRET", "QUICKBOOKS_COMPANIES",
        "SALESFORCE_PRIVATE_KEY_FILE", "SECRETS_KEY", "SECRETS_KEY_FILE",
        "SECRETS_KEYRING", "GATEWAY", "GATEWAY_TOKEN",
    )
)  # fmt: skip
# One per company: its realm id follows.
REFRESH_TOKEN = f"{PREFIX}QUICKBOOKS_REFRESH_TOKEN_"
# One per org, where there are several: its id follows.
PER_ORG = tuple(
    f"{PREFIX}SALESFORCE_{name}_"
    for name in (
        "DOMAIN", "API_VERSION", "LOGIN", "USERNAME", "PASSWORD", "SECURITY_TOKEN", "CLIENT_ID",
        "CLIENT_SECRET", "ACCESS_TOKEN", "PRIVATE_KEY_FILE",
    )
)  # fmt: skip
_ORG_ID = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
# Read by tests, benchmarks and the places where a run can be killed, each beside its own subject.
_ELSEWHERE = frozenset(
    {
        "CROSSFOOT_KILL_AT",
        "CROSSFOOT_TEST_POSTGRES_URL",
        "CROSSFOOT_BENCH_EVENTS",
        "CROSSFOOT_BENCH_LINES",
        "CROSSFOOT_BENCH_PEERS",
    }
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
    if name in NAMES | _ELSEWHERE:
        return True
    if name.startswith(REFRESH_TOKEN):
        return name.removeprefix(REFRESH_TOKEN).isdecimal()
    return any(
        name.startswith(begin) and _ORG_ID.fullmatch(name.removeprefix(begin)) for begin in PER_ORG
    )


def _meant(unknown: Iterable[str]) -> Iterator[str]:
    # Compared is what follows the prefix, which is alike in all of them.
    each = (f"{REFRESH_TOKEN}<realm id>", *(f"{begin}<org id>" for begin in PER_ORG))
    known = [n.removeprefix(PREFIX) for n in (*sorted(NAMES), *each)]
    given = [_ORG_ID.sub("<org id>", n.removeprefix(PREFIX)) for n in unknown]
    near = [difflib.get_close_matches(name, known, n=1) for name in given]
    if any(near):
        yield f"Did you mean {', '.join(PREFIX + name for found in near for name in found)}?"
