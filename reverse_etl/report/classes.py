"""What each mismatch class is called and means, in one sentence for the reader of the report."""

from __future__ import annotations

from reverse_etl.report.words import label

_CLASSES = {
    "NOT_CONCLUDED": (
        "Not concluded",
        "A source is stale or partial, or its row count differs from what the system reports.",
    ),
    "EXCLUDED": ("Outside scope", "Left out by a named rule, and listed so that it is not lost."),
    "DUPLICATE_INVOICE": (
        "Duplicate invoices",
        "Two live invoices bill the same deal and step and together exceed it.",
    ),
    "WRONG_ENTITY": (
        "Billed by the wrong company",
        "The invoice is in another company than the routing rule gives.",
    ),
    "WRONG_CUSTOMER": (
        "Billed to the wrong customer",
        "The document names the deal, but its customer is not linked to the deal’s account.",
    ),
    "CURRENCY_MISMATCH": (
        "Billed in the wrong currency",
        "The currency of the invoice is not the currency of the deal.",
    ),
    "FX_ANOMALY": (
        "Odd exchange rates",
        "A foreign invoice has rate 1, or a rate far from the reference.",
    ),
    "REOPENED_OR_LOST": (
        "Reopened or lost after billing",
        "The deal is no longer won, and nothing offsets its invoice.",
    ),
    "VOIDED_AFTER_BILLING": (
        "Voided after billing",
        "The invoice was voided or deleted, and nothing replaces it.",
    ),
    "CREDITED_AFTER_BILLING": (
        "Credited after billing",
        "A credit took back part of what was billed, and the deal was not amended.",
    ),
    "UNBILLED_CLOSED_WON": (
        "Won and not billed",
        "Won, due and past the days of grace, and there is no invoice.",
    ),
    "UNDER_BILLED": ("Under-billed", "Invoiced for less than the deal’s step."),
    "OVER_BILLED": ("Over-billed", "Invoiced for more than the deal’s step, and not a duplicate."),
    "WRONG_PRODUCT": (
        "Wrong product",
        "The totals agree, but a line’s item is not the one that the product is mapped to.",
    ),
    "WRONG_PRICE_OR_DISCOUNT": (
        "Wrong price or discount",
        "The same item was billed at another unit price or discount.",
    ),
    "ORPHAN_INVOICE": (
        "Invoices without a deal",
        "A live invoice of a known customer belongs to no deal.",
    ),
    "CUT_OFF": (
        "Billed in another period",
        "The invoice’s date lies in another accounting period than the plan’s date.",
    ),
    "LATE_BILLED": ("Billed late", "The invoice came later than the service level allows."),
    "DEAL_CHANGED_AFTER_INVOICE": (
        "Deal changed after billing",
        "The deal is worth something else than when it was billed.",
    ),
    "INVOICE_EDITED_AFTER_PUSH": (
        "Invoice edited after it was sent",
        "The invoice is not what was written.",
    ),
    "HEADER_LINE_MISMATCH": (
        "Deal amount and lines disagree",
        "The amount of the deal is not the sum of its lines.",
    ),
    "TERMS_OR_DUE_DATE": (
        "Wrong terms or due date",
        "The due date does not follow from the terms.",
    ),
    "TAX_DIFFERENCE": ("Tax differs", "The net amounts agree, the tax does not."),
    "SHIPPING_OR_ROUNDING": (
        "Shipping and rounding",
        "A residue that shipping or rounding explains; totalled for information.",
    ),
    "UNAPPLIED_PAYMENT": (
        "Unapplied payments",
        "A payment is not fully applied while the customer has open invoices.",
    ),
    "UNAPPLIED_CREDIT": (
        "Unapplied credits",
        "A credit is not fully applied while the customer has open invoices.",
    ),
    "STATUS_DRIFT": (
        "Status out of step",
        "Salesforce shows another invoice status than QuickBooks has.",
    ),
    "AMBIGUOUS_MATCH": (
        "Ambiguous matches",
        "Several candidates fit equally well; a person has to choose.",
    ),
    "LOW_CONFIDENCE_MATCH": (
        "Low-confidence matches",
        "Linked below the threshold, and not yet confirmed by a person.",
    ),
    "CHANGED_AFTER_SIGNOFF": (
        "Changed after sign-off",
        "An input of a signed period changed afterwards.",
    ),
}


def title(code: str) -> str:
    """The class as a heading; a class that is new here shows its own code as words."""
    return _CLASSES.get(code, (label(code), ""))[0]


def meaning(code: str) -> str:
    """The class in one sentence, or nothing for a class that is new here."""
    return _CLASSES.get(code, ("", ""))[1]


def sides(code: str) -> tuple[str, str]:
    """What the two amounts of a mismatch are: usually what is expected and what is there."""
    return _SIDES.get(code, ("Expected", "Actual"))


def is_compared(code: str) -> bool:
    """Are the two amounts of a mismatch the same thing seen from two sides?"""
    return code not in _NOT_COMPARED


_SIDES = {
    "HEADER_LINE_MISMATCH": ("Lines", "Deal amount"),
    "UNAPPLIED_PAYMENT": ("Customer owes", "Payment"),
    "UNAPPLIED_CREDIT": ("Customer owes", "Credit"),
}
_NOT_COMPARED = frozenset({"UNAPPLIED_PAYMENT", "UNAPPLIED_CREDIT"})
