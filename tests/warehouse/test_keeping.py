"""Models that are built again without dbt hold what dbt would have made of the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from built_company import Company, sample_company
from worlds import PROJECT

from orchestration.renewing import Renewing
from pipelines import lineage, transform, warehouse
from pipelines.errors import Stop
from pipelines.keeping import KeptModels, columns_of, require_found_nothing
from pipelines.settings import load_settings

MARTS = (
    "sync_products", "sync_invoices", "sync_invoice_lines", "data_verdict", "deal_coverage",
)  # fmt: skip
# A deal that is open and not billed yet, with lines, of a customer that is known.
WIN = """
    update raw_salesforce.opportunity
    set stage_name = 'Closed Won', is_won = true, is_closed = true, close_date = '2026-11-19'
    where id = (
        select min(o.id) from raw_salesforce.opportunity as o
        join matched.matched_customers as m on m.account_id = o.account_id
        where not o.is_closed and o.has_opportunity_line_item and m.match_state = 'confirmed'
            and o.id not in (
                select deal_id from matched.matched_invoices where deal_id is not null
            )
    )
"""
READ = "update raw_salesforce.extract_run set server_time = server_time + interval 1 minute"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return sample_company(tmp_path_factory)


def kept(path: Path, marts: Sequence[str] | None = MARTS) -> KeptModels:
    models = lineage.models(PROJECT, path, marts)
    tests = lineage.tests_of(PROJECT, path, MARTS, models)
    sql = transform.compiled(PROJECT, path, [m.name for m in models], with_tests=True)
    return KeptModels(path, models, tests, sql)


def built(models: KeptModels) -> list[str]:
    done = models.build(models.begin(), {m.name for m in models.models})
    return done.built


def contents(path: Path, models: KeptModels) -> dict[str, list[tuple[object, ...]]]:
    """Every table's rows, in no order."""
    with warehouse.reader(path) as connection:
        return {
            m.relation: sorted(connection.sql(f"from {m.relation}").fetchall(), key=repr)
            for m in models.models
            if m.kind == "table"
        }


def test_only_what_a_won_deal_touches_is_built_and_all_of_it_is(
    company: Company, tmp_path: Path
) -> None:
    path = company.path
    by_dbt = contents(path, models := kept(path, None))
    everything = built(models)
    assert len(everything) == sum(m.kind == "table" for m in models.models)
    assert contents(path, models) == by_dbt
    assert built(models) == []

    with warehouse.writer(path) as connection:
        connection.execute(WIN)
        # Each reading moves the clock of the books on.
        connection.execute(READ)
    some = built(models)
    assert 0 < len(some) < len(everything) / 2
    assert {"int_deals__billable", "sync_invoices"} <= set(some)
    assert "matched_customers" not in some
    # Whether a write was read back is asked of the clock before them.
    assert {"int_clock", "int_customers__written"} <= set(some)
    assert {"int_customers__to_update", "sync_products"}.isdisjoint(some)
    narrow = contents(path, models)
    assert narrow != by_dbt

    whole = tmp_path / path.name
    shutil.copyfile(path, whole)
    again = KeptModels(whole, models.models, models.tests, models._sql)
    assert built(again) == everything
    assert contents(whole, again) == narrow


def test_who_builds_with_dbt_in_between_makes_everything_due(company: Company) -> None:
    models = kept(company.path)
    built(models)
    assert built(models) == []
    transform.require_passed(
        transform.build(PROJECT, company.path, select=["int_clock"], command="run")
    )
    assert "sync_invoices" in built(models)


def test_a_failed_building_leaves_all_as_it_was_and_is_done_again(company: Company) -> None:
    models = kept(company.path)
    built(models)
    before = contents(company.path, models)
    broken = KeptModels(
        company.path, models.models, (), {**models._sql, "sync_invoices": "select 1 as nothing"}
    )
    with pytest.raises(Stop):
        built(broken)
    assert contents(company.path, models) == before
    assert built(models) == []


def test_a_test_that_finds_rows_bars_and_names_itself(company: Company) -> None:
    models = kept(company.path)
    assert models.tests and not models.failed()
    require_found_nothing(models.failed())
    with warehouse.writer(company.path) as connection:
        connection.execute("update sync.sync_invoices set mark = null")
    found = models.failed()
    with pytest.raises(Stop, match="not_null_sync_invoices_mark"):
        require_found_nothing(found)


def test_another_column_makes_the_compiled_sql_due(company: Company) -> None:
    before = columns_of(company.path, ["raw_salesforce"])
    assert columns_of(company.path, ["raw_salesforce"]) == before
    with warehouse.writer(company.path) as connection:
        connection.execute("alter table raw_salesforce.opportunity add column new__c varchar")
    assert columns_of(company.path, ["raw_salesforce"]) != before


def test_a_process_renews_only_what_it_has_built_and_what_is_still_there(company: Company) -> None:
    settings = replace(load_settings({}), warehouse_path=company.path)
    renewing = Renewing(settings)
    assert not renewing.is_possible()
    renewing.built_by_dbt()
    assert renewing.is_possible()
    with warehouse.writer(company.path) as connection:
        connection.execute("alter table intermediate.int_clock rename to gone")
    assert not renewing.is_possible()
    with warehouse.writer(company.path) as connection:
        connection.execute("alter table intermediate.gone rename to int_clock")
    assert renewing.is_possible()
