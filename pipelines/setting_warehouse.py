"""Which warehouse is used: the file, or a lake that several machines share."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError
from pipelines.lake.address import Bucket, Lake
from pipelines.setting_values import Values, is_loopback

_ENGINE = "ducklake"
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FORM = "ducklake:postgres://USER@HOST:5432/DATABASE"
_POSTGRES = ("postgres://", "postgresql://")
_ENDPOINT = "CROSSFOOT_WAREHOUSE_S3_ENDPOINT"
_OF_BUCKETS = (
    _ENDPOINT, "CROSSFOOT_WAREHOUSE_S3_REGION", "CROSSFOOT_WAREHOUSE_S3_KEY_ID",
    "CROSSFOOT_WAREHOUSE_S3_SECRET",
)  # fmt: skip
_OF_LAKES = (
    "CROSSFOOT_WAREHOUSE_DATA", "CROSSFOOT_WAREHOUSE_SCHEMA", "CROSSFOOT_WAREHOUSE_PASSWORD",
    *_OF_BUCKETS,
)  # fmt: skip
# A bucket's name and a folder in it, of characters that need no quoting anywhere.
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*/?")
_REGION = re.compile(r"[a-z0-9-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9._/+=-]+")


def lake(values: Values, profile: str) -> Lake | None:
    """The shared warehouse that the settings name; None where it is the file.

    Raises `ConfigurationError` for an engine that cannot keep what is promised, for an address
    that makes no sense, and for what contradicts it.
    """
    given = values.text("CROSSFOOT_WAREHOUSE", "duckdb")
    engine, _, catalogue = given.partition(":")
    if engine == "duckdb" and not catalogue:
        _refuse_alone(values)
        return None
    if engine.startswith("spark"):
        raise _refused(
            "Spark is not served as a warehouse: without a table format that can merge, a record "
            "read again would be added a second time instead of replacing itself",
            f"Leave it unset for a DuckDB file, or use {_FORM}; CROSSFOOT_SPARK=spark://HOST:PORT "
            "computes the models on Spark.",
        )
    if engine != _ENGINE or not catalogue:
        # What follows the engine's name may hold a password.
        raise _refused(f"{engine!r} is no engine that is served", f"Use duckdb, or {_FORM}.")
    _refuse_files(values)
    schema = values.text("CROSSFOOT_WAREHOUSE_SCHEMA", f"crossfoot_{profile}")
    if not _SCHEMA.fullmatch(schema):
        raise ConfigurationError(
            "settings", "CROSSFOOT_WAREHOUSE_SCHEMA", f"{schema!r} is no plain name of a schema",
            "Use small letters, digits and underscores, such as crossfoot_group_a.",
        )  # fmt: skip
    where = _catalogue(values, catalogue)
    return Lake(
        where,
        schema,
        _data(values, schema),
        values.secret("CROSSFOOT_WAREHOUSE_PASSWORD"),
        _bucket(values),
    )


def _refuse_alone(values: Values) -> None:
    given = [name for name in _OF_LAKES if values.text(name)]
    if given:
        raise ConfigurationError(
            "settings", ", ".join(given), "it belongs to a shared warehouse, and none is named",
            f"Set CROSSFOOT_WAREHOUSE to {_FORM}, or unset it.",
        )  # fmt: skip


def _refuse_files(values: Values) -> None:
    names = ("CROSSFOOT_WAREHOUSE_PATH", "CROSSFOOT_PUBLISHED_PATH")
    given = [name for name in names if values.text(name)]
    if given:
        raise ConfigurationError(
            "settings", ", ".join(given), "a shared warehouse is no file",
            "Unset it, or unset CROSSFOOT_WAREHOUSE.",
        )  # fmt: skip


def _catalogue(values: Values, given: str) -> str:
    if not given.startswith(_POSTGRES):
        raise _refused("its catalogue is no PostgreSQL database", f"Use {_FORM}.")
    parts = urlsplit(given)
    if parts.password is not None:
        raise _refused(
            "its address holds a password, which would stand in messages",
            "Take it out of the address and set CROSSFOOT_WAREHOUSE_PASSWORD.",
        )
    if not parts.hostname or not parts.path.strip("/") or "'" in given:
        raise _refused("the address lacks a host or a database", f"Use {_FORM}.")
    if not values.text("CROSSFOOT_STATE_URL").startswith("postgresql"):
        raise ConfigurationError(
            "settings", "CROSSFOOT_STATE_URL",
            "a warehouse that several machines share wants a ledger that they share",
            "Set it to postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE.",
        )  # fmt: skip
    return given.replace("postgresql://", "postgres://", 1)


def _data(values: Values, schema: str) -> str:
    given = values.text("CROSSFOOT_WAREHOUSE_DATA")
    if _BUCKET.fullmatch(given):
        return f"{given.rstrip('/')}/{schema}"
    if not given or "'" in given or "://" in given:
        raise ConfigurationError(
            "settings", "CROSSFOOT_WAREHOUSE_DATA",
            "it says where the Parquet files lie, and must be a folder that every machine sees, or "
            "a place in an object store, s3://BUCKET/FOLDER",
            "Set it.",
        )  # fmt: skip
    # Lakes of one database must not mix their files.
    return str(Path(given).expanduser().absolute() / schema)


def _bucket(values: Values) -> Bucket | None:
    """How the object store is asked; None where the files lie in a folder."""
    if not values.text("CROSSFOOT_WAREHOUSE_DATA").startswith("s3://"):
        if given := [name for name in _OF_BUCKETS if values.text(name)]:
            raise ConfigurationError(
                "settings", ", ".join(given), "it belongs to an object store, and none is named",
                "Set CROSSFOOT_WAREHOUSE_DATA to s3://BUCKET/FOLDER, or unset it.",
            )  # fmt: skip
        return None
    key_id = _plain(values, "CROSSFOOT_WAREHOUSE_S3_KEY_ID", _KEY_ID)
    region = _plain(values, "CROSSFOOT_WAREHOUSE_S3_REGION", _REGION, "us-east-1")
    secret = values.secret("CROSSFOOT_WAREHOUSE_S3_SECRET")
    if not secret:
        raise ConfigurationError(
            "settings", "CROSSFOOT_WAREHOUSE_S3_SECRET", "the object store asks for it", "Set it."
        )
    return Bucket(_endpoint(values), region, key_id, secret)


def _plain(values: Values, name: str, form: re.Pattern[str], default: str = "") -> str:
    given = values.text(name, default)
    if not form.fullmatch(given):
        raise ConfigurationError(
            "settings", name, "the object store asks for it" if not given else "it is none", "Set "
            "it to what the object store tells.",
        )  # fmt: skip
    return given


def _endpoint(values: Values) -> str:
    """The address of an object store of one's own, without a path; empty for AWS."""
    given = values.text(_ENDPOINT).rstrip("/")
    if not given:
        return ""
    parts = urlsplit(given)
    whole = parts.hostname and not parts.path and "@" not in parts.netloc and "'" not in given
    if not whole or parts.scheme not in ("http", "https"):
        raise ConfigurationError(
            "settings", _ENDPOINT, "it is no address of an object store",
            "Set it to https://HOST:PORT, or unset it for AWS.",
        )  # fmt: skip
    if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
        raise ConfigurationError(
            "settings", _ENDPOINT, "without TLS everyone on the way reads the books",
            "Use https://; http:// is for this machine alone.",
        )  # fmt: skip
    return given


def _refused(problem: str, next_step: str) -> ConfigurationError:
    return ConfigurationError("settings", "CROSSFOOT_WAREHOUSE", problem, next_step)
