"""The statements that open a DuckLake on a connection of DuckDB, and what its errors mean."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigurationError
from pipelines.lake.address import ALIAS, Bucket, Lake

# How often DuckLake itself tries to commit again when others have committed first.
COMMITS_AT_MOST = 100
EXTENSIONS = ("ducklake", "postgres_scanner")
# What reads and writes an object store.
_STORE = "httpfs"
_TOLD_AS = "crossfoot_files"
# Where it is written down which moment of the lake was published last.
PUBLISHED = "published"
_PUBLICATIONS = f"{ALIAS}.{PUBLISHED}.publication"
_GUARD = "guard"
_MISSING = ("creating a new DuckLake is explicitly disabled", "Cannot open database")
_CONFLICTS = ("Transaction conflict", "Exceeded the maximum retry count", "write-write conflict")


def install(connection: Any, lake: Lake) -> None:
    """Have the extensions in DuckDB's own folder, from where dlt and dbt load them too.

    They come from the installed packages `duckdb-extension-…` where there are such, else from
    DuckDB's own place. Raises `ConfigurationError` naming one that cannot be had.
    """
    if lake.password:
        # PostgreSQL's own client reads it there, whether we, dlt or dbt connect: so it stands in no
        # address, statement or message.
        os.environ["PGPASSWORD"] = lake.password.reveal()
    for name in extensions(lake):
        try:
            connection.execute(f"LOAD {name}")
        except Exception:  # noqa: BLE001 - not there yet, for whatever reason
            _fetch(connection, name)
    if lake.bucket:
        _tell_secret(connection, lake, lake.bucket)


def extensions(lake: Lake) -> tuple[str, ...]:
    """The extensions that this lake wants."""
    return (*EXTENSIONS, _STORE) if lake.bucket else EXTENSIONS


def _tell_secret(connection: Any, lake: Lake, bucket: Bucket) -> None:
    """Tell DuckDB, for as long as it runs, how this lake's place in the object store is asked."""
    told = ", ".join(f"{name} {_text(value)}" for name, value in _of_secret(lake, bucket).items())
    try:
        connection.execute(f"CREATE OR REPLACE SECRET {_TOLD_AS} (TYPE s3, {told})")
    except Exception:  # noqa: BLE001 - its text may repeat the statement, and that holds the secret
        raise ConfigurationError(
            "warehouse", lake.data, "DuckDB does not take the credentials of the object store",
            "Compare the settings CROSSFOOT_WAREHOUSE_S3_… with what the store tells.",
        ) from None  # fmt: skip


def _of_secret(lake: Lake, bucket: Bucket) -> dict[str, str]:
    return {
        "KEY_ID": bucket.key_id,
        "SECRET": bucket.secret.reveal(),
        "REGION": bucket.region,
        "ENDPOINT": bucket.host or f"s3.{bucket.region}.amazonaws.com",
        # A store of one's own seldom has a name in the domain for each bucket.
        "URL_STYLE": "path" if bucket.endpoint else "vhost",
        "USE_SSL": "true" if bucket.is_encrypted else "false",
        "SCOPE": lake.data,
    }


def _fetch(connection: Any, name: str) -> None:
    try:
        connection.execute(f"INSTALL {_text(_packaged(name)) if _packaged(name) else name}")
        connection.execute(f"LOAD {name}")
    except Exception as problem:
        ((version,),) = connection.execute("SELECT version()").fetchall()
        raise ConfigurationError(
            "warehouse", f"extension {name}",
            f"DuckDB {version} cannot load it ({' '.join(str(problem).split())[:160]})",
            f"Install it: pip install 'duckdb=={version.lstrip('v')}' "
            f"'duckdb-extension-{name.replace('_', '-')}=={version.lstrip('v')}'; where there is "
            "none for this version, install a DuckDB for which there is one.",
        ) from problem  # fmt: skip


