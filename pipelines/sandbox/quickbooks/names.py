"""Lists: customers, vendors, employees, items, accounts, classes, terms and their like."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.currencies import currency_name
from pipelines.sandbox.quickbooks.document_details import with_address_id
from pipelines.sandbox.quickbooks.ground_rules import invalid_currency
from pipelines.sandbox.quickbooks.intake import Draft
from pipelines.sandbox.quickbooks.references import with_resolved
from pipelines.sandbox.quickbooks.refusals import (
    Refusal,
    business,
    duplicate_name,
    forbidden_characters,
    invalid_enumeration,
    invalid_reference,
    missing,
    nested_too_deep,
    no_name,
    parent_required,
    wrong_account_type,
)
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, ref_value
from pipelines.sandbox.quickbooks.vocabulary import PEOPLE, TREES

DELETED = re.compile(r" \(deleted(?: \d+)?\)$")
RETAINED = ("Active", "CurrencyRef", "Balance", "BalanceWithJobs", "CurrentBalance",
            "CurrentBalanceWithSubAccounts", "OpenBalanceDate")  # fmt: skip
NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
FORBIDDEN = {
    "Account": re.compile(r'[:"]'),
    "Term": re.compile(r"[\t\n]"),
    "PaymentMethod": re.compile(r"[:\t\n]"),
}
FORBIDDEN_IN_NAMES = re.compile(r"[:\t\n]")
DEEPEST = {"Customer": 4, "Item": 4}
SUB_FLAG = {"Customer": "Job", "Item": "SubItem", "Account": "SubAccount", "Class": "SubClass",
            "Department": "SubDepartment"}  # fmt: skip
ITEM_TYPES = ("Inventory", "NonInventory", "Service", "Group", "Category")

CLASSIFICATION = {
    "Bank": "Asset", "Other Current Asset": "Asset", "Fixed Asset": "Asset",
    "Other Asset": "Asset", "Accounts Receivable": "Asset", "Equity": "Equity",
    "Expense": "Expense", "Other Expense": "Expense", "Cost of Goods Sold": "Expense",
    "Accounts Payable": "Liability", "Credit Card": "Liability",
    "Long Term Liability": "Liability", "Other Current Liability": "Liability",
    "Income": "Revenue", "Other Income": "Revenue",
}  # fmt: skip
DEFAULT_SUBTYPE = {
    "Bank": "CashOnHand", "Other Current Asset": "EmployeeCashAdvances",
    "Fixed Asset": "FurnitureAndFixtures", "Other Asset": "Licenses",
    "Accounts Receivable": "AccountsReceivable", "Equity": "OpeningBalanceEquity",
    "Expense": "Travel", "Other Expense": "Depreciation",
    "Cost of Goods Sold": "SuppliesMaterialsCogs", "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard", "Long Term Liability": "NotesPayable",
    "Other Current Liability": "OtherCurrentLiabilities", "Income": "SalesOfProductIncome",
    "Other Income": "OtherMiscellaneousIncome",
}  # fmt: skip
TYPE_OF_SUBTYPE = {
    **{subtype: kind for kind, subtype in DEFAULT_SUBTYPE.items()},
    "Checking": "Bank", "Savings": "Bank", "UndepositedFunds": "Other Current Asset",
    "Inventory": "Other Current Asset", "ServiceFeeIncome": "Income",
    "DiscountsRefundsGiven": "Income", "OtherPrimaryIncome": "Income",
    "OfficeGeneralAdministrativeExpenses": "Expense",
}  # fmt: skip


def build_name(books: Books, entity: str, draft: Draft) -> Record:
    """A list record as it would be stored.

    Raises:
        Refusal: any rule of the lists.
    """
    record = draft.base(RETAINED)
    record["Active"] = record.get("Active", True)
    record = with_resolved(books, entity, record, draft.before)
    record = _RULES.get(entity, _plain)(books, record, draft)
    record = _with_parent(books, entity, record, draft)
    record = _renamed_by_activity(books, entity, record, draft)
    _refuse_bad_name(books, entity, record, draft)
    return _with_address_ids(books, record, draft)


def name_member(entity: str) -> str:
    """The member that holds an entity's own name."""
    return "DisplayName" if entity in (*PEOPLE, "TaxAgency") else "Name"


