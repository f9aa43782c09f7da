"""The fields, the permission set and the rights that the flows need in an org, as data.

Field types are those of the Tooling API's CustomField (Metadata API guide, "CustomField"). The
rights are the least that the reading and the flows use; a permission set adds to what a user has
and takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

PERMISSION_SET = "Crossfoot"
# How a field says whose it is: only fields that say so are ever taken away again.
MADE_BY = "Kept by Crossfoot."
STATUSES = ("Open", "Partially Paid", "Paid", "Overdue", "Written Off", "Voided")
BILLING_PLANS = ("On close", "Deposit 30/70", "Three milestones", "Monthly 12")
Right = Literal["Create", "Read", "Edit", "ViewAllRecords"]


@dataclass(frozen=True)
class WantedField:
    """One custom field. `is_told` says that people fill it for Crossfoot to read; the others are
    written by a flow."""

    object_name: str
    name: str
    metadata: Mapping[str, Any]
    is_told: bool = False

    @property
    def full_name(self) -> str:
        """Such as Account.QBO_Open_Balance__c."""
        return f"{self.object_name}.{self.name}"


@dataclass(frozen=True)
class WantedObject:
    """A custom object of our own, with what a record's name is called there."""

    name: str
    label: str
    plural: str
    name_label: str
    description: str


@dataclass(frozen=True)
class WantedRight:
    """What the integration user may do with one object."""

    object_name: str
    rights: tuple[Right, ...]


def _field(place: str, kind: str, label: str, says: str, **more: Any) -> WantedField:
    owner, _, name = place.partition(".")
    described = {"type": kind, "label": label, "description": f"{says} {MADE_BY}"}
    return WantedField(owner, name, {**described, **more})


def _key(place: str, label: str, says: str, *, unique: bool) -> WantedField:
    sorts = {"externalId": True, "unique": unique, "caseSensitive": False, "length": 80}
    return _field(place, "Text", label, says, **sorts)


def _text(place: str, label: str, says: str, length: int) -> WantedField:
    return _field(place, "Text", label, says, length=length)


def _money(place: str, label: str, says: str) -> WantedField:
    return _field(place, "Currency", label, says, precision=18, scale=2)


def _day(place: str, label: str, says: str) -> WantedField:
    return _field(place, "Date", label, says)


def _tick(place: str, label: str, says: str) -> WantedField:
    return _field(place, "Checkbox", label, says, defaultValue=False)


def _choice(place: str, label: str, says: str, values: tuple[str, ...]) -> WantedField:
    listed = [{"valueName": value, "label": value, "default": False} for value in values]
    definition = {"sorted": False, "value": listed}
    return _field(
        place, "Picklist", label, says,
        valueSet={"restricted": True, "valueSetDefinition": definition},
    )  # fmt: skip


def _number(place: str, label: str, says: str) -> WantedField:
    return _field(place, "Number", label, says, precision=18, scale=2)


def _link(place: str, label: str, says: str, to: str) -> WantedField:
    return _field(
        place, "Lookup", label, says, referenceTo=to, relationshipName="QBO_Invoices",
        deleteConstraint="SetNull",
    )  # fmt: skip


def _told(field: WantedField) -> WantedField:
    return WantedField(field.object_name, field.name, field.metadata, is_told=True)


FIELDS: tuple[WantedField, ...] = (
    _key("Account.QBO_Customer_Id__c", "QuickBooks customer",
         "The linked customer as company:customer.", unique=True),
    _money("Account.QBO_Open_Balance__c", "QuickBooks open balance", "What the customer owes."),
    _money("Account.QBO_Overdue_Balance__c", "QuickBooks overdue balance",
           "What of it is past its due date."),
    _money("Account.QBO_Open_Credit__c", "QuickBooks open credit",
           "What is left of credit memos and payments, not taken off the balance."),
    _day("Account.QBO_Oldest_Due_Date__c", "Oldest due date", "Of the open invoices."),
    _day("Account.QBO_Last_Payment_Date__c", "Last payment", "The day of the newest payment."),
    _tick("Account.QBO_Overdue__c", "Overdue invoices", "While one of its invoices is chased."),
    _key("Opportunity.QBO_Invoice_Id__c", "QuickBooks invoice",
         "The latest invoice as company:invoice.", unique=False),
    _text("Opportunity.QBO_Invoice_Number__c", "Invoice number", "As the customer sees it.", 40),
    _choice("Opportunity.QBO_Invoice_Status__c", "Invoice status", "What became of it.", STATUSES),
    _money("Opportunity.QBO_Amount_Paid__c", "Amount paid", "Of all its invoices."),
    _money("Opportunity.QBO_Amount_Due__c", "Amount due", "Of all its invoices."),
    _day("Opportunity.QBO_Due_Date__c", "Invoice due date", "Of what is due first."),
    _day("Opportunity.QBO_Paid_Date__c", "Paid on", "When all was paid."),
    _key("Opportunity.QBO_Estimate_Id__c", "QuickBooks estimate",
         "The estimate it was made of, as company:estimate.", unique=True),
    _text("Opportunity.QBO_Estimate_Version__c", "Estimate as written",
          "What was written of the estimate last.", 80),
    _told(_choice("Opportunity.Billing_Plan__c", "Billing plan", "How the deal is billed.",
                  BILLING_PLANS)),
    _told(_text("Opportunity.PO_Number__c", "Purchase order number",
                "The customer's, for the invoice.", 40)),
    _told(_tick("Contact.Billing_Contact__c", "Billing contact", "Who gets the invoices.")),
)  # fmt: skip

