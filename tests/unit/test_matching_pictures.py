"""Pictures of scores: what is drawn is what was counted, and foreign text stays text."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestration import match_pages
from pipelines.errors import Stop
from pipelines.matching import evaluate, explain, pictures, shapes
from pipelines.matching.evaluate import History, Replayed
from pipelines.matching.explain import Explanation, Fact, Pair, Rival
from pipelines.matching.measures import Judged
from pipelines.matching.model import COMMITTED_MODEL

SVG = "{http://www.w3.org/2000/svg}"
WHY = Explanation(
    pair=Pair("o", "a", "c", "1"),
    facts=(Fact("Name", "<b>Acme</b>", "Acme & Sons"), Fact("Mailboxes", "", "ap@acme.example")),
    relations=(("name", "contained"),),
    start=-1.5,
    parts=(("mail", 4.0), ("name", -0.5)),
    weight=2.0,
    probability=0.8,
    model_version="abc",
    state="suggested",
    rule="score",
    rivals=(Rival("customer", "Acme Ltd", "2", 0.1),),
)


def bars(picture: str) -> list[tuple[str, float, float]]:
    tree = ElementTree.fromstring(picture)
    return [
        (one.attrib["class"], float(one.attrib["x"]), float(one.attrib["width"]))
        for one in tree.iter(f"{SVG}rect")
    ]


def test_a_waterfall_goes_from_the_start_to_the_sum_in_steps_that_touch() -> None:
    start, more, less, total = bars(pictures.waterfall(-1.5, [("mail", 4.0), ("name", -0.5)], "b"))
    assert [start[0], more[0], less[0], total[0]] == ["total", "more", "less", "total"]
    # The start ends at nought; mail begins where it began; name ends where the sum ends.
    assert start[1] == pytest.approx(more[1], abs=0.1)
    assert more[1] + more[2] == pytest.approx(less[1] + less[2], abs=0.2)
    assert less[1] == pytest.approx(total[1] + total[2], abs=0.2)
    assert total[1] == pytest.approx(start[1] + start[2], abs=0.2)
    assert more[2] / less[2] == pytest.approx(8, rel=0.02)


def test_a_waterfall_of_nothing_is_still_a_picture() -> None:
    assert len(bars(pictures.waterfall(0.0, [], "bits"))) == 2


def test_bins_and_spreads_count_what_is_there() -> None:
    found = pictures.bins([(0.05, False), (0.07, True), (1.0, True)])
    assert [(one.pairs, one.true_share) for one in found] == [(2, 0.5), (1, 1.0)]
    assert found[0].foretold == pytest.approx(0.06)
    assert pictures.spread([]) is None
    assert pictures.spread(range(100)) == pictures.Spread(5, 25, 50, 75, 95)


def test_every_picture_is_whole() -> None:
    one = pictures.spread([1.0, 2.0])
    for picture in (
        pictures.precision_recall([(1.0, 0.5), (0.9, 1.0)]),
        pictures.precision_recall([]),
        pictures.calibration(pictures.bins([(0.4, True)])),
        pictures.calibration([]),
        pictures.spreads([("mail", one, None), ("a < b", None, one)], "bits"),
    ):
        tree = ElementTree.fromstring(picture)
        assert tree.find(f"{SVG}title") is not None


def test_the_page_of_a_pair_tells_all_and_runs_nothing() -> None:
    page = match_pages.pair_page(WHY)
    assert "&lt;b&gt;Acme&lt;/b&gt;" in page
    assert "<b>Acme" not in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert "default-src 'none'" in page
    for told in ("ap@acme.example", "contained", "Acme Ltd", "0.8000", "+4.00", "-0.50", "+2.00"):
        assert told in page


def test_the_text_of_a_pair_tells_the_same() -> None:
    text = "\n".join(explain.lines(WHY))
    assert re.search(r"start +-1\.50 bits", text)
    assert re.search(r"mail +\+4\.00", text)
    assert re.search(r"sum +\+2\.00", text)
    assert "Another customer: Acme Ltd (2), 0.1000" in text


def test_the_page_of_a_model_shows_rules_and_wrong_links() -> None:
    known = History(frozenset({("o|a", "c|1"), ("o|b", "c|2")}), frozenset(), frozenset())
    pairs = [
        Replayed(Judged("o|a", "c|1", 0.99, "link"), "email", '{"mail": 4.5}'),
        Replayed(Judged("o|b", "c|1", 0.6, "link"), "score", '{"mail": -1.0, "name": 2.0}'),
    ]
    money = {"c|1": {"EUR": Decimal("1234.50")}}
    one = evaluate.judge("v1", pairs, known, {"o|b": "Bolt", "c|1": "Acme"}, money)
    page = match_pages.model_page(one, known, COMMITTED_MODEL)
    assert "1,234.50 EUR" in page
    assert "<td>Bolt</td><td>Acme</td><td>score</td>" in page
    assert "50.00 %" in page
    assert page.count("<svg") >= 4


def test_a_page_goes_where_it_can_be_written(tmp_path: Path) -> None:
    match_pages.write(tmp_path / "page.html", "text")
    assert (tmp_path / "page.html").read_text() == "text"
    with pytest.raises(Stop, match="no page can be written"):
        match_pages.write(tmp_path, "text")


TREES = {
    "comparisons": {"name": {"same": {"m": 0.8, "u": 0.1}, "other": {"m": 0.1, "u": 0.4}}},
    "by_itself": {
        "start": -1.0,
        "trees": [
            {"asks": [["likeness", 5]], "adds": [-1.0, 1.0], "pairs": [30, 10]},
            {
                "asks": [["likeness", 8], ["holders", 1]],
                "adds": [0.0, 2.0, 4.0, 4.0],
                "pairs": [10, 10, 5, 5],
            },
        ],
    },
}


def test_levels_weigh_what_the_file_says() -> None:
    assert [(one.level, round(one.bits, 6)) for one in shapes.level_weights(TREES)] == [
        ("same", 3.0),
        ("other", -2.0),
    ]


def test_the_shape_of_a_feature_is_the_mean_change_by_its_answers() -> None:
    likeness, holders = shapes.shapes(TREES)
    bit = 0.6931471805599453
    # First tree: mean -0.5, so -0.5 below 5, +1.5 above. Second: mean 2, so -1 below 8, +2 above.
    assert likeness.limits == (5, 8)
    assert [value * bit for value in likeness.bits] == pytest.approx([-1.5, 0.5, 3.5])
    # Known to be below 8 it is 1 on average, then 0 or 2; above 8 nothing more is learnt.
    assert holders.limits == (1,)
    assert [value * bit for value in holders.bits] == pytest.approx([-2 / 3, 2 / 3])
    assert likeness.reach > holders.reach


def test_shapes_are_drawn_as_steps() -> None:
    for one in shapes.shapes(TREES):
        tree = ElementTree.fromstring(pictures.shape(one.feature, one.limits, one.bits))
        (line,) = tree.iter(f"{SVG}polyline")
        assert len(line.attrib["points"].split()) == 2 * len(one.bits)


def test_a_model_without_trees_has_no_shapes() -> None:
    assert shapes.shapes({"comparisons": {}}) == []
    assert (
        bars(pictures.level_bars([("name: same", 3.0), ("name: other", -2.0)], "bits"))[0][0]
        == "more"
    )