def _plain(books: Books, record: Record, draft: Draft) -> Record:
    return record


def _with_address_ids(books: Books, record: Record, draft: Draft) -> Record:
    before = draft.before or {}
    found = dict(record)
    for name in ("BillAddr", "ShipAddr", "PrimaryAddr"):
        if name in found:
            found[name] = with_address_id(books, found[name], before.get(name))
    return found


# ---- people


def _with_display_name(record: Record, draft: Draft) -> Record:
    name = record.get("DisplayName") or " ".join(
        str(record[part]) for part in NAME_PARTS if record.get(part)
    )
    name = name or str((draft.before or {}).get("DisplayName", ""))
    if not name:
        raise no_name()
    follows = (draft.before or {}).get("DisplayName") == record.get("PrintOnCheckName")
    renamed = draft.before is not None and follows and "PrintOnCheckName" not in draft.given
    printed = None if renamed else record.get("PrintOnCheckName")
    return {**record, "DisplayName": name, "PrintOnCheckName": printed or name[:110]}


def _customer(books: Books, record: Record, draft: Draft) -> Record:
    record = _with_display_name(record, draft)
    defaults: Record = {
        "Taxable": books.uses_sales_tax,
        "Job": "ParentRef" in record,
        "BillWithParent": False,
        "Balance": ZERO,
        "BalanceWithJobs": ZERO,
        "PreferredDeliveryMethod": "Print",
    }
    tax_code = books.preference("TaxPrefs", "TaxGroupCodeRef") or {}
    if books.is_us and record.get("Taxable", books.uses_sales_tax) and tax_code.get("value"):
        defaults["DefaultTaxCodeRef"] = {"value": str(tax_code["value"])}
    return _in_currency(books, {**_due(defaults, draft), **record}, draft)


def _due(defaults: Record, draft: Draft) -> Record:
    """The defaults of a new record; of an old one only those for members it had."""
    return {k: v for k, v in defaults.items() if draft.before is None or k in draft.before}


def _vendor(books: Books, record: Record, draft: Draft) -> Record:
    defaults: Record = {"Balance": ZERO, "Vendor1099": False}
    return _in_currency(
        books, {**_due(defaults, draft), **_with_display_name(record, draft)}, draft
    )


def _employee(books: Books, record: Record, draft: Draft) -> Record:
    masked = {"SSN": "XXX-XX-XXXX"} if record.get("SSN") else {}
    defaults = _due({"BillableTime": False}, draft)
    return {**defaults, **_with_display_name(record, draft), **masked}


def _in_currency(books: Books, record: Record, draft: Draft) -> Record:
    """A record's currency is chosen when it is made and never changes."""
    code = books.currency_of(record)
    if draft.before is not None and code != books.currency_of(draft.before):
        raise business("You cannot change the currency of an existing name.", "CurrencyRef")
    if draft.before is None and code not in books.allowed_currencies():
        raise invalid_currency(books, code)
    return {**record, "CurrencyRef": books.currency_ref(code)}


# ---- items and accounts


def _item(books: Books, record: Record, draft: Draft) -> Record:
    kind = str(record.get("Type") or ("Inventory" if record.get("TrackQtyOnHand") else "Service"))
    if kind not in ITEM_TYPES:
        raise invalid_enumeration("Type", kind)
    before = draft.before or {}
    if before.get("TrackQtyOnHand") and kind != "Inventory":
        raise business("You cannot change the type of an inventory item.", "Type")
    if kind == "Category":
        return {**record, "Type": kind}
    _require_accounts(books, record, kind)
    defaults: Record = {"Taxable": False, "UnitPrice": ZERO, "PurchaseCost": ZERO}
    tracked = {"Type": kind, "TrackQtyOnHand": kind == "Inventory"}
    return {**_due(defaults, draft), **record, **tracked}


