"""What the columns of the extracted tables mean, for their pages in Dagster.

Our own columns are the same in every table of a system. Fields that `crossfoot setup salesforce`
makes are described where they are asked for; of the vendor's own fields those that the models
judge by are described here, and the others are the vendor's matter.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from pipelines.extract.salesforce import table_name
from reverse_etl.furnishing.wanted import FIELDS

_OURS = {
    "loaded_at": "When the load began that brought this version.",
    "asked_at": "The vendor's clock when it was asked.",
    "deleted_at": "Since when the record is gone, by the vendor's clock.",
    "proof": "How it is known: told by the vendor, or not found when everything was looked through "
    "and by its id.",
}
_SALESFORCE = {
    **_OURS,
    "org_id": "The Salesforce org.",
    "id": "The record's id in that org.",
    "object": "The object of the record that is gone.",
    "is_deleted": "Whether it is in the recycle bin.",
    "system_modstamp": "When it changed last, by the org's clock; what is new is found by it.",
    "created_date": "When it was made, by the org's clock.",
    "currency_iso_code": "The currency of its amounts.",
    "account_id": "The account that it belongs to.",
    "opportunity_id": "The deal that it belongs to.",
    "owner_id": "The user who owns it.",
    "amount": "In the record's currency, to the digit.",
    "stage_name": "The stage; what each one means for billing stands in the seed `stages`.",
    "close_date": "The day on which it is, or was, to be closed.",
    "is_won": "Whether its stage counts as won.",
    "is_closed": "Whether its stage counts as closed.",
    "quantity": "How many; a negative one takes back.",
    "unit_price": "The price of one, before the discount.",
    "total_price": "Quantity times price less the discount.",
    "product2_id": "The product that is sold.",
    "pricebook_entry_id": "The product in a price book and currency.",
}
_QUICKBOOKS = {
    **_OURS,
    "company_id": "The QuickBooks company.",
    "id": "The record's id in that company.",
    "entity": "The entity of the record that is gone.",
    "sync_token": "The version; a balance may change without a new one.",
    "created_at": "When it was made, by the company's clock.",
    "last_updated_at": "When it changed last, by the company's clock.",
    "payload": "The record as the API gave it, every digit of it, as JSON.",
    "extracted_at": "The company's clock when it was read.",
    "as_of_date": "The day that the report is of.",
    "customer_id": "The customer.",
    "customer_name": "The customer's name, as the report has it.",
    "current_amount": "What is not yet due, in home currency.",
    "days_1_to_30": "What is overdue by so many days, in home currency.",
    "days_31_to_60": "What is overdue by so many days, in home currency.",
    "days_61_to_90": "What is overdue by so many days, in home currency.",
    "days_91_and_over": "What is overdue by more than 90 days, in home currency.",
    "total": "All that the customer owes, in home currency.",
    "currency_code": "The currency of the amounts.",
    "amount": "The invoice's amount, in its currency.",
    "invoice_id": "The invoice.",
    "invoice_date": "The invoice's day.",
    "document_number": "The number that people see.",
    "from_date": "The first day of the list.",
    "to_date": "The last day of the list.",
}
_COMMON: Mapping[str, Mapping[str, str]] = {
    "raw_salesforce": _SALESFORCE,
    "raw_quickbooks": _QUICKBOOKS,
}
_MADE = {
    (table_name(field.object_name), table_name(field.name)): str(field.metadata["description"])
    for field in FIELDS
}


def described(dataset: str, table: str, schema: dg.TableSchema) -> dg.TableSchema:
    """The columns of one table, with what they mean where that is known."""
    columns = [
        dg.TableColumn(column.name, column.type, told or None, column.constraints, column.tags)
        for column in schema.columns
        for told in [column.description or description(dataset, table, column.name)]
    ]
    return dg.TableSchema(columns, schema.constraints)


def description(dataset: str, table: str, column: str) -> str:
    """What a column means; nothing where that is the vendor's own matter."""
    made = _MADE.get((table, column), "") if dataset == "raw_salesforce" else ""
    return made or _COMMON[dataset].get(column, "")
