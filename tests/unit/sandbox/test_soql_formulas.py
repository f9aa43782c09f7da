"""The formula language by itself: what it computes, and what it refuses in the vendor's words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.sandbox.salesforce.fields import day, flag, link, money, number, percent, pick, text
from pipelines.sandbox.salesforce.formulas.binding import Binder
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.salesforce.sobject import define

ACCOUNT = define("Account", "Account", "Accounts", "001",
                 [text("Name", "Name", 80), link("OwnerId", "Owner ID", "User")])  # fmt: skip
USER = define("User", "User", "Users", "005", [text("Alias", "Alias", 8)])
DEAL = define(
    "Deal",
    "Deal",
    "Deals",
    "006",
    [
        text("Name", "Name", 80),
        money("Amount", "Amount"),
        number("Count", "Count", 18, 2),
        percent("Share", "Share", 5, 2),
        day("Closes", "Closes"),
        flag("Won", "Won"),
        pick("Stage", "Stage", ("A", "B")),
        link("AccountId", "Account ID", "Account"),
    ],
)
OBJECTS = {o.name.lower(): o for o in (ACCOUNT, USER, DEAL)}
STORED = {
    "Account": {"001": {"Id": "001", "Name": "Ruff", "OwnerId": "005"}},
    "User": {"005": {"Id": "005", "Alias": "ada"}},
}
ROW: dict[str, Any] = {
    "Id": "006Hs0000000001IAA", "Name": "Dun", "Amount": Decimal("100.50"), "Count": None,
    "Share": Decimal(25), "Closes": "2026-11-30", "Won": True, "Stage": "B", "AccountId": "001",
}  # fmt: skip


def value(formula: str, zero: bool = True, before: dict[str, Any] | None = None, **row: Any) -> Any:
    now = datetime(2026, 11, 20, 17, tzinfo=UTC)
    scene = Scene({**ROW, **row}, lambda name, key: STORED[name].get(key), now, now.date(), before)
    return Binder(OBJECTS, DEAL, zero).bind(formula).value(scene)


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("1 + 2 * 3 ^ 2 - 4 / 8", Decimal("18.5")),
        ("-(Amount) * Share", Decimal("-25.125")),
        ("Amount + Count", Decimal("100.50")),
        ('Name & "/" & Account.Name & "/" & Account.Owner.Alias', "Dun/Ruff/ada"),
        ('Name + "!"', "Dun!"),
        ("IF(Amount >= 100 && NOT(Won), 1, IF(Won, 2, 3))", Decimal(2)),
        ('IF(OR(ISBLANK(Count), false), "none", TEXT(Count))', "none"),
        ("ISBLANK(Amount)", False),
        ("BLANKVALUE(Count, 7)", Decimal(7)),
        ('CASE(Stage, "A", 1, "B", 2, 0)', Decimal(2)),
        ('CASE(MONTH(Closes), 11, "Nov", "other")', "Nov"),
        ('ISPICKVAL(Stage, "B")', True),
        ('TEXT(Stage) & TEXT(1.50) & TEXT(Closes)', "B1.52026-11-30"),
        ("Closes + 1", date(2026, 12, 1)),
        ("Closes - TODAY()", Decimal(10)),
        ("DATE(2027, 1, 31) > Closes", True),
        ("ADDMONTHS(DATE(2027, 1, 31), 1)", date(2027, 2, 28)),
        ("YEAR(ADDMONTHS(Closes, 2)) * 100 + MONTH(Closes)", Decimal(202711)),
        ("DATEVALUE(NOW()) = TODAY()", True),
        ("ROUND(Amount / 3, 2) + MOD(7, 3) + MAX(1, 5, 2) + CEILING(0.2)", Decimal("40.50")),
        ('LEFT(Name, 2) & MID(Name, 2, 1) & RIGHT(Name, 1) & UPPER("x")', "DuunX"),
        ('CONTAINS(Name, "un") && BEGINS(Name, "D") && LEN(Name) = 3', True),
        ('SUBSTITUTE("a-b", "-", "+") = "a+b"', True),
        ('VALUE("12.5") + FIND("u", Name)', Decimal("14.5")),
        ("Id", "006Hs0000000001"),
        ("CASESAFEID(Id)", "006Hs0000000001IAA"),
        ('/* why */ "it\\"s"', 'it"s'),
        ("Amount <> null", True),
        ('Name = ""', False),
    ],
)  # fmt: skip
def test_a_formula_gives(formula: str, wanted: Any) -> None:
    assert value(formula) == wanted


def test_empty_numbers_are_zero_or_blank() -> None:
    assert value("Count * 2") == 0
    assert value("Count * 2", zero=False) is None
    assert value("ISBLANK(Count)") is True and value("ISBLANK(Count)", Count=Decimal(0)) is False
    assert value("Account.Name", AccountId=None) is None


def test_what_a_write_changes() -> None:
    before = {**ROW, "Amount": Decimal(1)}
    assert value("ISCHANGED(Amount) && PRIORVALUE(Amount) < Amount", before=before) is True
    assert value("ISCHANGED(Name) || ISNEW()", before=before) is False
    assert value("ISNEW()", before={}) is True


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("Amount +", "Syntax error"),
        ("IF(Won, 1", "Syntax error. Missing ')'"),
        ("(1))", "Syntax error. Extra )"),
        ("Amonut * 2", "Field Amonut does not exist. Check spelling."),
        ("Account.Nmae", "Field Nmae does not exist. Check spelling."),
        ("FOO(1)", "Unknown function FOO. Check spelling."),
        (
            "ABS(1, 2)",
            "Incorrect number of parameters for function 'ABS()'. Expected 1, received 2",
        ),
        ("TEXT(Name)", "Expected Number, Date, DateTime, Picklist, received Text"),
        ("Name * 2", "Incorrect parameter type for operator '*'. Expected Number, received Text"),
        ('Stage = "A"', "Field Stage is a picklist field."),
        ('IF(Won, 1, "x")', "Incorrect parameter type for function 'IF()'"),
        ("$User.Id", "does not compute $User.Id"),
        ("1 # 2", "Syntax error. Found '#'"),
    ],
)
def test_a_formula_is_refused(formula: str, words: str) -> None:
    with pytest.raises(FormulaRefused) as refused:
        Binder(OBJECTS, DEAL).bind(formula)
    assert words in str(refused.value)
