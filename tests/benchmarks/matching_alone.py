"""One new or changed record matched alone, in a warm process: the processor seconds of each.

    python -m tests.benchmarks.matching_alone FOLDER

`FOLDER` holds the two files of a world. What is matched, scored and decided again is what a full
run would have made, for the record and for everybody whom it touches
(`tests/warehouse/test_matching_alone.py`). Ends with a list of seconds as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestration.file_matching import decide_pairs, prepare_pairs
from pipelines import warehouse
from pipelines.matching import file_tables, files, rematching
from pipelines.matching.rematching import Record
from pipelines.settings import Settings, load_settings
from pipelines.transform import compiled
from pipelines.warehouse import Connection
from reverse_etl.decisions import EXPORT_COLUMNS

CHANGES = 24
# The first ones fill the process's memory with what the later ones find there.
NOT_COUNTED = 4
RULES = "rules of a benchmark"


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0])
    settings = load_settings()
    path = folder / warehouse.copy_name(settings.warehouse_path)
    sql = _matched(settings, folder, path)
    print(json.dumps(_seconds(path, sql)))


def _matched(settings: Settings, folder: Path, path: Path) -> Mapping[str, str]:
    """Match everything and note it; returns the SQL that matches a record alone."""
    left = files.read_records(folder / "accounts.csv", files.ACCOUNT_FIELDS)
    right = files.read_records(folder / "customers.csv", files.CUSTOMER_FIELDS)
    file_tables.fill_raw_tables(path, left, right, EXPORT_COLUMNS)
    prepare_pairs(settings, path, _silent)
    version = decide_pairs(settings, path, _silent)
    sql = compiled(settings.dbt_dir, path, rematching.MODELS)
    with warehouse.writer(path) as connection:
        name = rematching.FINGERPRINTS
        connection.execute(f"CREATE VIEW intermediate.{name} AS {sql[name]}")
    rematching.keep(path, sql, RULES, version)
    return sql


def _seconds(path: Path, sql: Mapping[str, str]) -> list[float]:
    """Of each change the processor seconds, those of all threads."""
    draw = random.Random(5)
    found = []
    with rematching.warm(path, sql, RULES) as warm, warehouse.session(path) as connection:
        for number in range(CHANGES):
            record = _change(connection, draw, number)
            began = time.process_time()
            done = warm.match([record])
            found.append(round(time.process_time() - began, 3))
            if done is None or not done.changed:
                raise SystemExit(f"{record} was not matched alone")
    return found[NOT_COUNTED:]


def _change(connection: Connection, draw: random.Random, number: int) -> Record:
    """A new account like another one, or an account with the name of another one, by turns."""
    accounts = connection.execute("SELECT id FROM raw_salesforce.account ORDER BY 1").fetchall()
    (account,), (other,) = draw.sample(accounts, 2)
    if number % 2:
        connection.execute(
            "UPDATE raw_salesforce.account SET name = "
            "(SELECT name FROM raw_salesforce.account WHERE id = ?) WHERE id = ?",
            [other, account],
        )
        return Record("account", file_tables.ORG, account)
    new = f"new{number}"
    connection.execute(
        "INSERT INTO raw_salesforce.account SELECT * REPLACE "
        "(? AS id, name || ' Works' AS name) FROM raw_salesforce.account WHERE id = ?",
        [new, account],
    )
    connection.execute(
        "INSERT INTO raw_salesforce.contact SELECT * REPLACE (? || id AS id, ? AS account_id) "
        "FROM raw_salesforce.contact WHERE account_id = ?",
        [new, new, account],
    )
    return Record("account", file_tables.ORG, new)


def _silent(told: str) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    main(sys.argv[1:])
