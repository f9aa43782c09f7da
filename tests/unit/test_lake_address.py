"""A shared warehouse is named by settings; what cannot keep a promise is refused in a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipelines import warehouse
from pipelines.errors import ConfigurationError, WarehouseBusy
from pipelines.lake import attaching
from pipelines.lake.address import LakePath, is_published, lake_of
from pipelines.settings import Settings, load_settings

STATE = "postgresql+psycopg://crossfoot@db.example.com/state"
SHARED = {
    "CROSSFOOT_WAREHOUSE": "ducklake:postgresql://crossfoot@db.example.com:5432/lake",
    "CROSSFOOT_WAREHOUSE_DATA": "/srv/lake",
    "CROSSFOOT_STATE_URL": STATE,
}

IN_A_STORE = {
    **SHARED,
    "CROSSFOOT_WAREHOUSE_DATA": "s3://books/crossfoot/",
    "CROSSFOOT_WAREHOUSE_S3_KEY_ID": "AKIA52",
    "CROSSFOOT_WAREHOUSE_S3_SECRET": "canary-53",
}
ENDPOINT = "CROSSFOOT_WAREHOUSE_S3_ENDPOINT"


def settings(folder: Path, given: dict[str, str]) -> Settings:
    return load_settings({"CROSSFOOT_DATA_DIR": str(folder), **given})


def test_without_a_word_the_warehouse_is_a_file(tmp_path: Path) -> None:
    given = settings(tmp_path, {})
    assert given.warehouse_path == tmp_path / "warehouse.duckdb"
    assert lake_of(given.warehouse_path) is None


def test_a_lake_on_postgresql_is_one_of_several_in_its_database(tmp_path: Path) -> None:
    given = settings(tmp_path, SHARED)
    lake = lake_of(given.warehouse_path)
    assert lake is not None
    assert lake.attached_as == "ducklake:postgres:postgres://crossfoot@db.example.com:5432/lake"
    assert attaching.options_of(lake) == {
        "DATA_PATH": "/srv/lake/crossfoot_sandbox",
        "METADATA_SCHEMA": "crossfoot_sandbox",
        "DATA_INLINING_ROW_LIMIT": 0,
    }
    assert given.warehouse_path.parent == tmp_path
    assert lake_of(given.published_path) == lake
    assert is_published(given.published_path) and not is_published(given.warehouse_path)


def test_a_path_keeps_its_lake_on_the_way_to_another_process(tmp_path: Path) -> None:
    given = settings(tmp_path, SHARED)
    for path in (given.warehouse_path, given.published_path):
        again = pickle.loads(pickle.dumps(path))
        assert isinstance(again, LakePath)
        assert (again, lake_of(again), is_published(again)) == (
            path, lake_of(path), is_published(path),
        )  # fmt: skip


def test_the_password_is_in_no_text_of_the_settings_and_in_no_statement(tmp_path: Path) -> None:
    given = settings(tmp_path, {**SHARED, "CROSSFOOT_WAREHOUSE_PASSWORD": "canary-52"})
    lake = lake_of(given.warehouse_path)
    assert lake is not None and lake.password.reveal() == "canary-52"
    statements = [*attaching.statements(lake, "lake", read_only=True, at=7)]
    told = f"{given!r} {lake!r} {lake.told} {attaching.profile(lake)} {statements}"
    assert "db.example.com" in told and "canary" not in told


def test_a_lake_in_an_object_store_is_asked_as_the_store_wants_it(tmp_path: Path) -> None:
    lake = lake_of(settings(tmp_path, IN_A_STORE).warehouse_path)
    assert lake is not None and lake.bucket is not None
    assert attaching.options_of(lake)["DATA_PATH"] == "s3://books/crossfoot/crossfoot_sandbox"
    assert "httpfs" in attaching.extensions(lake)
    told = attaching.profile(lake)
    assert told["DBT_CROSSFOOT_TARGET"] == "bucket"
    assert told["DBT_ENV_SECRET_LAKE_ENDPOINT"] == "s3.us-east-1.amazonaws.com"
    assert told["DBT_ENV_SECRET_LAKE_URL_STYLE"] == "vhost"
    own = IN_A_STORE | {ENDPOINT: "https://store.internal:9000/"}
    lake = lake_of(settings(tmp_path, own).warehouse_path)
    assert lake is not None
    told = attaching.profile(lake)
    assert told["DBT_ENV_SECRET_LAKE_ENDPOINT"] == "store.internal:9000"
    assert told["DBT_ENV_SECRET_LAKE_URL_STYLE"] == "path"
    assert told["DBT_ENV_SECRET_LAKE_USE_SSL"] == "true"


def test_the_secret_of_the_store_is_in_no_text_and_no_error(tmp_path: Path) -> None:
    lake = lake_of(settings(tmp_path, IN_A_STORE).warehouse_path)
    assert lake is not None and lake.bucket is not None
    assert lake.bucket.secret.reveal() == "canary-53"
    statements = [*attaching.statements(lake, "lake", read_only=False)]
    assert "canary" not in f"{lake!r} {lake.bucket!r} {lake.told} {statements}"

    class Refusing:
        def execute(self, statement: str) -> None:
            if "SECRET" in statement:
                raise ValueError(statement)

    with pytest.raises(ConfigurationError, match="does not take the credentials") as refused:
        attaching.install(Refusing(), lake)
    assert "canary" not in f"{refused.value} {refused.value.__cause__}"
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"CROSSFOOT_WAREHOUSE": "spark://master:7077"}, "Spark is not served as a warehouse"),
        ({"CROSSFOOT_WAREHOUSE": "snowflake:x"}, "'snowflake' is no engine"),
        ({"CROSSFOOT_WAREHOUSE": "ducklake:"}, "no engine that is served"),
        ({"CROSSFOOT_WAREHOUSE": "ducklake:/books.ducklake"}, "no PostgreSQL database"),
        ({"CROSSFOOT_WAREHOUSE": "ducklake:mysql://h/d"}, "no PostgreSQL database"),
        (
            {**SHARED, "CROSSFOOT_WAREHOUSE": "ducklake:postgres://u:canary-9@h/d"},
            "holds a password",
        ),
        ({**SHARED, "CROSSFOOT_WAREHOUSE": "ducklake:postgres:///d"}, "lacks a host"),
        ({**SHARED, "CROSSFOOT_STATE_URL": ""}, "wants a ledger that they share"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_DATA": ""}, "where the Parquet files lie"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_DATA": "gs://b/x"}, "where the Parquet files lie"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_SCHEMA": "a-b"}, "no plain name of a schema"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_PATH": "/x.duckdb"}, "a shared warehouse is no file"),
        ({"CROSSFOOT_WAREHOUSE_DATA": "/srv"}, "none is named"),
        ({"CROSSFOOT_WAREHOUSE_DATA": "s3://books/x"}, "none is named"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_DATA": "s3://books/x"}, "the object store asks for it"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_DATA": "s3://b/x"}, "where the Parquet files lie"),
        ({**IN_A_STORE, "CROSSFOOT_WAREHOUSE_S3_SECRET": ""}, "the object store asks for it"),
        ({**IN_A_STORE, "CROSSFOOT_WAREHOUSE_S3_KEY_ID": "a'b"}, "it is none"),
        ({**SHARED, "CROSSFOOT_WAREHOUSE_S3_REGION": "eu-west-1"}, "belongs to an object store"),
        ({**IN_A_STORE, ENDPOINT: "store.internal:9000"}, "no address of an object store"),
        ({**IN_A_STORE, ENDPOINT: "https://store.internal/path"}, "no address of an object store"),
        ({**IN_A_STORE, ENDPOINT: "http://store.internal:9000"}, "without TLS"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, given: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        settings(tmp_path, given)
    assert "canary" not in str(refused.value)


def test_a_block_whose_commit_met_anothers_begins_anew_until_it_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = settings(tmp_path, SHARED).warehouse_path
    monkeypatch.setattr(warehouse.time, "sleep", lambda _: None)
    tried: list[int] = []

    def third_time() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise warehouse.explained(path, Exception("Transaction conflict - attempting to …"))
        return "written"

    assert warehouse.again_on_conflict(third_time) == "written"
    assert len(tried) == 3

    def never() -> str:
        raise warehouse.explained(path, Exception("Exceeded the maximum retry count of 100"))

    with pytest.raises(WarehouseBusy, match="others committed"):
        warehouse.again_on_conflict(never)