INVOICE_FIELDS: tuple[WantedField, ...] = (
    _key("QBO_Invoice__c.QBO_Key__c", "QuickBooks invoice",
         "The invoice as company:invoice.", unique=True),
    _day("QBO_Invoice__c.QBO_Invoice_Date__c", "Invoice date", "As it stands on the invoice."),
    _day("QBO_Invoice__c.QBO_Due_Date__c", "Due date", "As it stands on the invoice."),
    _number("QBO_Invoice__c.QBO_Total__c", "Total", "Gross, in the invoice's currency."),
    _number("QBO_Invoice__c.QBO_Balance__c", "Balance", "What is open, in that currency."),
    _text("QBO_Invoice__c.QBO_Currency__c", "Currency", "Of total and balance.", 3),
    _choice("QBO_Invoice__c.QBO_Status__c", "Status", "What became of it.", STATUSES),
    _day("QBO_Invoice__c.QBO_Last_Payment_Date__c", "Last payment", "The newest one on it."),
    _link("QBO_Invoice__c.QBO_Deal__c", "Opportunity", "The deal that it bills.", "Opportunity"),
    _link("QBO_Invoice__c.QBO_Account__c", "Account", "Who it is billed to.", "Account"),
)  # fmt: skip
OBJECTS: Mapping[str, WantedObject] = {
    "QBO_Invoice__c": WantedObject(
        "QBO_Invoice__c", "QuickBooks Invoice", "QuickBooks Invoices", "Invoice number",
        f"What QuickBooks says of each invoice. {MADE_BY}",
    )
}  # fmt: skip

RIGHTS: tuple[WantedRight, ...] = (
    WantedRight("Account", ("Read", "Edit", "ViewAllRecords")),
    WantedRight("Contact", ("Read", "ViewAllRecords")),
    WantedRight("Opportunity", ("Create", "Read", "Edit", "ViewAllRecords")),
    WantedRight("Product2", ("Read",)),
    WantedRight("Pricebook2", ("Read", "Edit")),
)
INVOICE_RIGHTS = (WantedRight("QBO_Invoice__c", ("Create", "Read", "Edit", "ViewAllRecords")),)
# Rights that belong to no object (Object Reference, "PermissionSet").
SYSTEM_RIGHTS: Mapping[str, bool] = {"PermissionsApiEnabled": True, "PermissionsEditTask": True}


def wanted_fields(*, told: bool, invoices: bool = False) -> tuple[WantedField, ...]:
    """The fields that the flows write; with `told` also those that people fill, with `invoices`
    those of the object that has a record of each invoice."""
    own = INVOICE_FIELDS if invoices else ()
    return (*(field for field in FIELDS if told or not field.is_told), *own)


def wanted_objects(wanted: Iterable[WantedField]) -> tuple[WantedObject, ...]:
    """The objects of our own that these fields are on."""
    names = {one.object_name for one in wanted}
    return tuple(one for one in OBJECTS.values() if one.name in names)


def wanted_rights(wanted: Iterable[WantedField]) -> tuple[WantedRight, ...]:
    """What the integration user may do with objects, those of our own that are wanted too."""
    own = {one.name for one in wanted_objects(wanted)}
    return (*RIGHTS, *(right for right in INVOICE_RIGHTS if right.object_name in own))
