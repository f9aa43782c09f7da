"""The rules and a model, replayed on confirmed history or on labelled files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.file_matching import decide_pairs, prepare_pairs
from orchestration.match_pages import percent
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.matching import evaluate, file_tables, files
from pipelines.matching.evaluate import Difference, Evaluation, History, RuleRow
from pipelines.matching.measures import read_truth
from pipelines.settings import Settings
from reverse_etl.decisions import EXPORT_COLUMNS

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """An evaluation, what it was compared with, and the history it speaks of."""

    known: History
    evaluation: Evaluation
    against: Evaluation | None
    difference: Difference | None


def evaluate_history(settings: Settings, model: Path | None, progress: Progress) -> Outcome:
    """Replay a copy of the warehouse with its keys and decisions hidden.

    Raises `Stop` without confirmed history, `ConfigurationError` for a model that may not be used.
    """
    known = evaluate.history(settings.warehouse_path)
    with tempfile.TemporaryDirectory() as folder:
        # The parsed project names the database after its file.
        path = Path(folder) / warehouse.copy_name(settings.warehouse_path)
        progress("copying the warehouse")
        warehouse.publish(settings.warehouse_path, path)
        evaluate.hide(path)
        return _replayed(settings, path, known, model, progress)


def evaluate_files(
    settings: Settings, given: tuple[Path, Path, Path], model: Path | None, progress: Progress
) -> Outcome:
    """Match two labelled files and compare with the third: left_id,right_id of all true pairs.

    Raises `FixTheRow` for a file that cannot be used, `Stop` for one without a true pair.
    """
    accounts, customers, truth = given
    left = files.read_records(accounts, files.ACCOUNT_FIELDS)
    right = files.read_records(customers, files.CUSTOMER_FIELDS)
    pairs = read_truth(truth)
    if not pairs:
        raise Stop("file", truth.name, "it names no true pair", "Fill left_id and right_id.")
    known = evaluate.labelled(pairs, file_tables.ORG, file_tables.COMPANY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / warehouse.copy_name(settings.warehouse_path)
        file_tables.fill_raw_tables(path, left, right, EXPORT_COLUMNS)
        evaluate.hide(path)
        return _replayed(settings, path, known, model, progress)


def _replayed(
    settings: Settings, path: Path, known: History, model: Path | None, progress: Progress
) -> Outcome:
    prepare_pairs(settings, path, progress)
    committed = _evaluation(settings, path, known, None, progress)
    if model is None:
        return Outcome(known, committed, None, None)
    candidate = _evaluation(settings, path, known, model, progress)
    return Outcome(known, candidate, committed, evaluate.difference(candidate, committed, known))


def _evaluation(
    settings: Settings, path: Path, known: History, model: Path | None, progress: Progress
) -> Evaluation:
    version = decide_pairs(settings, path, progress, model)
    return evaluate.judge(
        version, evaluate.replayed(path), known, evaluate.names(path), evaluate.invoiced(path)
    )


# What people read ----------------------------------------------------------------------------

_SHOWN = 20


def lines(outcome: Outcome) -> Iterator[str]:
    """The whole evaluation as text."""
    one, known = outcome.evaluation, outcome.known
    if known.is_complete:
        yield f"Named as right: {len(known.links):,} pairs. Model {one.model_version}."
    else:
        told = f"{len(known.by_key):,} by key, {len(known.by_people):,} by people"
        yield (
            f"Known to be right: {len(known.links):,} links ({told}); kept apart by people: "
            f"{len(known.kept_apart):,}. All of them hidden and matched again with model "
            f"{one.model_version}."
        )
    yield ""
    yield from _table(one)
    yield ""
    yield from _read_off(one)
    if outcome.difference and outcome.against:
        changed = outcome.difference
        yield (
            f"Against the committed model {outcome.against.model_version}: "
            f"{changed.gained:,} links gained, {changed.gained_right:,} of them known to be "
            f"right; {changed.lost:,} lost, {changed.lost_right:,} of them known to be right."
        )
    yield from _wrong(one)


def _table(one: Evaluation) -> Iterator[str]:
    total = one.measures.true_pairs
    heads = ("pairs", 8), ("right", 8), ("wrong", 8), ("precision", 12), ("of all known", 14)
    yield "linked by".ljust(18) + "".join(name.rjust(width) for name, width in heads)
    linked = RuleRow("all links", one.measures.links, one.measures.true_links)
    for row in (*one.rules, linked, one.reviews):
        yield (
            f"{row.rule:<18}{row.pairs:>8,}{row.right:>8,}{row.wrong:>8,}"
            f"{percent(row.right, row.pairs):>12}{percent(row.right, total):>14}"
        )
    missed = total - one.measures.true_links - one.measures.true_reviews
    yield f"{'neither':<18}{'':>8}{missed:>8,}{'':>8}{'':>12}{percent(missed, total):>14}"


def _read_off(one: Evaluation) -> Iterator[str]:
    figures = one.measures
    yield (
        f"By the probability alone: best F1 {figures.best_f1:.3f}; recall "
        f"{figures.recall_at_99:.3f} at precision 0.99, {figures.recall_at_999:.3f} at 0.999."
    )
    if one.unknown_links:
        yield f"{one.unknown_links:,} links between records without history are not judged."


def _wrong(one: Evaluation) -> Iterator[str]:
    if not one.wrong_links:
        return
    amounts = ", ".join(f"{amount:,.2f} {code}" for code, amount in one.wrong_amounts.items())
    yield ""
    yield f"Wrong links: {len(one.wrong_links):,}; invoiced on these: {amounts or 'nothing'}."
    for link in one.wrong_links[:_SHOWN]:
        yield (
            f"  {link.left_name} ({_id(link.left_id)}) with {link.right_name} "
            f"({_id(link.right_id)}), by {link.rule}"
        )
    if len(one.wrong_links) > _SHOWN:
        yield f"  and {len(one.wrong_links) - _SHOWN:,} more"


def refuse_below(outcome: Outcome, floor: float) -> None:
    """Raise `Stop` when fewer of the judged links are right than the floor wants."""
    precision = outcome.evaluation.measures.link_precision
    if precision is not None and precision < floor:
        raise Stop(
            "matching",
            f"model {outcome.evaluation.model_version}",
            f"{100 * precision:.2f} % of its links are right, fewer than the "
            f"{100 * floor:.2f} % of CROSSFOOT_MATCH_PRECISION",
            "Look into the wrong links above before this model decides anything.",
        )


def _id(record: str) -> str:
    return record.partition("|")[2]
