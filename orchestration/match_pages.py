"""Pages about matching: why a pair has its score, how good a model is. No script, no network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from pipelines.errors import Stop
from pipelines.matching import pictures, shapes
from pipelines.matching.evaluate import Evaluation, History, RuleRow
from pipelines.matching.explain import Explanation
from pipelines.matching.measures import curve

_UNIT = "bits"
_SHAPES_SHOWN = 24


def pair_page(why: Explanation) -> str:
    """The page of one pair."""
    names = {fact.what: fact for fact in why.facts}
    named = names.get("Name")
    return _rendered(
        "match_pair.html",
        title="Why this match",
        why=why,
        account=named.account if named else why.pair.account_id,
        customer=named.customer if named else why.pair.customer_id,
        probability=f"{why.probability:.4f}",
        waterfall=_drawn(pictures.waterfall(why.start, why.parts, _UNIT)),
    )


def model_page(one: Evaluation, known: History, model: Path) -> str:
    """The page of a model that was replayed; `model` is its file."""
    document = shapes.read(model)
    levels = [
        (f"{one.comparison}: {one.level}", one.bits) for one in shapes.level_weights(document)
    ]
    features = shapes.shapes(document)
    linked = RuleRow("all links", one.measures.links, one.measures.true_links)
    scored = [(pair.probability, pair.is_right) for pair in one.judged]
    return _rendered(
        "match_model.html",
        title="Matching, measured",
        one=one,
        known=known,
        rows=[*one.rules, linked, one.reviews],
        percent=percent,
        precision_recall=_drawn(
            pictures.precision_recall(list(curve(scored, one.measures.true_pairs)))
        ),
        calibration=_drawn(pictures.calibration(pictures.bins(scored))),
        spreads=_drawn(pictures.spreads(_spreads(one), _UNIT)),
        levels=_drawn(pictures.level_bars(levels, _UNIT)),
        features=[
            _drawn(pictures.shape(shape.feature.replace("_", " "), shape.limits, shape.bits))
            for shape in features[:_SHAPES_SHOWN]
        ],
        more_features=max(0, len(features) - _SHAPES_SHOWN),
    )


def write(path: Path, page: str) -> None:
    """Write a page. Raises `Stop` for a place where none can be written."""
    if path.is_dir() or not path.parent.is_dir():
        raise Stop(
            "file", str(path), "no page can be written there", "Name another one with --out."
        )
    path.write_text(page, encoding="utf-8")


def percent(part: int, whole: int) -> str:
    """A share in per cent with two decimals, or a dash where there is nothing to share."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _spreads(
    one: Evaluation,
) -> list[tuple[str, pictures.Spread | None, pictures.Spread | None]]:
    # Pairs that are far from any match are not taken apart.
    explained = [pair for pair in one.judged if pair.evidence]
    kinds = sorted({name for pair in explained for name in pair.evidence})

    def spread(kind: str, right: bool) -> pictures.Spread | None:
        return pictures.spread(
            pair.evidence.get(kind, 0.0) for pair in explained if pair.is_right is right
        )

    return [(kind, spread(kind, True), spread(kind, False)) for kind in kinds]


def _drawn(picture: str) -> Markup:
    return Markup(picture)  # noqa: S704 - drawn by us, foreign text in it is escaped


def _rendered(template: str, **given: object) -> str:
    return _environment().get_template(template).render(**given)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(
            lambda name: files("orchestration").joinpath(name).read_text(encoding="utf-8")
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
