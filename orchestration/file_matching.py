"""Two files matched as the warehouse would match them: same models, same scores, same decisions."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.matching import file_tables, files, score
from pipelines.matching.model import COMMITTED_MODEL
from pipelines.settings import Settings
from pipelines.transform import build, require_passed
from reverse_etl.decisions import EXPORT_COLUMNS

Progress = Callable[[str], None]

_BEFORE = "+int_customers__candidates"
_AFTER = (
    "int_accounts__merged",
    "int_customers__merged",
    "int_decisions__customers",
    "int_customers__decided",
)


@dataclass(frozen=True)
class FileMatch:
    """What came of it: records read, pairs by decision, and the columns that nobody reads."""

    accounts: int
    customers: int
    decisions: Counter[str]
    unread: tuple[str, ...]


def match_files(
    settings: Settings, accounts: Path, customers: Path, out: Path, progress: Progress
) -> FileMatch:
    """Match the accounts of one CSV file with the customers of another, and write the pairs.

    Nothing is connected and nothing is kept but `out`. Raises `FixTheRow` for a file that cannot
    be used, `Stop` for a place where none can be written, `BuildFailed` when a model fails.
    """
    _refuse_no_folder(out)
    left = files.read_records(accounts, files.ACCOUNT_FIELDS)
    right = files.read_records(customers, files.CUSTOMER_FIELDS)
    with tempfile.TemporaryDirectory() as folder:
        # The parsed project names the database after its file, and may have been parsed before.
        path = Path(folder) / warehouse.copy_name(settings.warehouse_path)
        file_tables.fill_raw_tables(path, left, right, EXPORT_COLUMNS)
        prepare_pairs(settings, path, progress)
        decide_pairs(settings, path, progress)
        decisions = file_tables.write_pairs(out, file_tables.pairs(path))
    return FileMatch(
        accounts=len(left),
        customers=len(right),
        decisions=decisions,
        unread=(*left.unread, *right.unread),
    )


def prepare_pairs(settings: Settings, path: Path, progress: Progress) -> None:
    """The first half of a match: candidate pairs, and what speaks for and against each."""
    progress("comparing names, addresses, phones and mailboxes")
    _build(settings, path, [_BEFORE])


def decide_pairs(
    settings: Settings, path: Path, progress: Progress, model: Path | None = None
) -> str:
    """The second half: scores, by the committed model where none is named, and decisions.

    Returns the model's version. Raises `ConfigurationError` for a model that may not be used.
    """
    progress("scoring the pairs")
    scored = score(path, model or COMMITTED_MODEL)
    progress("deciding")
    _build(settings, path, [*_AFTER])
    return scored.model_version


def _refuse_no_folder(out: Path) -> None:
    """Told before the work, not after it."""
    if out.is_dir() or not out.parent.is_dir():
        raise Stop("file", str(out), "no file can be written there", "Name another one with --out.")


def _build(settings: Settings, path: Path, models: list[str]) -> None:
    # `build` brings the seeds; the tests of the sources are about extracted data.
    require_passed(
        build(
            settings.dbt_dir, path, select=models, exclude=["resource_type:test", "test_type:unit"]
        )
    )
