"""Records of every flow at once, and what the vendors' own journal says was written of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from small_company import NAMED_BOOK, ORG, US, SmallCompany, account_id, deal_id, rows
from writing import (
    account_status_row,
    customer_row,
    deal_status_row,
    estimate_row,
    invoice_row,
    overdue_row,
    price_row,
    product_id,
    product_row,
    reminder_row,
)

Rows = dict[str, list[dict[str, Any]]]
# What a record is made under: company or org, kind of record, the member that tells it, its value.
Place = tuple[str, str, str, str]


def everything(company: SmallCompany, first: int) -> Rows:
    """Of deals `first` and the next: a new customer with its invoice, a correction of another and
    an invoice for that one, an item, a price changed and one made, an estimate, what both deals and
    accounts are to look like, a task and a mail."""
    key = f"customers:{US}:{account_id(first)}:0:g1"
    named = price_row(
        first, action="create", pricebook_entry_id=None, current_unit_price=None,
        pricebook_id=NAMED_BOOK, record_id=f"{product_id(first)}{NAMED_BOOK}USD",
    )  # fmt: skip
    return rows(
        customers=[customer_row(first), _corrected(first + 1)],
        products=[product_row(first, income_account_id=income_account(company))],
        prices=[price_row(first), named],
        invoices=[
            invoice_row(first, customer_id=None, customer_change_key=key),
            invoice_row(first + 1),
        ],
        deals=[deal_status_row(n) for n in (first, first + 1)],
        accounts=[account_status_row(n) for n in (first, first + 1)],
        estimates=[estimate_row(first)],
        overdue=[overdue_row(first), reminder_row(first)],
    )


def _corrected(number: int) -> dict[str, Any]:
    """A customer that is there, with another e-mail address in Salesforce."""
    empty = ("company_name", "phone", "billing_line1", "billing_city", "billing_state",
             "billing_postal_code", "billing_country")  # fmt: skip
    return customer_row(
        number, action="update", customer_id=str(100 + number), sync_token=0,
        current_email=f"old{100 + number}@example.com", **dict.fromkeys(empty),
    )  # fmt: skip


def income_account(company: SmallCompany) -> str:
    table = company.sandbox.kernel.store.table(US, "Account")
    return next(str(a["Id"]) for a in table if a["AccountType"] == "Income")


def places(first: int) -> Mapping[str, Place]:
    """What is to be made of `everything(first)`, by change key."""
    account, estimate = account_id(first), estimate_row(first)
    task, mail = overdue_row(first), reminder_row(first)
    named = f"{product_id(first)}{NAMED_BOOK}USD"
    about = f"overdue:{ORG}:{US}-{task['invoice_id']}"
    return {
        f"customers:{US}:{account}:0:g1": (US, "Customer", "Notes", f"Crossfoot {account}/g1"),
        f"products:{US}:{product_id(first)}:0:g1": (US, "Item", "Sku", f"P-{first}"),
        f"prices:{ORG}:{named}:0:g1": (ORG, "PricebookEntry", "Product2Id", product_id(first)),
        f"estimates:{ORG}:{US}-{estimate['estimate_id']}:0:g1": (
            ORG, "Opportunity", "QBO_Estimate_Id__c", estimate["estimate_key"],
        ),
        f"{about}:0:g1": (ORG, "Task", "Subject", task["subject"]),
        f"{about}:2:g1": (ORG, "EmailMessage", "Subject", mail["subject"]),
        **{
            f"invoices:{US}:{deal_id(n)}:1:g1": (
                US, "Invoice", "PrivateNote", f"Crossfoot {deal_id(n)}/1/g1",
            )
            for n in (first, first + 1)
        },
    }  # fmt: skip


def made(company: SmallCompany, first: int, since: int) -> Counter[str]:
    """How often the journal says that each of `places` was made since its entry of that number."""
    of = {place: key for key, place in places(first).items()}
    found: Counter[str] = Counter()
    for entity, record_id, operation in written(company, since):
        for place in of if operation == "create" else ():
            realm, kind, member, value = place
            if kind == entity and _text(company, realm, entity, record_id, member) == value:
                found[of[place]] += 1
    return found


def _text(company: SmallCompany, realm: str, entity: str, record_id: str, member: str) -> str:
    """The first line of a member, as it was before the document was voided."""
    record = company.sandbox.kernel.store.table(realm, entity).get(record_id) or {}
    return str(record.get(member) or "").removeprefix("Voided - ").partition("\n")[0]


def written(company: SmallCompany, since: int) -> Iterator[tuple[str, str, str]]:
    """Kind, id and operation of every write in the journal from its entry of that number on."""
    for call in company.sandbox.kernel.journal.entries(since - 1, None):
        for one in call.writes:
            yield one.entity, one.id, one.operation


def tally(company: SmallCompany, since: int) -> Counter[tuple[str, str]]:
    """How many writes of each kind and operation; of what may be repeated, each record once. What
    Salesforce writes down by itself about fields that change is left out."""
    ours = [w for w in written(company, since) if not w[0].endswith("History")]
    once = {w for w in ours if w[2] == "update"}
    each = [w for w in ours if w[2] != "update"]
    return Counter((entity, operation) for entity, _, operation in (*once, *each))
