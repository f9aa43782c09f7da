"""The models' SQL in Spark's words: what DuckDB does differently is said differently."""

from __future__ import annotations

import re

import pytest

from pipelines.spark.translating import tables_of, translated

COLUMNS = {
    "s.deals": {
        "id": "string", "org_id": "string", "stage": "string", "amount": "decimal(18,2)",
        "won_on": "date", "due_on": "date", "won_at": "timestamp", "payload": "string",
        "tags": "array<string>", "line_count": "int", "is_won": "boolean",
    },
    "s.rates": {"code": "string", "as_of_on": "date", "rate": "decimal(18,9)"},
}  # fmt: skip


def spark(sql: str) -> str:
    told = translated(sql, lambda schema, name: COLUMNS[f"{schema}.{name}"]).sql
    return re.sub(r"\s+", " ", told.replace("`", "")).lower()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # A date less a date is days there, an interval here.
        ("select won_on - due_on as days from s.deals", "datediff(deals.won_on, deals.due_on)"),
        ("select due_on - 5 as x from s.deals", "deals.due_on - 5"),
        # A cast to a whole number rounds there and cuts here.
        ("select cast(amount as integer) as n from s.deals", "cast(round(deals.amount) as int)"),
        ("select cast(amount * 100 as hugeint) as n from s.deals", "as decimal(38, 0))"),
        # Division is in double precision whatever is divided.
        ("select amount / 3 as x from s.deals", "cast(deals.amount as double) / cast(3 as double)"),
        ("select len(tags) as n from s.deals", "size(deals.tags)"),
        ("select length(stage) as n from s.deals", "length(deals.stage)"),
        ("select tags[1] as x from s.deals", "try_element_at(deals.tags, 1)"),
        ("select tags[-1] as x from s.deals", "try_element_at(deals.tags, -1)"),
        ("select tags[:2] as x from s.deals", "slice(deals.tags, 1, greatest(0,"),
        # A null in a list hides nothing.
        ("select list_contains(tags, 'a') as x from s.deals", "array_compact(deals.tags), 'a')"),
        ("select isodow(won_on) as d from s.deals", "(weekday(deals.won_on) + 1)"),
        ("select strftime(won_on, '%G-W%V') as w from s.deals", "date_part('week', deals.won_on)"),
        ("select strftime(won_on, '%d.%m.%Y') as w from s.deals", "'dd'), '.', date_format("),
        ("select won_on + to_months(2) as x from s.deals", "make_interval(0, 2, 0, 0, 0, 0, 0)"),
        ("select cast(won_at as varchar) as x from s.deals", "as string), '+00')"),
        ("select timezone('UTC', won_at) as x from s.deals", "from_utc_timestamp(deals.won_at,"),
        ("select cast('infinity' as timestamptz) as x", "9999-12-31 00:00:00"),
        # Rows without a value do not count as the greatest.
        (
            "select arg_max(stage, won_at) as x from s.deals",
            "max_by(deals.stage, case when isnotnull(deals.stage) then deals.won_at end)",
        ),
        ("select any_value(stage) as x from s.deals", "any_value(deals.stage, true)"),
        (
            "select sum(amount) filter (where is_won) over (partition by org_id) as x from s.deals",
            "sum(case when deals.is_won then deals.amount end) over (",
        ),
        (
            "select count(distinct stage) over (partition by org_id) as n from s.deals",
            "size(collect_set(deals.stage) over (",
        ),
        ("select regexp_replace(stage, '(a)b', '\\1', 'g') as x from s.deals", "'(a)b', '$1')"),
        # Only the first place: Spark has no such function, so DuckDB computes it.
        ("select regexp_replace(stage, 'a', 'b') as x from s.deals", "duckdb_replace_first("),
        ("select strip_accents(stage) as x from s.deals", "duckdb_strip_accents(deals.stage)"),
        ("select payload ->> '$.DocNumber' as x from s.deals", "duckdb_member(deals.payload, 'doc"),
        ("select payload ->> '$.a.b' as x from s.deals", "get_json_object(deals.payload, '$["),
        ("select json_exists(payload, '$.a') as x from s.deals", "json_object_keys(deals.payload)"),
        (
            "select format('{:,}', line_count) as x from s.deals",
            "format_number(deals.line_count, 0)",
        ),
        ("select id is not distinct from stage as x from s.deals", "equal_null(deals.id, deals."),
    ],
)
def test_what_differs_is_said_differently(given: str, expected: str) -> None:
    assert expected in spark(given)


