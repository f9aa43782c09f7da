"""The only reader of the environment and of `.env`: one frozen object, read once.

Profile `sandbox` (the default) takes both connections from the file that a running sandbox
writes and accepts loopback addresses only; profile `live` takes them from CROSSFOOT_… variables
and accepts the vendors' own https hosts only. Neither can be mistaken for the other. Profile
`rehearsal` has the settings, the log-ins and the shadow of `live`, and the hosts, the clock and the
pace of a running sandbox: going live can be walked through before anything real is touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Literal, get_args

from pipelines.errors import ConfigurationError
from pipelines.lake.address import lake_paths
from pipelines.setting_delivery import DeliverySettings, SmtpSettings, delivery
from pipelines.setting_flows import FlowPolicies, FlowPolicy, read_policies
from pipelines.setting_limits import Allowances, Limits, allowances, limits, read_every
from pipelines.setting_names import REFRESH_TOKEN, refuse_unknown
from pipelines.setting_quickbooks import (
    QUICKBOOKS_HOSTS,
    CompanySettings,
    QuickBooksApp,
    QuickBooksSettings,
)
from pipelines.setting_salesforce import (
    INVOICE_OBJECT,
    SALESFORCE_HOSTS,
    LoginKind,
    SalesforceApp,
    SalesforceSettings,
    app_of,
)
from pipelines.setting_spark import place
from pipelines.setting_systems import (
    Systems,
    configured,
    joined,
    live_apps,
    live_systems,
    or_problem,
    rehearsed_apps,
    rehearsed_systems,
    sandbox_events,
    sandbox_systems,
)
from pipelines.setting_values import Secret, Values, is_loopback, is_vendor
from pipelines.setting_warehouse import lake
from pipelines.setting_watch import WatchSettings, watching
from pipelines.spark.place import Place

__all__ = [
    "QUICKBOOKS_HOSTS", "ROOT", "SALESFORCE_HOSTS", "Allowances", "CompanySettings",
    "DeliverySettings", "FlowPolicies", "FlowPolicy", "Limits", "LoginKind", "Profile",
    "QuickBooksApp", "QuickBooksSettings", "SalesforceApp", "SalesforceSettings", "Secret",
    "Settings", "SmtpSettings", "is_loopback", "is_vendor", "load_settings", "read_dotenv",
]  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]
Profile = Literal["sandbox", "rehearsal", "live"]


@dataclass(frozen=True)
class Settings:
    """Everything the program was told from outside."""

    profile: Profile
    data_dir: Path
    warehouse_path: Path
    published_path: Path
    state_url: str = field(repr=False)
    report_dir: Path
    dbt_dir: Path
    limits: Limits
    policies: FlowPolicies
    allowances: Allowances
    read_every_minutes: int
    go_live_on: date | None
    timeout_seconds: int
    # Objects of Salesforce to read beside those that Crossfoot needs, and those it may go without.
    salesforce_more: tuple[str, ...]
    salesforce_without: tuple[str, ...]
    # The share of links that must be right when a model is replayed on confirmed history.
    match_precision: float
    watching: WatchSettings
    _delivery: DeliverySettings | ConfigurationError = field(repr=False)
    # The gateway for assistants: its rules (None: it is off), its log, and the token that an
    # assistant on this machine shows.
    gateway_file: Path | None
    gateway_log: Path
    gateway_token: Secret
    # The key that seals tokens on disk; without it that of the file, which is made.
    secrets_key: Secret
    secrets_key_file: Path
    # Whether the operating system's keyring has the key, and not the file.
    secrets_keyring: bool
    # Whether reminders of overdue invoices are sent to customers, and by whom.
    overdue_mail: Literal["off", "salesforce"]
    # Whether alerts tell of overdue invoices too, once for each step.
    overdue_alert: bool
    # The file that replaces tables of the mapping (`pipelines.mapping`), where there is one.
    mapping_path: Path | None
    # Where the models are computed on Spark; None where the warehouse computes them itself.
    spark: Place | None
    # Whether invoices are mailed: left waiting to be sent from QuickBooks, or sent by us.
    invoice_mail: Literal["off", "queue", "send"]
    # Whether Salesforce gets a record of each invoice, in an object of its own.
    invoice_object: bool
    # Whose exchange rate an invoice in a foreign currency has.
    invoice_exchange_rate: Literal["quickbooks", "salesforce"]
    _salesforce: tuple[SalesforceSettings, ...] | ConfigurationError = field(repr=False)
    _quickbooks: QuickBooksSettings | ConfigurationError = field(repr=False)
    _salesforce_app: SalesforceApp | ConfigurationError = field(repr=False)
    _quickbooks_app: QuickBooksApp | ConfigurationError = field(repr=False)
    _refresh_tokens: Mapping[str, Secret] = field(repr=False)

    @property
    def salesforce(self) -> SalesforceSettings:
        """The org that is read and written to: the first one.

        Raises `ConfigurationError` naming each missing variable when it is not configured.
        """
        return self.salesforce_orgs[0]

    @property
    def salesforce_orgs(self) -> tuple[SalesforceSettings, ...]:
        """All orgs that are read, the one that is written to first.

        Raises `ConfigurationError` naming each missing variable when one is not configured.
        """
        return configured(self._salesforce)

    @property
    def judged_org_id(self) -> str | None:
        """The org that is judged and written to, where several are read; None where there is one
        only, or none is configured."""
        orgs = self._salesforce if isinstance(self._salesforce, tuple) else ()
        return orgs[0].org_id if len(orgs) > 1 else None

    @property
    def quickbooks(self) -> QuickBooksSettings:
        """Raises `ConfigurationError` naming each missing variable when it is not configured."""
        return configured(self._quickbooks)

    @property
    def salesforce_app(self) -> SalesforceApp:
        """The app that a person lets into an org. Raises `ConfigurationError`."""
        if self.profile == "sandbox":
            return app_of(self.salesforce)
        return configured(self._salesforce_app)

    @property
    def quickbooks_app(self) -> QuickBooksApp:
        """The app that a person lets into companies. Raises `ConfigurationError`."""
        if self.profile == "sandbox":
            given = self.quickbooks
            return QuickBooksApp(
                given.base_url, given.discovery_url, given.client_id, given.client_secret,
                {company.realm_id: company.name for company in given.companies},
            )  # fmt: skip
        return configured(self._quickbooks_app)

    def refresh_token_of(self, realm_id: str) -> Secret:
        """The token that the settings give a company; empty where they give none."""
        if self.profile == "sandbox":
            return self.quickbooks.company(realm_id).refresh_token
        return self._refresh_tokens.get(realm_id, Secret(""))

    @property
    def delivery(self) -> DeliverySettings:
        """How the report reaches people. Raises `ConfigurationError` when it cannot work so."""
        return configured(self._delivery)

    @property
    def token_dir(self) -> Path:
        """Where rotated tokens are kept, readable by the owner only."""
        return self.data_dir / "tokens" / self.profile

    def check(self) -> Settings:
        """Return the settings if both systems are configured.

        Raises one `ConfigurationError` that names all that is missing in either.
        """
        missing = [p for p in (self._salesforce, self._quickbooks) if isinstance(p, Exception)]
        if missing:
            raise joined(missing)
        return self


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `env`, or from the process's environment over `.env`.

    A system that is not configured is reported when it is first asked for (`settings.salesforce`,
    `settings.quickbooks`, `settings.check()`), so that reports and reviews work without it.
    Raises `ConfigurationError` for a value that makes no sense, or a name that is not known.
    """
    values = Values(_environment() if env is None else env)
    refuse_unknown(values.env)
    profile = _profile(values)
    # A folder of its own per profile: what was read from a sandbox never meets a real company.
    data_dir = values.path("CROSSFOOT_DATA_DIR", ROOT / "data" / profile)
    salesforce, quickbooks = _systems(values, profile, data_dir)
    salesforce_app, quickbooks_app = (
        rehearsed_apps(values, data_dir) if profile == "rehearsal" else live_apps(values)
    )
    warehouse_path, published_path = _warehouse_paths(values, profile, data_dir)
    return Settings(
        profile=profile,
        data_dir=data_dir,
        warehouse_path=warehouse_path,
        published_path=published_path,
        state_url=values.text("CROSSFOOT_STATE_URL", f"sqlite:///{data_dir / 'state.sqlite'}"),
        report_dir=values.path("CROSSFOOT_REPORT_DIR", data_dir / "reports"),
        dbt_dir=values.path("CROSSFOOT_DBT_DIR", ROOT / "dbt_project"),
        spark=place(values, data_dir),
        limits=limits(values),
        policies=_policies(values, profile),
        allowances=allowances(values),
        read_every_minutes=read_every(values),
        go_live_on=values.day("CROSSFOOT_GO_LIVE_ON"),
        timeout_seconds=values.number(
            "CROSSFOOT_TIMEOUT_SECONDS", 125 if profile == "live" else 30, least=1
        ),
        salesforce_more=_more_objects(values),
        salesforce_without=values.words("CROSSFOOT_SALESFORCE_WITHOUT"),
        match_precision=values.share("CROSSFOOT_MATCH_PRECISION", "0.995"),
        gateway_file=_optional_path(values, "CROSSFOOT_GATEWAY"),
        gateway_log=data_dir / "gateway",
        gateway_token=values.secret("CROSSFOOT_GATEWAY_TOKEN"),
        secrets_key=values.secret("CROSSFOOT_SECRETS_KEY"),
        secrets_key_file=values.path(
            "CROSSFOOT_SECRETS_KEY_FILE", Path("~/.config/crossfoot/secrets.key").expanduser()
        ),
        secrets_keyring=values.choice("CROSSFOOT_SECRETS_KEYRING", ("off", "on"), "off") == "on",
        watching=watching(values, None if profile == "live" else sandbox_events(values, data_dir)),
        _delivery=or_problem(lambda v: delivery(v, sandbox=profile != "live"), values),
        overdue_mail=_overdue_mail(values),
        overdue_alert=values.choice("CROSSFOOT_OVERDUE_ALERT", ("off", "on"), "off") == "on",
        mapping_path=values.path("CROSSFOOT_MAPPING", data_dir)
        if values.text("CROSSFOOT_MAPPING")
        else None,
        invoice_mail=_invoice_mail(values),
        invoice_object=_has_invoice_object(values),
        invoice_exchange_rate=_exchange_rate(values),
        _salesforce=salesforce,
        _quickbooks=quickbooks,
        _salesforce_app=salesforce_app,
        _quickbooks_app=quickbooks_app,
        _refresh_tokens={
            name.removeprefix(REFRESH_TOKEN): values.secret(name)
            for name in values.env
            if name.startswith(REFRESH_TOKEN)
        },
    )


