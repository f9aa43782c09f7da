"""Why an amount of the report is what it is: from the figure down to the vendors' records."""

from reverse_etl.why.chain import Answer, Chain, Fact, Hit, Part, ask, figures
from reverse_etl.why.lines import answer_as_json, answer_lines, figure_lines, figures_as_json

__all__ = [
    "Answer",
    "Chain",
    "Fact",
    "Hit",
    "Part",
    "answer_as_json",
    "answer_lines",
    "ask",
    "figure_lines",
    "figures",
    "figures_as_json",
]
