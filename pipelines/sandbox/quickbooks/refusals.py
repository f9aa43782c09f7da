"""What QuickBooks Online says no with: codes, sentences and the two shapes of a fault body.

The codes are the vendor's own (Intuit, "Error codes" of the Accounting API); sentences marked
*recorded* repeat an answer of the real service word for word.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pipelines.sandbox import json_words

INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)
LISTED_PROPERTIES = 60


class Refusal(Exception):
    """One error of a Fault.

    Args:
        code: the vendor's number, as text.
        message: the general sentence of that code.
        detail: what is wrong this time.
        element: the member at fault; "" is written as such, None is left out.
        status: HTTP status of the whole answer.
        kind: the Fault's type.
    """

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        element: str | None = None,
        status: int = 400,
        kind: str = "ValidationFault",
    ) -> None:
        super().__init__(f"{code} {message}: {detail}")
        self.code = code
        self.message = message
        self.detail = detail
        self.element = element
        self.status = status
        self.kind = kind

    def fault(self) -> dict[str, Any]:
        """The Fault member of an answer."""
        error: dict[str, Any] = {
            "Message": self.message,
            "Detail": self.detail,
            "code": self.code,
        }
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}


class GatewayRefusal(Exception):
    """A refusal of the gateway in front of the books: lower case, null members, epoch time."""

    def __init__(self, status: int, message: str, detail: str | None, code: str, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "detail": detail, "code": code, "element": None}
        self.kind = kind

    def body(self, epoch_milliseconds: int) -> dict[str, Any]:
        """The whole answer (recorded for 401)."""
        return {
            "warnings": None,
            "intuitObject": None,
            "fault": {"error": [self.error], "type": self.kind},
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": epoch_milliseconds,
            "status": None,
            "cdcresponse": [],
        }


def token_refused(detail: str = "Token expired") -> GatewayRefusal:
    """401 / 3200 (recorded)."""
    return GatewayRefusal(
        401,
        "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        detail,
        "3200",
        "AUTHENTICATION",
    )


def wrong_company() -> GatewayRefusal:
    """403 / 3100: a good token, but not for this company."""
    return GatewayRefusal(
        403,
        "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
        "Application is not authorized to access this company",
        "3100",
        "SERVICE",
    )


def throttled() -> GatewayRefusal:
    """429 / 3001."""
    return GatewayRefusal(
        429,
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "The request limit was reached.  Try again later",
        "3001",
        "SERVICE",
    )


def unsupported(what: str) -> Refusal:
    """500: unknown path, entity or operation (recorded; HTTP 400)."""
    return Refusal("500", "Unsupported Operation", f"Operation {what} is not supported.")


def not_found() -> Refusal:
    """610: never there, or deleted (recorded)."""
    return Refusal("610", "Object Not Found", f"Object Not Found : {INACTIVE}", "")


def cannot_link(transaction_id: str) -> Refusal:
    """620: a transaction named in a link cannot be linked."""
    return Refusal(
        "620",
        "Txn ID Cannot Be Linked",
        f"Transaction ID : {transaction_id} cannot be linked.",
        "Line.LinkedTxn.TxnId",
    )


def unknown_member(name: str, owner: str, known: Iterable[str]) -> Refusal:
    """2010: a member the schema does not know (recorded)."""
    names = list(known)
    listing = ", ".join(f'"{n}"' for n in names[:LISTED_PROPERTIES])
    tail = " [truncated]" if len(names) > LISTED_PROPERTIES else ""
    return invalid_property(
        f'Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{owner}), not marked as '
        f"ignorable ({len(names)} known properties: {listing}{tail}])\n"
    )


def invalid_property(what: str) -> Refusal:
    """2010: a body that does not fit the schema."""
    return Refusal(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{what} specified is unsupported or invalid",
    )


def no_json(error: ValueError) -> Refusal:
    """2010: a body that is no JSON, with the words of the vendor's parser."""
    told = json_words.complaint(error)
    place = f"line: {told.line}, column: {told.column}"
    return invalid_property(f"{told.words}\n at [Source: java.io.StringReader@5e2a4d1; {place}]")


def missing(name: str) -> Refusal:
    """2020 (recorded)."""
    return Refusal(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name} is missing in the request",
        name,
    )


def invalid_id(value: str) -> Refusal:
    """2030 (recorded; this one carries no time)."""
    return Refusal(
        "2030", "Invalid ID", f"Id should be a valid number. Supplied value:{value}", "Id"
    )


def forbidden_characters(name: str, value: str) -> Refusal:
    """2040: a character that this member may not hold."""
    return Refusal("2040", "Invalid String", f"Element contains invalid characters : {value}", name)


def wrong_length(name: str, least: int, most: int, given: int) -> Refusal:
    """2050: text too short or too long."""
    return Refusal(
        "2050",
        "Invalid String length",
        "String length is either shorter or longer than supported by specification : "
        f"Min:{least} Max:{most} supplied:{given}",
        name,
    )


