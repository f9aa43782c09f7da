"""Standard objects that follow a deal: quotes, orders, contracts (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import address, currency_code, owner, viewed
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    link,
    moment,
    money,
    number,
    on_create,
    percent,
    pick,
    text,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.salesforce.standard_values import CONTRACT_STATES, ORDER_STATES

_QUOTE = ("Draft", "Needs Review", "In Review", "Approved", "Rejected", "Presented", "Accepted",
          "Denied")  # fmt: skip


def order_objects() -> Iterable[SObject]:
    """Quotes, orders, contracts."""
    yield define("Quote", "Quote", "Quotes", "0Q0", _quote())
    yield define("QuoteLineItem", "Quote Line Item", "Quote Line Items", "0QL", _quote_line())
    yield define("Order", "Order", "Orders", "801", _order())
    yield define("OrderItem", "Order Product", "Order Products", "802", _order_line())
    yield define("Contract", "Contract", "Contracts", "800", _contract())


def _quote() -> Iterable[Field]:
    yield owner()
    yield text("Name", "Quote Name", 255, nillable=False, name_field=True)
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="Quotes", cascade=True))  # fmt: skip
    yield on_create(link("Pricebook2Id", "Price Book ID", "Pricebook2", children="Quotes"))
    yield link("ContactId", "Contact ID", "Contact", children="Quotes")
    yield fixed(link("AccountId", "Account ID", "Account", children="Quotes"))
    yield fixed(text("QuoteNumber", "Quote Number", 30, nillable=False, defaulted=True,
                     counts="{00000000}"))  # fmt: skip
    yield fixed(flag("IsSyncing", "Syncing"))
    yield money("Tax", "Tax")
    yield money("ShippingHandling", "Shipping and Handling")
    yield pick("Status", "Status", _QUOTE, 255, "Draft")
    yield day("ExpirationDate", "Expiration Date")
    yield area("Description", "Description", 32000)
    yield fixed(money("Subtotal", "Subtotal"))
    yield fixed(percent("Discount", "Discount", 5, 2))
    yield fixed(money("TotalPrice", "Total Price"))
    yield fixed(money("GrandTotal", "Grand Total"))
    yield fixed(whole("LineItemCount", "Line Items", 8))
    yield text("BillingName", "Bill To Name", 255)
    yield from address("Billing")
    yield text("Email", "Email", 80, type="email")
    yield text("Phone", "Phone", 40, type="phone")
    yield from viewed()
    yield currency_code()


def _priced(parent: Field) -> Iterable[Field]:
    yield parent
    yield on_create(link("PricebookEntryId", "Price Book Entry ID", "PricebookEntry",
                         nillable=False))  # fmt: skip
    yield fixed(link("Product2Id", "Product ID", "Product2"))
    yield number("Quantity", "Quantity", 12, 2, nillable=False)
    yield money("UnitPrice", "Sales Price", 8)
    yield fixed(money("ListPrice", "List Price", 8))
    yield fixed(money("TotalPrice", "Total Price"))
    yield day("ServiceDate", "Date")
    yield text("Description", "Line Item Description", 255)
    yield fixed(currency_code())


def _quote_line() -> Iterable[Field]:
    yield fixed(text("LineNumber", "Line Item Number", 30, nillable=False, defaulted=True,
                     name_field=True, counts="{00000000}"))  # fmt: skip
    yield from _priced(on_create(link("QuoteId", "Quote ID", "Quote", nillable=False, cascade=True,
                                      children="QuoteLineItems")))  # fmt: skip
    yield percent("Discount", "Discount", 5, 2)
    yield fixed(money("Subtotal", "Subtotal"))
    yield whole("SortOrder", "Sort Order", 9)
    yield on_create(link("OpportunityLineItemId", "Opportunity Product ID", "OpportunityLineItem",
                         children="QuoteLineItems"))  # fmt: skip


def _order() -> Iterable[Field]:
    yield owner("Group", "User")
    yield link("ContractId", "Contract ID", "Contract", children="Orders")
    yield link("AccountId", "Account ID", "Account", children="Orders")
    yield link("Pricebook2Id", "Price Book ID", "Pricebook2")
    yield link("OpportunityId", "Opportunity ID", "Opportunity", children="Orders")
    yield day("EffectiveDate", "Order Start Date", nillable=False)
    yield day("EndDate", "Order End Date")
    yield pick("Status", "Status", ORDER_STATES, 255, nillable=False)
    yield area("Description", "Description", 32000)
    yield text("Name", "Order Name", 80)
    yield day("PoDate", "PO Date")
    yield text("PoNumber", "PO Number", 80)
    yield pick("Type", "Order Type", ())
    yield from address("Billing")
    yield from address("Shipping")
    yield fixed(moment("ActivatedDate", "Activated Date"))
    yield fixed(link("ActivatedById", "Activated By ID", "User", relationship="ActivatedBy"))
    yield fixed(pick("StatusCode", "Status Category", ("Draft", "Activated", "Canceled", "Expired"),
                     40, "Draft", nillable=False))  # fmt: skip
    yield fixed(text("OrderNumber", "Order Number", 30, nillable=False, defaulted=True,
                     name_field=True, id_lookup=True, counts="{00000000}"))  # fmt: skip
    yield fixed(money("TotalAmount", "Order Amount", nillable=False))
    yield from viewed(activity=False)
    yield currency_code()


def _order_line() -> Iterable[Field]:
    yield from _priced(on_create(link("OrderId", "Order ID", "Order", nillable=False, cascade=True,
                                      children="OrderItems")))  # fmt: skip
    yield day("EndDate", "End Date")
    yield fixed(number("AvailableQuantity", "Available Quantity", 12, 2))
    yield fixed(text("OrderItemNumber", "Order Product Number", 30, nillable=False, defaulted=True,
                     name_field=True, id_lookup=True, counts="{0000000000}"))  # fmt: skip


def _contract() -> Iterable[Field]:
    yield link("AccountId", "Account ID", "Account", nillable=False, children="Contracts",
               restricts=True)  # fmt: skip
    yield link("Pricebook2Id", "Price Book ID", "Pricebook2")
    yield pick("OwnerExpirationNotice", "Owner Expiration Notice",
               ("15", "30", "45", "60", "90", "120"), 40)  # fmt: skip
    yield day("StartDate", "Contract Start Date")
    yield fixed(day("EndDate", "Contract End Date"))
    yield from address("Billing")
    yield whole("ContractTerm", "Contract Term", 9)
    yield owner()
    yield pick("Status", "Status", CONTRACT_STATES, 255, "Draft", nillable=False)
    yield link("CustomerSignedId", "Customer Signed ID", "Contact", children="ContractsSigned",
               restricts=True)  # fmt: skip
    yield day("CustomerSignedDate", "Customer Signed Date")
    yield text("SpecialTerms", "Special Terms", 4000, type="textarea")
    yield fixed(link("ActivatedById", "Activated By ID", "User", relationship="ActivatedBy"))
    yield fixed(moment("ActivatedDate", "Activated Date"))
    yield fixed(pick("StatusCode", "Status Category", ("Draft", "InApproval", "Activated"), 40,
                     "Draft", nillable=False))  # fmt: skip
    yield area("Description", "Description", 32000)
    yield fixed(text("ContractNumber", "Contract Number", 30, nillable=False, defaulted=True,
                     name_field=True, id_lookup=True, counts="{00000000}"))  # fmt: skip
    yield from viewed()
    yield currency_code()
