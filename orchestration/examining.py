"""Great Expectations over the extracted tables, and what it found as pages in the data folder.

The library's own pages load scripts and styles from other people's servers. What is shown here is
somebody's books, so ours load nothing: everything from elsewhere is taken out of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.expected import MOMENT, NUMBER, Column, Expected
from pipelines import warehouse
from pipelines.folders import make_private

if TYPE_CHECKING:
    import pandas as pd

# The latest figures of each object and source: what this reading brought beside the vendor's count
# of the same question, and what is held beside the vendor's count of all there is.
_COUNTS = """
    WITH run AS (
        SELECT object, source_id, mode, rows_read, rows_vendor FROM {schema}.extract_run
        QUALIFY row_number() OVER (
            PARTITION BY source_id, object ORDER BY finished_at DESC NULLS LAST
        ) = 1
    ),
    control AS (
        SELECT object, source_id, held_value, vendor_value FROM {schema}.control_total
        WHERE measure = 'rows'
        QUALIFY row_number() OVER (
            PARTITION BY source_id, object ORDER BY asked_at DESC, agrees DESC NULLS LAST
        ) = 1
    )
    SELECT
        object, source_id, mode, rows_read, rows_vendor,
        CAST(held_value AS BIGINT) AS rows_held, CAST(vendor_value AS BIGINT) AS rows_there
    FROM run LEFT JOIN control USING (object, source_id)
    ORDER BY object, source_id