def test_a_list_keeps_nulls_and_its_order_and_is_null_of_no_rows() -> None:
    told = spark("select list(stage order by won_on) filter (where is_won) as x from s.deals")
    assert "collect_list(named_struct('k0', isnull(deals.won_on), 'k1', deals.won_on, 'v'," in told
    assert "array_sort(" in told and "filter(where deals.is_won)" in told
    assert re.search(r"if\(size\(.*\) = 0, null, transform\(array_sort\(", told)


def test_a_text_of_many_leaves_nulls_out() -> None:
    told = spark("select string_agg(distinct stage, '; ' order by stage) as x from s.deals")
    assert "collect_set(case when isnotnull(deals.stage)" in told and "array_join(" in told


def test_sides_of_a_union_are_matched_by_name() -> None:
    told = spark(
        "select id, stage from s.deals union all by name select stage, id, amount from s.deals"
    )
    assert "select side_.id, side_.stage, null as amount from" in told
    assert "select side_.id, side_.stage, side_.amount from" in told


def test_the_last_row_before_is_asked_for_beside_each() -> None:
    told = spark(
        "select d.id, r.rate from s.deals as d asof left join s.rates as r"
        " on d.stage = r.code and d.won_on >= r.as_of_on"
    )
    assert "left join lateral (select" in told and "order by r.as_of_on desc" in told
    assert "limit 1" in told


def test_a_list_becomes_rows_with_their_places() -> None:
    told = spark("select id, unnest(tags) as tag, generate_subscripts(tags, 1) as n from s.deals")
    assert "lateral view posexplode(deals.tags) rows_ as place_, item_" in told
    assert "rows_.item_ as tag, rows_.place_ + 1 as n" in told


def test_a_list_that_is_gathered_becomes_rows_one_level_up() -> None:
    told = spark("select unnest(list_distinct(flatten(list(tags)))) as tag from s.deals")
    assert "from (select array_distinct(" in told and "lateral view posexplode(listed_)" in told


def test_named_windows_are_said_where_they_are_used() -> None:
    told = spark(
        "select row_number() over (w order by won_on) as n from s.deals window w as"
        " (partition by org_id)"
    )
    assert "over (partition by deals.org_id order by deals.won_on" in told and "window" not in told


def test_rows_are_numbered_by_what_they_say_for_the_numbers_to_be_the_same_each_time() -> None:
    told = spark("select row_number() over () as n, id, won_on from s.deals")
    assert "row_number() over (order by deals.id, deals.won_on) as n" in told


def test_a_condition_on_windows_is_asked_one_level_up() -> None:
    told = spark("select id from s.deals qualify row_number() over (order by won_on) = 1")
    assert "as is_kept_ from" in told and "as ranked_ where is_kept_" in told


def test_queries_named_within_others_keep_apart() -> None:
    told = spark(
        "with a as (select id from s.deals) select * from a union all select * from"
        " (with a as (select stage as id from s.deals) select id from a) as b"
    )
    assert told.count("a as (select") == 1 and "a_1 as (select" in told


def test_json_is_written_by_duckdb_with_its_keys_as_they_are_written() -> None:
    told = translated(
        "select to_json({'DocNumber': id, 'Amount': amount}) as x from s.deals",
        lambda schema, name: COLUMNS[f"{schema}.{name}"],
    )
    (lent,) = told.lent
    assert "'DocNumber': a0, 'Amount': a1" in lent.expression and lent.kind == "string"
    assert f"{lent.name}(`deals`.`id`, `deals`.`amount`)".lower() in told.sql.lower()


def test_a_function_that_spark_has_not_is_lent_with_the_list_it_is_asked_of() -> None:
    told = translated(
        "select list_filter(tags, lambda t: damerau_levenshtein(t, stage) <= 1) as x from s.deals",
        lambda schema, name: COLUMNS[f"{schema}.{name}"],
    )
    (lent,) = told.lent
    assert lent.kind.lower() == "array<string>" and "a0" in lent.expression
    assert "stage" not in lent.expression


@pytest.mark.parametrize(
    "given",
    [
        "select unnest(tags) as a, unnest([id]) as b from s.deals",
        "select strftime(won_on, '%j') as x from s.deals",
        "select list(id order by stage desc) as x from s.deals",
        "select format('{:x}', line_count) as x from s.deals",
    ],
)
def test_what_is_not_translated_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="not translated"):
        spark(given)


def test_the_tables_of_a_query_are_named_without_its_catalogue() -> None:
    assert tables_of('with a as (select * from "w"."s"."deals") select * from a') == {"s.deals"}