def invalid_date(name: str, value: object) -> Refusal:
    """2070: not a calendar date."""
    return Refusal("2070", "Invalid Date", f"Invalid date. Supplied value:{value}", name)


def invalid_number(name: str, value: object) -> Refusal:
    """2090: not a number, or one the member cannot hold."""
    return Refusal("2090", "Invalid Number", f"Invalid Number : {value}", name)


def invalid_enumeration(name: str, value: object) -> Refusal:
    """2170: a word that is not one of the allowed ones."""
    return Refusal("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", name)


def invalid_email(name: str, value: str) -> Refusal:
    """2210: no @ or no dot in an address."""
    return Refusal(
        "2210",
        "Invalid Email Address format",
        f"Email Address does not conform to the RFC 822 syntax rules. Supplied value:{value}",
        name,
    )


def invalid_reference(path: str) -> Refusal:
    """2500: the record referred to does not exist."""
    return Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {path}", path)


def inactive_reference(path: str) -> Refusal:
    """2500: the record referred to has been made inactive."""
    return Refusal("2500", "Invalid Reference Id", f"Invalid Reference Id : {INACTIVE}", path)


def category_reference(path: str) -> Refusal:
    """2500: a category is not a product."""
    return Refusal(
        "2500",
        "Invalid Reference Id",
        "Invalid Reference Id : Categories cannot be used in transactions",
        path,
    )


def invalid_custom_field(definition: str) -> Refusal:
    """3000: the company has no such custom field on its sales forms."""
    return Refusal(
        "3000", "Invalid custom field", f"Invalid custom field : DefinitionId={definition}", ""
    )


def query_unparsable(detail: str) -> Refusal:
    """4000: the statement does not follow the grammar (form recorded)."""
    return Refusal("4000", "Error parsing query", f"QueryParserError: {detail}")


def query_invalid(detail: str) -> Refusal:
    """4001: the statement asks for what cannot be asked (form recorded)."""
    return Refusal("4001", "Invalid query", f"QueryValidationError: {detail}")


def stale() -> Refusal:
    """5010 (recorded)."""
    return Refusal(
        "5010",
        "Stale Object Error",
        "Stale Object Error : You and Jane Doe were working on this at the same time. "
        "Jane Doe finished before you did, so your work was not saved.",
        "",
    )


def business(sentence: str, element: str = "") -> Refusal:
    """6000: a rule of the books."""
    return Refusal(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {sentence}",
        element,
    )


def wrong_product(amount: Decimal) -> Refusal:
    """6070: Amount is not UnitPrice times Qty (recorded, grouping comma included)."""
    return Refusal(
        "6070",
        "Amount calculation incorrect in the request",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount:,}",
    )


def no_name() -> Refusal:
    """6080: a name record without any name."""
    return Refusal(
        "6080",
        "No name provided",
        "At least one of the following fields must be provided: "
        "Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix",
    )


def discount_without_value() -> Refusal:
    """6090: neither a percent nor an amount."""
    return Refusal(
        "6090",
        "Discount Line missing required info",
        "Discount amount or percent should be provided.",
        "Line.DiscountLineDetail",
    )


def wrong_us_tax_code(value: str) -> Refusal:
    """6100: a line of a US company is TAX or NON."""
    return Refusal(
        "6100",
        "Invalid Line TaxCode in the request",
        f"Valid Line TaxCodes for US should be TAX or NON. Supplied value:{value}",
        "Line.SalesItemLineDetail.TaxCodeRef",
    )


def duplicate_number(number: str, entity: str, record_id: str) -> Refusal:
    """6140: the document number is taken."""
    return Refusal(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has "
        f"already been used. DocNumber={number} is assigned to TxnType={entity} with "
        f"TxnId={record_id}",
        "",
    )


def parent_required() -> Refusal:
    """6150: a sub-record without its parent."""
    return Refusal(
        "6150", "ParentRef Required", "ParentRef is required if Job or SubItem is true", "ParentRef"
    )


def nested_too_deep() -> Refusal:
    """6180: more levels than the list allows."""
    return Refusal("6180", "Sub Level Limit", "You can nest up to 5 levels.", "ParentRef")


def period_closed() -> Refusal:
    """6210: the books are closed up to a later day (the doubled word is the vendor's)."""
    return Refusal(
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through through "
        "the QBO Services API. Please use the QBO website to make these changes.",
        "",
    )


def duplicate_name(in_another_list: bool = False) -> Refusal:
    """6240: `null` where the same list holds the name (recorded), else the vendor's sentence with
    its line break (Intuit, "Batch", sample response)."""
    detail = (
        "Another customer, vendor or employee is already using this \nname. "
        "Please use a different name."
        if in_another_list
        else "null"
    )
    return Refusal(
        "6240", "Duplicate Name Exists Error", f"The name supplied already exists. : {detail}"
    )


def wrong_account_type(element: str) -> Refusal:
    """6430: an account of a type that does not fit here."""
    return Refusal(
        "6430",
        "Invalid account type",
        "Invalid account type: You need to select a different type of account for this.",
        element,
    )
