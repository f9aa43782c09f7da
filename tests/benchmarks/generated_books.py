"""Raw tables of any size, made inside DuckDB: what both systems would hold of many deals.

Deals are won over two years, with one to seven lines each (four on average), and billed in two
companies and two currencies. Of a hundred deals 90 are billed as they should be (five of them
without a word about the deal on the invoice); four are not billed, and two each without their last
line, twice, or on an invoice that was made void.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "warehouse")]

from raw_loader import load_world  # noqa: E402
from worlds import AS_OF, ORG, UK, US, Builder  # noqa: E402

from pipelines import warehouse  # noqa: E402

LINES_A_DEAL = 4
DEALS_AN_ACCOUNT = 50
FEWEST_ACCOUNTS = 20
PRODUCTS = 50
_STATEMENTS = Path(__file__).with_suffix(".sql")


def fill(path: Path, lines: int) -> None:
    """Fill a new warehouse file with about `lines` lines of deals, and nearly as many invoiced."""
    load_world(Builder().world(), path)
    with warehouse.writer(path) as connection:
        for name, value in _variables(lines).items():
            connection.execute(f"set variable {name} = {value}")
        connection.execute(_STATEMENTS.read_text(encoding="utf-8"))


def _variables(lines: int) -> dict[str, str]:
    deals = max(lines // LINES_A_DEAL, 1)
    return {
        "org": f"'{ORG}'",
        "first_company": f"'{US}'",
        "second_company": f"'{UK}'",
        "today": f"date '{AS_OF[:10]}'",
        "read_at": f"timestamptz '{AS_OF}'",
        "stamp": "timestamptz '2024-10-02T10:00:00Z'",
        "deals": str(deals),
        "accounts": str(max(deals // DEALS_AN_ACCOUNT, FEWEST_ACCOUNTS)),
        "products": str(PRODUCTS),
        "lines_a_deal": str(LINES_A_DEAL),
    }


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