def _require_accounts(books: Books, record: Record, kind: str) -> None:
    wanted = {
        "Service": ("IncomeAccountRef",),
        "NonInventory": ("IncomeAccountRef",),
        "Inventory": (
            *("IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef"),
            *("QtyOnHand", "InvStartDate"),
        ),
    }
    for name in wanted.get(kind, ()):
        either = name == "IncomeAccountRef" and kind == "NonInventory"
        if name not in record and not (either and "ExpenseAccountRef" in record):
            raise missing(name)
    account = books.get("Account", ref_value(record, "IncomeAccountRef") or "")
    if account is not None and account.get("AccountType") not in ("Income", "Other Income"):
        raise wrong_account_type("IncomeAccountRef")


def _account(books: Books, record: Record, draft: Draft) -> Record:
    subtype = record.get("AccountSubType")
    kind = record.get("AccountType") or TYPE_OF_SUBTYPE.get(str(subtype))
    if kind is None:
        raise Refusal(
            "6010",
            "Invalid Account.AccountType and Account.SubType",
            "Either an Account.AccountType or an Account.AccountSubType must be specified",
        )
    if kind not in CLASSIFICATION:
        raise invalid_enumeration("AccountType", kind)
    found: Record = {
        "CurrentBalance": ZERO,
        "CurrentBalanceWithSubAccounts": ZERO,
        "SubAccount": False,
        **record,
        "AccountType": kind,
        "AccountSubType": subtype or DEFAULT_SUBTYPE[kind],
        "Classification": CLASSIFICATION[kind],
    }
    _refuse_taken_number(books, found)
    return _in_currency(books, found, draft)


def _refuse_taken_number(books: Books, account: Record) -> None:
    number = account.get("AcctNum")
    if number is None:
        return
    if any(a["Id"] != account.get("Id") for a in books.table("Account").find("AcctNum", number)):
        raise business("This account number is already in use.", "AcctNum")


# ---- small lists


def _term(books: Books, record: Record, draft: Draft) -> Record:
    for name, least, most in (("DueDays", 0, 999), ("DayOfMonthDue", 1, 31)):
        value = record.get(name)
        if value is not None and not least <= amount_of(record, name) <= most:
            raise Refusal(
                "2240", "Invalid Number Range", f"Number is out of range. Supplied value:{value}",
                name,
            )  # fmt: skip
    dated = "DayOfMonthDue" in record and "DueDays" not in record
    if dated:
        return {**record, "Type": "DATE_DRIVEN"}
    return {"DueDays": ZERO, **record, "Type": "STANDARD"}


def _payment_method(books: Books, record: Record, draft: Draft) -> Record:
    kind = record.get("Type", "NON_CREDIT_CARD")
    if kind not in ("CREDIT_CARD", "NON_CREDIT_CARD"):
        raise invalid_enumeration("Type", kind)
    return {**record, "Type": kind}


def _company_currency(books: Books, record: Record, draft: Draft) -> Record:
    code = str(record.get("Code", ""))
    if not books.multi_currency:
        raise invalid_currency(books, code)
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise invalid_enumeration("Code", code)
    return {**record, "Name": record.get("Name") or currency_name(code)}


_RULES: dict[str, Callable[[Books, Record, Draft], Record]] = {
    "Customer": _customer,
    "Vendor": _vendor,
    "Employee": _employee,
    "Item": _item,
    "Account": _account,
    "Term": _term,
    "PaymentMethod": _payment_method,
    "CompanyCurrency": _company_currency,
}


# ---- trees


def _with_parent(books: Books, entity: str, record: Record, draft: Draft) -> Record:
    if entity not in TREES:
        return record
    own = str(record.get(name_member(entity), ""))
    flag = SUB_FLAG.get(entity, "")
    parent_id = ref_value(record, "ParentRef")
    if parent_id is None or (flag == "Job" and record.get("Job") is False):
        if record.get(flag):
            raise parent_required()
        top = {k: v for k, v in record.items() if k not in ("ParentRef", "Level", "SubItem")}
        return {**top, **_flag(entity, False), "FullyQualifiedName": own}
    parent = _parent(books, entity, parent_id, record)
    level = _depth(books, entity, parent) + 1
    if level > DEEPEST.get(entity, 4):
        raise nested_too_deep()
    leveled = {"Level": Decimal(level)} if entity in ("Customer", "Item") else {}
    full = f"{parent['FullyQualifiedName']}:{own}"
    return {**record, **_flag(entity, True), **leveled, "FullyQualifiedName": full}


