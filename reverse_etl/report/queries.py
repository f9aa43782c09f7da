"""What the report asks of the warehouse: plain reads of the marts, all judging is done there.

The names of the companies are the one thing that no mart carries; they come from staging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop, WarehouseBusy

Rows = Sequence[Mapping[str, Any]]

_VERDICTS = """
select * from reconciliation.data_verdict order by system desc, source_id
"""
_COMPANIES = """
select company_id, company_name, home_currency_code
from staging.stg_quickbooks__companies
"""
_FIGURES = """
select * from reconciliation.report_kpis order by company_id, currency_code
"""
_BRIDGES = """
select * from reconciliation.reconciliation_bridge
where period_kind = 'to_date'
order by company_id, currency_code, line_number
"""
# What people look back at: a year of months with this one, a quarter of weeks with this one.
_PERIODS = """
with newest as (
    select distinct
        period_kind,
        period,
        dense_rank() over (partition by period_kind order by period desc) as place
    from reconciliation.reconciliation_bridge
    where period_kind != 'to_date'
)

select bridge.*
from reconciliation.reconciliation_bridge as bridge
inner join newest
    on
        bridge.period_kind = newest.period_kind
        and bridge.period = newest.period
        and newest.place
        <= case bridge.period_kind when 'month' then 13 when 'week' then 14 else 3 end
order by
    bridge.period_kind, bridge.period desc, bridge.company_id, bridge.currency_code,
    bridge.line_number
"""
_AGEING = """
select * from reconciliation.ar_ageing order by company_id, currency_code, bucket_number
"""
_COMPARISONS = """
select * from reconciliation.ar_reconciliation order by company_id, currency_code, bucket_number
"""
_WEEKS = """
select
    currency_code,
    week_on,
    cast(sum(amount) as decimal(18, 2)) as amount,
    cast(sum(steps) as integer) as steps
from reconciliation.leakage_by_week
group by currency_code, week_on
order by currency_code, week_on
"""
# An invoice in a wrong currency is set against a step in the deal's own currency.
_MISMATCHES = """
select
    mismatches.*,
    deals.currency_code as deal_currency_code
from reconciliation.mismatches
left join (
    select distinct org_id, deal_id, currency_code from reconciliation.deal_coverage
) as deals
    on mismatches.org_id = deals.org_id and mismatches.deal_id = deals.deal_id
order by
    mismatches.precedence,
    mismatches.mismatch_class,
    mismatches.currency_code,
    mismatches.value_at_stake desc,
    mismatches.mismatch_id
"""
_INVOICES = """
select * from sync.sync_invoices
order by blocked_reason, currency_code, amount desc, deal_id, plan_step
"""
_REVIEWS = """
select * from reconciliation.review_queue
order by subject, company_id, left_id, right_id, candidate_rank
"""
_COVERAGE = """
select
    coalesce(company_id, 'not routed') as company_id,
    currency_code,
    coverage_state,
    cast(count(*) as integer) as steps,
    cast(sum(amount) as decimal(18, 2)) as amount
from reconciliation.deal_coverage
group by all
order by company_id, currency_code, coverage_state
"""
# No row where no earlier week was recorded: then nothing was opened or carried.
_MOVEMENTS = """
select
    cast(sum(new_count) as integer) as opened,
    cast(sum(closed_count) as integer) as closed,
    cast(sum(closing_count - new_count) as integer) as carried
from reconciliation.exceptions_carried_forward
where opening_week is not null
having count(*) > 0
"""
_SIGN_OFFS = """
select
    sign_offs.week,
    changes.record_type,
    coalesce(changes.record_number, changes.record_id) as record_number,
    changes.change,
    changes.currency_code,
    changes.difference
from reconciliation.sign_offs
left join reconciliation.changes_after_sign_off as changes on sign_offs.week = changes.week
where sign_offs.reviewed_by is not null or changes.week is not null
order by sign_offs.week, abs(changes.difference) desc, changes.record_type, changes.record_id
"""
_EXCEPTIONS = """
select * from reconciliation.exceptions
order by precedence, mismatch_class, currency_code, value_at_stake desc, exception_id
"""
_CARRIED = """
select * from reconciliation.exceptions_carried_forward order by company_id, currency_code
"""
# A cause is worth a line once one of its exceptions was closed.
_CAUSES = """
select
    root_cause,
    cast(sum(open_count) as integer) as open_count,
    cast(sum(closed_count) as integer) as closed_count,
    cast(sum(returned_count) as integer) as returned_count,
    cast(sum(repeated_count) as integer) as repeated_count
from reconciliation.exception_causes
group by root_cause
having sum(closed_count) > 0
order by sum(returned_count + repeated_count) desc, root_cause
"""
# The commonest causes first.
_CAUSE_WEEKS = """
select
    root_cause,
    week,
    currency_code,
    bool_or(is_recorded) as is_recorded,
    cast(sum(open_count) as integer) as open_count,
    cast(sum(open_amount) as decimal(18, 2)) as open_amount,
    cast(sum(closed_count) as integer) as closed_count,
    cast(sum(closed_amount) as decimal(18, 2)) as closed_amount
from reconciliation.exception_cause_weeks
group by root_cause, week, currency_code
order by
    sum(sum(open_count + closed_count)) over (partition by root_cause) desc,
    root_cause, week, currency_code
"""
_SIGNED = """
select * from reconciliation.sign_offs order by week desc
"""
_LENGTHS = """
select * from reconciliation.time_to_invoice order by company_id, currency_code, bucket_number
"""
_STATUSES = """
select * from sync.sync_deal_status order by deal_id, invoice_key
"""
_QUERIES = {
    "verdicts": _VERDICTS,
    "companies": _COMPANIES,
    "figures": _FIGURES,
    "bridges": _BRIDGES,
    "periods": _PERIODS,
    "ageing": _AGEING,
    "comparisons": _COMPARISONS,
    "weeks": _WEEKS,
    "mismatches": _MISMATCHES,
    "invoices": _INVOICES,
    "reviews": _REVIEWS,
    "coverage": _COVERAGE,
    "movements": _MOVEMENTS,
    "sign_offs": _SIGN_OFFS,
    "exceptions": _EXCEPTIONS,
    "carried": _CARRIED,
    "causes": _CAUSES,
    "cause_weeks": _CAUSE_WEEKS,
    "signed": _SIGNED,
    "lengths": _LENGTHS,
    "statuses": _STATUSES,
}


_TRIES = 5


def read_marts(path: Path) -> dict[str, Rows]:
    """All rows the report is made of, by subject, from one and the same warehouse.

    The published copy may be swapped between two reads; then everything is read again.
    Raises `Stop` when the marts are not there yet, `WarehouseBusy` when the file does not hold
    still, and like `warehouse.read`.
    """
    for _ in range(_TRIES):
        before = warehouse.identity(path)
        marts = _read_once(path)
        if warehouse.identity(path) == before:
            return marts
    raise WarehouseBusy(
        "warehouse", path.name, "it was replaced again and again while it was read", "Try again."
    )


def _read_once(path: Path) -> dict[str, Rows]:
    if not {"mismatches", "report_kpis", "sign_offs", "exception_cause_weeks"} <= warehouse.tables(
        path, warehouse.RECONCILIATION
    ):
        raise Stop(
            "warehouse",
            path.name,
            "nothing has been reconciled in it yet, or by an older version only",
            "Run `crossfoot judge`, or `crossfoot sync` where nothing was read yet.",
        )
    with warehouse.one_opening(path):
        return {subject: warehouse.read(path, sql) for subject, sql in _QUERIES.items()}