def _packaged(name: str) -> str:
    """The extension's file in an installed package; empty without one."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    places = list(found.submodule_search_locations or ()) if found else []
    files = [file for place in places for file in Path(place).rglob(f"{name}.duckdb_extension")]
    return str(files[0]) if files else ""


def statements(lake: Lake, name: str, *, read_only: bool, at: int | None = None) -> Iterator[str]:
    """What opens the lake as the database `name`.

    `at` is the number of a snapshot; without one it is the newest.
    """
    yield f"SET ducklake_max_retry_count = {COMMITS_AT_MOST}"
    options = [
        f"{key} {_text(value) if isinstance(value, str) else value}"
        for key, value in options_of(lake).items()
    ]
    if read_only or at is not None:
        options += ["READ_ONLY", "CREATE_IF_NOT_EXISTS false"]
    options += [f"SNAPSHOT_VERSION {at}"] if at is not None else []
    yield f"ATTACH {_text(lake.attached_as)} AS {name} ({', '.join(options)})"


def options_of(lake: Lake) -> dict[str, str | int]:
    """The options of ATTACH that say which lake it is."""
    return {
        "DATA_PATH": lake.data,
        "METADATA_SCHEMA": lake.schema,
        # Few rows would be kept in the catalogue, from where DuckLake 1.0 cannot read a struct.
        "DATA_INLINING_ROW_LIMIT": 0,
    }


def profile(lake: Lake) -> dict[str, str]:
    """What dbt's profile reads of the environment to attach the same lake. What begins with
    `DBT_ENV_SECRET_` dbt keeps out of its texts."""
    told = {
        "DBT_CROSSFOOT_TARGET": "lake",
        "DBT_LAKE_ATTACHED": lake.attached_as,
        "DBT_LAKE_OPTIONS": json.dumps(options_of(lake)),
        "DBT_LAKE_EXTENSIONS": json.dumps(extensions(lake)),
    }
    if lake.bucket is None:
        return told
    of_secret = _of_secret(lake, lake.bucket).items()
    told["DBT_CROSSFOOT_TARGET"] = "bucket"
    return told | {f"DBT_ENV_SECRET_LAKE_{name}": value for name, value in of_secret}


def is_conflict(text: str) -> bool:
    """Does an error say that others have committed first? Nothing was written then."""
    return any(word in text for word in _CONFLICTS)


def is_missing(text: str) -> bool:
    """Does an error of ATTACH say that there is no lake yet?"""
    return any(word in text for word in _MISSING)


def publish(connection: Any) -> int:
    """Write down that the lake as it is now is what people read; returns its snapshot's number.

    To be called on a writing connection. Nothing is copied: whoever opens what is published opens
    that moment of the lake.
    """
    at = moment(connection)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ALIAS}.{PUBLISHED}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_PUBLICATIONS} (snapshot_id BIGINT, published_at TIMESTAMPTZ)"
    )
    connection.execute(f"INSERT INTO {_PUBLICATIONS} VALUES (?, now())", [at])  # noqa: S608
    return at


def published_at(connection: Any) -> int | None:
    """The number of the snapshot that was published last; None when none was."""
    there = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_catalog = ?"
        " AND table_schema = ? AND table_name = 'publication'",
        [ALIAS, PUBLISHED],
    ).fetchall()
    if there == [(0,)]:
        return None
    ((at,),) = connection.execute(f"SELECT max(snapshot_id) FROM {_PUBLICATIONS}").fetchall()  # noqa: S608
    return None if at is None else int(at)


def moment(connection: Any) -> int:
    """The number of the snapshot that a connection sees."""
    ((at,),) = connection.execute(f"SELECT id FROM {ALIAS}.current_snapshot()").fetchall()  # noqa: S608
    return int(at)


def copy(connection: Any, target: Path) -> None:
    """Copy all that a reading connection sees into a DuckDB file, view and macro included."""
    connection.execute("COMMIT")
    connection.execute(f"ATTACH {_text(str(target))} AS copied")
    connection.execute(f"COPY FROM DATABASE {ALIAS} TO copied")
    connection.execute("DETACH copied")


def hold(connection: Any, lake: Lake, what: str) -> bool:
    """Be the only one of all machines that does `what` in this lake, until the connection is
    closed or its process is gone; False when another one is doing it.

    PostgreSQL keeps the lock with the transaction that is begun here.
    """
    connection.execute(f"ATTACH {_text(lake.catalogue)} AS {_GUARD} (TYPE postgres, READ_ONLY)")
    connection.execute("BEGIN")
    key = f"{lake.schema}/{what}".replace("'", "")
    asked = f"SELECT pg_try_advisory_xact_lock(hashtextextended('{key}', 0)) AS got"
    ((got,),) = connection.execute(
        f"SELECT got FROM postgres_query({_text(_GUARD)}, {_text(asked)})"  # noqa: S608
    ).fetchall()
    return bool(got)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
