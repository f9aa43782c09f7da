"""Changed records matched alone, and the same records in any order: the answer of a full run."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from built_company import Company
from worlds import PROJECT

from pipelines import warehouse
from pipelines.matching import rematching, score
from pipelines.matching.model import COMMITTED_MODEL, load
from pipelines.matching.rematching import Record
from pipelines.transform import compiled

SEED = int(os.environ.get("MATCHING_SEED", "5"))
STEPS = int(os.environ.get("MATCHING_STEPS", "2"))
ANSWERS = ("matching.customer_scores", "intermediate.int_customers__decided")
RULES = "rules of a test"


@pytest.fixture(scope="module")
def sql(company: Company) -> Mapping[str, str]:
    return compiled(PROJECT, company.path, rematching.MODELS)


def copied(company: Company, folder: Path) -> Path:
    """A warehouse of the same file name, which the compiled statements name."""
    path = folder / company.path.name
    shutil.copyfile(company.path, path)
    return path


def match_everything(path: Path, sql: Mapping[str, str], threads: int = 2) -> None:
    """What a full run does between extraction and decision, in the order in which dbt did it."""
    last = (rematching.DECISIONS, rematching.DECIDED)
    first = [name for name in sql if name not in (*last, rematching.FINGERPRINTS)]
    for names in (first, last):
        with warehouse.writer(path) as connection:
            connection.execute(f"SET threads = {threads}")
            for name in names:
                schema = "staging" if name.startswith("stg_") else "intermediate"
                connection.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS {sql[name]}")
        if names is first:
            score(path)


def answers(path: Path) -> list[list[dict[str, Any]]]:
    return [warehouse.read(path, f"SELECT * FROM {table} ORDER BY ALL") for table in ANSWERS]


# A change takes an account, another one, a customer and another one of its company.
CHANGES: Sequence[Callable[..., tuple[str, str]]] = (
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.account SET name = (
            SELECT name FROM raw_salesforce.account WHERE id = '{b}') WHERE id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.account SET phone = NULL, website = (
            SELECT website FROM raw_salesforce.account WHERE id = '{b}') WHERE id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.account SET is_deleted = NOT is_deleted WHERE id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.account SET parent_id = '{b}' WHERE id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.account SET qbo_customer_id__c = CASE
            WHEN qbo_customer_id__c IS NULL THEN '{c[0]}:{c[1]}' END WHERE id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        UPDATE raw_salesforce.contact SET email = 'new' || email WHERE account_id = '{a}'"""),
    lambda a, b, c, d: ("account", f"""
        INSERT INTO raw_salesforce.account SELECT * REPLACE (
            'new' || id AS id, 'Quillfeather ' || name AS name, NULL AS qbo_customer_id__c)
        FROM raw_salesforce.account WHERE id = '{a}'
        AND 'new' || id NOT IN (SELECT id FROM raw_salesforce.account)"""),
    lambda a, b, c, d: ("customer", f"""
        UPDATE raw_quickbooks.customer SET payload = (
            SELECT payload FROM raw_quickbooks.customer
            WHERE company_id = '{c[0]}' AND id = '{d}')
        WHERE company_id = '{c[0]}' AND id = '{c[1]}'"""),
    lambda a, b, c, d: ("customer", f"""
        UPDATE raw_quickbooks.customer SET payload = replace(
            payload, '"Active":true', '"Active":false')
        WHERE company_id = '{c[0]}' AND id = '{c[1]}'"""),
    lambda a, b, c, d: ("customer", f"""
        DELETE FROM raw_quickbooks.customer WHERE company_id = '{c[0]}' AND id = '{c[1]}'"""),
)  # fmt: skip


def change(connection: warehouse.Connection, draw: random.Random) -> Record:
    """Change one record of the raw tables at random, and tell which."""
    accounts = connection.execute(
        "SELECT org_id, id FROM raw_salesforce.account ORDER BY ALL"
    ).fetchall()
    customers = connection.execute(
        "SELECT company_id, id FROM raw_quickbooks.customer ORDER BY ALL"
    ).fetchall()
    (org, account), (_, other) = draw.sample(accounts, 2)
    customer = draw.choice(customers)
    sibling = draw.choice([one[1] for one in customers if one[0] == customer[0]])
    side, statement = draw.choice(CHANGES)(account, other, customer, sibling)
    connection.execute(statement)
    new = f"new{account}" if "INSERT" in statement else account
    return Record(side, *((org, new) if side == "account" else customer))


def test_changed_records_matched_alone_get_the_answer_of_a_full_run_of_any_order(
    company: Company, sql: Mapping[str, str], tmp_path: Path
) -> None:
    path = copied(company, tmp_path)
    rematching.keep(path, sql, RULES, _model_version())
    draw = random.Random(SEED)
    with warehouse.session(path) as connection:
        found_out(path, connection, sql, {change(connection, draw) for _ in range(4)})
        with rematching.warm(path, sql, RULES) as warm:
            told = [tell(connection, warm, draw) for _ in range(STEPS)]
    alone = answers(path)
    assert 0 < sum(told) < STEPS * len(alone[0]) / 2, "matched alone is matched in part"
    # One full run shows two things: it answers like those matched alone, and so it does with other
    # threads on other rows, as the company was built with two on rows as they were written.
    turn_round(path)
    match_everything(path, sql, threads=1)
    assert answers(path) == alone


def turn_round(path: Path) -> None:
    """Put the rows of the raw tables into another order."""
    with warehouse.writer(path) as connection:
        for table in ("raw_salesforce.account", "raw_salesforce.contact",
                      "raw_quickbooks.customer"):  # fmt: skip
            connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {table} ORDER BY hash(id) DESC"
            )


def found_out(
    path: Path, connection: warehouse.Connection, sql: Mapping[str, str], changed: set[Record]
) -> None:
    """A run finds out for itself what has changed, matches that, and decides about everything."""
    for name in (rematching.CUSTOMERS, rematching.LINKED):
        _fill(connection, sql, name)
    assert rematching.is_little(path)
    done = rematching.rematch(path, sql, RULES)
    assert done is not None
    assert done.changed is not None and 0 < done.changed <= len(changed) + 20
    for name in (rematching.DECISIONS, rematching.DECIDED):
        _fill(connection, sql, name)


def tell(connection: warehouse.Connection, warm: rematching.Rematching, draw: random.Random) -> int:
    """Change one to three records, match them at once, and count the pairs scored for it."""
    done = warm.match([change(connection, draw) for _ in range(draw.choice((1, 1, 3)))])
    assert done is not None
    assert done.changed is not None and done.changed >= 1
    return done.scored


def _fill(connection: warehouse.Connection, sql: Mapping[str, str], name: str) -> None:
    table = f"{'staging' if name.startswith('stg_') else 'intermediate'}.{name}"
    connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO {table} {sql[name]}")


def test_nothing_is_matched_alone_by_other_rules_or_beside_a_new_table(
    company: Company, sql: Mapping[str, str], tmp_path: Path
) -> None:
    path = copied(company, tmp_path)
    assert not rematching.is_kept(path, sql, RULES)
    rematching.keep(path, sql, RULES, _model_version())
    assert rematching.is_kept(path, sql, RULES)
    assert rematching.rematch(path, sql, "other rules") is None
    with warehouse.writer(path) as connection:
        built = "CREATE OR REPLACE TABLE intermediate.int_customers__keys AS "
        connection.execute(built + sql["int_customers__keys"])
    assert rematching.rematch(path, sql, RULES) is None


def _model_version() -> str:
    return load(COMMITTED_MODEL).version
