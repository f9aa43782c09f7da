"""POST /taxservice/taxcode: the only way to make tax codes; its answer has no envelope."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import duplicate_name, invalid_reference, missing
from pipelines.sandbox.quickbooks.values import Record, number_of, plain


def create_tax_code(books: Books, body: Any) -> Record:
    """Create a tax code with its rates.

    Raises:
        Refusal: 2020 a member missing, 6240 the name is taken, 2500 an unknown rate.
    """
    given = body if isinstance(body, dict) else {}
    name = str(given.get("TaxCode") or "")
    if not name:
        raise missing("TaxCode")
    if not given.get("TaxRateDetails"):
        raise missing("TaxRateDetails")
    if books.table("TaxCode").find("Name", name):
        raise duplicate_name()
    details = [_rate(books, detail) for detail in given["TaxRateDetails"]]
    code = _stored(books, "TaxCode", _tax_code(name, details))
    return {"TaxCode": name, "TaxCodeId": code["Id"], "TaxRateDetails": details}


def _rate(books: Books, detail: Record) -> Record:
    if detail.get("TaxRateId"):
        known = books.get("TaxRate", str(detail["TaxRateId"]))
        if known is None:
            raise invalid_reference("TaxRateDetails.TaxRateId")
        return {**detail, "TaxRateId": known["Id"], "TaxRateName": known["Name"]}
    for name in ("TaxRateName", "RateValue", "TaxAgencyId"):
        if detail.get(name) in (None, ""):
            raise missing(f"TaxRateDetails.{name}")
    value = plain(number_of(detail["RateValue"], "RateValue"))
    record = {
        "Name": str(detail["TaxRateName"]),
        "Description": str(detail["TaxRateName"]),
        "Active": True,
        "RateValue": value,
        "AgencyRef": {"value": str(detail["TaxAgencyId"])},
        "SpecialTaxType": "NONE",
    }
    rate = _stored(books, "TaxRate", record)
    agency = {"TaxAgencyId": str(detail["TaxAgencyId"])}
    return {**detail, **agency, "RateValue": value, "TaxRateId": rate["Id"]}


def _tax_code(name: str, details: list[Record]) -> Record:
    sides: dict[str, list[Record]] = {"Sales": [], "Purchase": []}
    for order, detail in enumerate(details):
        side = sides.get(str(detail.get("TaxApplicableOn", "Sales")), sides["Sales"])
        ref = {"value": detail["TaxRateId"], "name": detail.get("TaxRateName", "")}
        side.append({"TaxRateRef": ref, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": order})
    return {
        "Name": name,
        "Description": name,
        "Active": True,
        "Taxable": True,
        "TaxGroup": True,
        "SalesTaxRateList": {"TaxRateDetail": sides["Sales"]},
        "PurchaseTaxRateList": {"TaxRateDetail": sides["Purchase"]},
    }


def _stored(books: Books, entity: str, record: Record) -> Record:
    now = books.stamp()
    meta = {"CreateTime": now, "LastUpdatedTime": now}
    whole = {**record, "domain": "QBO", "sparse": False, "Id": books.next_id(entity)}
    return books.put(entity, {**whole, "SyncToken": "0", "MetaData": meta})