"""
_AGREE = (("rows_read", "rows_vendor"), ("rows_held", "rows_there"))
_STYLE = """<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
nav, footer, .row > .col-md-2, .collapse { display: none }
.text-success::before { content: "\\2713"; color: #060 }
.text-danger::before { content: "\\2717"; color: #b00 }
a[href*="expectations/"] { color: inherit; pointer-events: none; text-decoration: none }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
td, th { border-bottom: 1px solid #ddd; padding: .3rem .8rem; text-align: left;
 vertical-align: top }
</style>
"""


@dataclass(frozen=True)
class Examined:
    """What an examination of one table found: rows seen, expectations held against them, and a
    sentence for each that was not met. Its page may be one that it shares with other tables."""

    name: str
    rows: int
    expectations: int
    broken: tuple[str, ...]
    page: str = ""
    file: str = ""

    @property
    def passed(self) -> bool:
        """Everything was as expected."""
        return not self.broken


def rows(expected: Expected, path: Path) -> pd.DataFrame:
    """The columns that are looked at; amounts stay exact, whole numbers whole."""
    found: pd.DataFrame = warehouse.arrow(path, expected.query).to_pandas(integer_object_nulls=True)
    return found


def counts(schema: str, path: Path) -> pd.DataFrame:
    """What was read and is held of each object, beside the vendor's own counts of it."""
    asked = _COUNTS.format(schema=warehouse.identifier(schema))
    found: pd.DataFrame = warehouse.arrow(path, asked).to_pandas(integer_object_nulls=True)
    return found


def examine(expected: Expected, frame: pd.DataFrame) -> Examined:
    """Hold one table against what it must be like."""
    return _examined(expected.name, frame, _expectations(expected))


def completeness(schema: str, frame: pd.DataFrame) -> dict[str, Examined]:
    """Hold the counts of every object, one row for each org or company, against the vendor's;
    by table. A report of a vendor comes without a count and is not in it."""
    from great_expectations import expectations as e

    agree = [
        e.ExpectColumnPairValuesToBeEqual(
            column_A=ours, column_B=theirs, ignore_row_if="either_value_is_missing"
        )
        for ours, theirs in _AGREE
    ]
    is_in_part = frame["mode"] == "unfinished"
    counted = frame[frame["rows_vendor"].notnull() | frame["rows_there"].notnull() | is_in_part]
    whole = _examined(f"{schema}.complete", counted.reset_index(drop=True), agree)
    return {
        str(table): Examined(
            f"{schema}.{table}: complete",
            len(counts),
            len(agree),
            tuple(_differences(counts)),
            whole.page,
            whole.file,
        )
        for table, counts in counted.groupby("object")
    }


def _differences(counts: pd.DataFrame) -> Iterator[str]:
    """`9341…: 12 held, 13 at the vendor` for each org or company whose counts do not agree, or that
    was not read to its end."""
    words = {"rows_read": "read", "rows_held": "held"}
    for count in counts.to_dict("records"):
        if count["mode"] == "unfinished":
            yield f"{count['source_id']}: {count['rows_read']:,} read so far, not to the end"
            continue
        for ours, theirs in _AGREE:
            pair = (count[ours], count[theirs])
            if None not in pair and pair[0] != pair[1]:
                yield f"{count['source_id']}: {pair[0]:,} {words[ours]}, {pair[1]:,} at the vendor"


def write_pages(folder: Path, system: str, found: Iterable[Examined]) -> dict[str, Path]:
    """One page for each table and one that leads to them; returns the pages by name."""
    make_private(folder)
    shown = sorted(found, key=lambda one: one.name)
    pages = {one.name: folder / f"{one.file}.html" for one in shown}
    back = f'<p><a href="{system}.html">All tables of {system}</a></p>'
    for file, page in {one.file: one.page for one in shown}.items():
        whole = page.replace("<body>", f"<body>{back}", 1)
        (folder / f"{file}.html").write_text(whole, encoding="utf-8")
    lines = "".join(map(_index_line, shown))
    (folder / f"{system}.html").write_text(
        f"<!doctype html><html><head><meta charset=utf-8><title>{system}</title>{_STYLE}</head>"
        f"<body><h1>What was expected of {system}</h1>"
        "<table><tr><th>Table<th>Rows<th>Expectations<th>Not met</tr>"
        f"{lines}</table></body></html>",
        encoding="utf-8",
    )
    return pages


def _index_line(one: Examined) -> str:
    broken = "<br>".join(map(html.escape, one.broken)) or "none"
    return (
        f'<tr><td><a href="{one.file}.html">{html.escape(one.name)}</a><td>{one.rows:,}'
        f"<td>{one.expectations}<td>{broken}</tr>"
    )


def _examined(name: str, frame: pd.DataFrame, expectations: Sequence[Any]) -> Examined:
    import great_expectations as gx
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    context = _context()
    source = context.data_sources.add_or_update_pandas("warehouse")
    whole = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    suite = context.suites.add_or_update(gx.ExpectationSuite(name, list(expectations)))
    outcome = whole.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(outcome))
    return Examined(
        name,
        len(frame),
        len(outcome.results),
        tuple(_sentence(result) for result in outcome.results if not result.success),
        offline(page),
        name,
    )


@cache
def _context() -> Any:
    """The library's own surroundings, kept in memory: making them takes longer than a table."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def offline(page: str) -> str:
    """The page without what it would load from elsewhere, in a plain dress of ours."""
    kept = re.sub(r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>", "", page, flags=re.DOTALL)
    return kept.replace("<head>", f"<head>{_STYLE}", 1)


def _expectations(expected: Expected) -> Sequence[Any]:
    from great_expectations import expectations as e

    return [
        e.ExpectCompoundColumnsToBeUnique(column_list=list(expected.key)),
        *(e.ExpectColumnValuesToNotBeNull(column=name) for name in expected.key),
        *(one for column in expected.columns for one in _of_column(column)),
        *(
            e.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=more, column_B=less, or_equal=True, ignore_row_if="either_value_is_missing"
            )
            for more, less in expected.at_most
        ),
    ]


def _of_column(column: Column) -> Sequence[Any]:
    from great_expectations import expectations as e

    found: list[Any] = []
    if column.filled:
        found.append(e.ExpectColumnValuesToNotBeNull(column=column.name))
    if column.kind not in (MOMENT, NUMBER):
        found.append(e.ExpectColumnValuesToBeOfType(column=column.name, type_=column.kind))
    if column.at_least is not None:
        found.append(e.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.at_least))
    if column.like:
        found.append(e.ExpectColumnValuesToMatchRegex(column=column.name, regex=column.like))
    return found


def _sentence(result: Any) -> str:
    """`expect_column_values_to_be_between (total_amount): 2 rows`, never a value of the books."""
    asked = result.expectation_config.kwargs
    named = asked.get("column") or ", ".join(
        asked.get("column_list") or [asked.get("column_A", ""), asked.get("column_B", "")]
    )
    seen = result.result.get("unexpected_count")
    told = f"{seen} rows" if seen is not None else f"seen {result.result.get('observed_value')}"
    return f"{result.expectation_config.type} ({named}): {told}"