def _profile(values: Values) -> Profile:
    given = values.choice("CROSSFOOT_PROFILE", get_args(Profile), "sandbox")
    return "live" if given == "live" else "rehearsal" if given == "rehearsal" else "sandbox"


def _systems(values: Values, profile: Profile, data_dir: Path) -> Systems:
    if profile == "sandbox":
        return sandbox_systems(values, data_dir)
    tokens = data_dir / "tokens" / profile
    if profile == "rehearsal":
        return rehearsed_systems(values, data_dir, tokens)
    return live_systems(values, tokens)


def _warehouse_paths(values: Values, profile: str, data_dir: Path) -> tuple[Path, Path]:
    shared = lake(values, profile)
    if shared is not None:
        return lake_paths(shared, data_dir)
    return (
        values.path("CROSSFOOT_WAREHOUSE_PATH", data_dir / "warehouse.duckdb"),
        values.path("CROSSFOOT_PUBLISHED_PATH", data_dir / "published" / "crossfoot.duckdb"),
    )


def _overdue_mail(values: Values) -> Literal["off", "salesforce"]:
    given = values.choice("CROSSFOOT_OVERDUE_MAIL", ("off", "salesforce"), "off")
    return "salesforce" if given == "salesforce" else "off"


def _invoice_mail(values: Values) -> Literal["off", "queue", "send"]:
    given = values.choice("CROSSFOOT_INVOICE_MAIL", ("off", "queue", "send"), "off")
    return "queue" if given == "queue" else "send" if given == "send" else "off"


