"""Operation by operation: what the vendor computes of deals, quotes, orders and contracts. How rows
work: `pipelines.sandbox.coverage`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from pipelines.sandbox.coverage import REFUSED, Areas, Call, Operation

_ROOT = "/services/data/v{version}/"
_OBJECTS = _ROOT + "sobjects/"
_DEAL = {"Name": "Covered", "StageName": "Prospecting", "CloseDate": "2026-12-31"}
_STANDARD_BOOK = "SELECT Id FROM Pricebook2 WHERE IsStandard = true"
_BOOK = Call("GET", f"{_ROOT}query?q={quote_plus(_STANDARD_BOOK)}")
_PRODUCT = {"Name": "Covered", "IsActive": True, "CanUseRevenueSchedule": True}


def _create(name: str, given: dict[str, Any]) -> Call:
    return Call("POST", _OBJECTS + name, given)


# A product with a price (0 to 2), a deal with a line of it (3, 4).
_PRICED = (
    _BOOK,
    _create("Product2", _PRODUCT),
    _create("PricebookEntry", {"Pricebook2Id": "{0.records.0.Id}", "Product2Id": "{1.id}",
                               "UnitPrice": 10, "IsActive": True}),
)  # fmt: skip
_SOLD = (
    *_PRICED,
    _create("Opportunity", _DEAL),
    _create("OpportunityLineItem", {"OpportunityId": "{3.id}", "PricebookEntryId": "{2.id}",
                                    "Quantity": 2, "UnitPrice": 10}),
)  # fmt: skip
_SCHEDULES = _OBJECTS + "OpportunityLineItem/{4.id}/OpportunityLineItemSchedules"
_MONTHLY = {
    "type": "Revenue", "revenue": 12, "revenueScheduleType": "Divide",
    "revenueScheduleInstallmentPeriod": "Monthly", "revenueScheduleInstallmentsNumber": 12,
    "revenueScheduleStartDate": "2026-12-01",
}  # fmt: skip
_QUOTED = (
    *_PRICED,
    _create("Opportunity", _DEAL),
    _create("Quote", {"Name": "Covered", "OpportunityId": "{3.id}",
                      "Pricebook2Id": "{0.records.0.Id}"}),
    _create("QuoteLineItem", {"QuoteId": "{4.id}", "PricebookEntryId": "{2.id}", "Quantity": 2,
                              "UnitPrice": 10}),
)  # fmt: skip
_ORDER = {"AccountId": "{Account}", "EffectiveDate": "2026-12-01", "Status": "Draft",
          "Pricebook2Id": "{0.records.0.Id}"}  # fmt: skip
_ORDERED = (
    *_PRICED,
    _create("Order", _ORDER),
    _create("OrderItem", {"OrderId": "{3.id}", "PricebookEntryId": "{2.id}", "Quantity": 2,
                          "UnitPrice": 10}),
)  # fmt: skip
_CONTRACT = {"AccountId": "{Account}", "StartDate": "2026-12-01", "ContractTerm": 12}


def _history(name: str, rows: str) -> Operation:
    words = ("SELECT", "Id", "FROM", rows, "WHERE", "OpportunityId", "=", "'{3.id}'")
    path = f"{_ROOT}query?q={'+'.join(words)}"
    return Operation(name, "GET", path, before=_SOLD, says='"done":true,"records":[{')


OPERATIONS: Areas = {
    "What follows from a sale": (
        Operation("Amount of a deal from its lines", "GET", _OBJECTS + "Opportunity/{3.id}",
                  before=_SOLD, says='"Amount":20.00'),
        Operation("Establish a line's schedules", "PUT", _SCHEDULES, body=_MONTHLY, before=_SOLD,
                  says="2027-11-01",
                  note="Answers the rows; the vendor's guide does not show its answer. The line's "
                       "total and quantity are their sums."),
        Operation("A line's schedules", "GET", _SCHEDULES, before=_SOLD, says="records"),
        Operation("Take a line's schedules away", "DELETE", _SCHEDULES,
                  before=(*_SOLD, Call("PUT", _SCHEDULES, _MONTHLY))),
        Operation("Schedule a product does not allow", "POST",
                  _OBJECTS + "OpportunityLineItemSchedule", REFUSED, before=_SOLD,
                  body={"OpportunityLineItemId": "{4.id}", "Type": "Quantity", "Quantity": 1,
                        "ScheduleDate": "2026-12-01"}, says="FIELD_INTEGRITY_EXCEPTION"),
        _history("Rows of OpportunityHistory", "OpportunityHistory"),
        _history("Rows of OpportunityFieldHistory", "OpportunityFieldHistory"),
        Operation("Totals of a quote from its lines", "GET", _OBJECTS + "Quote/{4.id}",
                  before=_QUOTED, says='"GrandTotal":20.00'),
        Operation("Keep a deal in step with a quote", "PATCH", _OBJECTS + "Opportunity/{3.id}",
                  body={"SyncedQuoteId": "{4.id}"}, before=_QUOTED,
                  note="Lines of both follow each other from then on."),
        Operation("Total of an order from its products", "GET", _OBJECTS + "Order/{3.id}",
                  before=_ORDERED, says='"TotalAmount":20.00'),
        Operation("Activate an order", "PATCH", _OBJECTS + "Order/{3.id}",
                  body={"Status": "Activated"}, before=_ORDERED),
        Operation("Activate an order without products", "PATCH", _OBJECTS + "Order/{1.id}", REFUSED,
                  body={"Status": "Activated"}, before=(_BOOK, _create("Order", _ORDER)),
                  says="FAILED_ACTIVATION"),
        Operation("Add a product to an activated order", "POST", _OBJECTS + "OrderItem", REFUSED,
                  body={"OrderId": "{3.id}", "PricebookEntryId": "{2.id}", "Quantity": 1},
                  before=(*_ORDERED, Call("PATCH", _OBJECTS + "Order/{3.id}",
                                          {"Status": "Activated"})),
                  says="ENTITY_IS_LOCKED"),
        Operation("End of a contract from its term", "GET", _OBJECTS + "Contract/{0.id}",
                  before=(_create("Contract", _CONTRACT),), says='"EndDate":"2027-11-30"'),
    ),
}  # fmt: skip