def _flag(entity: str, value: bool) -> Record:
    name = SUB_FLAG.get(entity)
    return {} if name is None or (name == "SubItem" and not value) else {name: value}


def _parent(books: Books, entity: str, parent_id: str, record: Record) -> Record:
    parent = books.get(entity, parent_id)
    if parent is None:
        raise invalid_reference("ParentRef")
    seen: Record | None = parent
    while seen is not None:
        if seen["Id"] == record.get("Id"):
            raise Refusal("900", "Parent cannot be child", "A record cannot be its own parent.")
        above = ref_value(seen, "ParentRef")
        seen = books.get(entity, above) if above else None
    return parent


def _depth(books: Books, entity: str, record: Record) -> int:
    depth = 0
    above = ref_value(record, "ParentRef")
    while above is not None and depth < 10:
        depth += 1
        above = ref_value(books.get(entity, above) or {}, "ParentRef")
    return depth


def rename_children(books: Books, entity: str, before: Record | None, after: Record) -> None:
    """Children carry their parent's full name: a new one reaches down to them."""
    if entity not in TREES or before is None:
        return
    if before.get("FullyQualifiedName") == after.get("FullyQualifiedName"):
        return
    member = name_member(entity)
    for child in list(books.table(entity)):
        if ref_value(child, "ParentRef") == after["Id"]:
            full = f"{after['FullyQualifiedName']}:{child[member]}"
            parent = {**child["ParentRef"], "name": after[member]}
            renamed = books.touched(child, FullyQualifiedName=full, ParentRef=parent)
            books.put(entity, renamed)
            rename_children(books, entity, child, renamed)


# ---- names


def _renamed_by_activity(books: Books, entity: str, record: Record, draft: Draft) -> Record:
    """An inactive record is called "… (deleted)", so that its name is free again (recorded)."""
    member = name_member(entity)
    name = str(record.get(member, ""))
    if not record["Active"] and not DELETED.search(name):
        return _called(entity, record, _deleted_name(books, entity, name, record.get("Id")))
    back = draft.before is not None and draft.before.get("Active") is False and record["Active"]
    if back and member not in draft.given:
        return _called(entity, record, DELETED.sub("", name))
    return record


def _called(entity: str, record: Record, name: str) -> Record:
    member = name_member(entity)
    found = {**record, member: name}
    if "FullyQualifiedName" in record:
        above, colon, _ = str(record["FullyQualifiedName"]).rpartition(":")
        found["FullyQualifiedName"] = f"{above}{colon}{name}"
    return found


def _deleted_name(books: Books, entity: str, name: str, own_id: str | None) -> str:
    candidate, number = f"{name} (deleted)", 0
    while _holder(books, entity, candidate, own_id):
        number += 1
        candidate = f"{name} (deleted {number})"
    return candidate


def _refuse_bad_name(books: Books, entity: str, record: Record, draft: Draft) -> None:
    member = name_member(entity)
    name = str(record.get(member, ""))
    if FORBIDDEN.get(entity, FORBIDDEN_IN_NAMES).search(name):
        raise forbidden_characters(member, name)
    unique = record.get("FullyQualifiedName", name) if entity not in PEOPLE else name
    holder = _holder(books, entity, str(unique), record.get("Id"))
    if holder is not None:
        raise duplicate_name(in_another_list=holder != entity)


def _holder(books: Books, entity: str, name: str, own_id: str | None) -> str | None:
    """The list in which another record has this name; people share one name space."""
    for kind in (entity, *PEOPLE) if entity in PEOPLE else (entity,):
        for taken in books.table(kind).find("name", name.casefold(), _name_key(kind)):
            if taken["Id"] != own_id:
                return kind
    return None


def _name_key(entity: str) -> Callable[[Record], str]:
    if entity in PEOPLE:
        return lambda record: str(record.get("DisplayName", "")).casefold()
    member = name_member(entity)
    return lambda record: str(record.get("FullyQualifiedName") or record.get(member)).casefold()