def _has_invoice_object(values: Values) -> bool:
    return values.choice("CROSSFOOT_INVOICE_OBJECT", ("off", "on"), "off") == "on"


def _more_objects(values: Values) -> tuple[str, ...]:
    """The objects that the settings name, and the one that Crossfoot itself keeps in the org."""
    own = (INVOICE_OBJECT,) if _has_invoice_object(values) else ()
    return (*values.words("CROSSFOOT_SALESFORCE_OBJECTS"), *own)


def _exchange_rate(values: Values) -> Literal["quickbooks", "salesforce"]:
    words = ("quickbooks", "salesforce")
    given = values.choice("CROSSFOOT_INVOICE_EXCHANGE_RATE", words, "quickbooks")
    return "salesforce" if given == "salesforce" else "quickbooks"


def _environment() -> dict[str, str]:
    return {**read_dotenv(ROOT / ".env"), **os.environ}


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a `.env` file; none if there is no file.

    Raises `ConfigurationError` for a line that cannot be read: it may have named the real systems,
    or a limit.
    """
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise _bad_dotenv(path, f"it cannot be read ({type(problem).__name__})") from None
    found = list(parse_stream(StringIO(text)))
    for binding in found:
        if binding.error:
            # The line itself is not shown: it may hold a secret.
            raise _bad_dotenv(path, f"line {binding.original.line} is not NAME=value")
    return {one.key: one.value for one in found if one.key and one.value is not None}


def _bad_dotenv(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError("settings", str(path), problem, "Mend or remove it, then run again.")


def _policies(values: Values, profile: str) -> FlowPolicies:
    """A new installation on real systems plans and sends nothing until somebody says otherwise."""
    path = _optional_path(values, "CROSSFOOT_POLICY")
    return read_policies(path, "approve" if profile == "sandbox" else "shadow")


def _optional_path(values: Values, name: str) -> Path | None:
    given = values.text(name)
    return Path(given).expanduser().absolute() if given else None
