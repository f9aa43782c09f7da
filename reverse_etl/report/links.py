"""Addresses of records in both systems. Only configured hosts and plain ids ever get into one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError
from pipelines.settings import SALESFORCE_HOSTS, Settings, is_loopback, is_vendor

QUICKBOOKS_APP = "https://app.qbo.intuit.com"

_SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_QUICKBOOKS_ID = re.compile(r"[0-9]{1,30}")
# Our document type → (page of the QuickBooks app, entity of its API).
_DOCUMENTS = {
    "invoice": ("invoice", "invoice"),
    "credit_memo": ("creditmemo", "creditmemo"),
    "payment": ("recvpayment", "payment"),
    "estimate": ("estimate", "estimate"),
    "sales_receipt": ("salesreceipt", "salesreceipt"),
    "refund_receipt": ("refundreceipt", "refundreceipt"),
}


@dataclass(frozen=True)
class Links:
    """Where records can be opened. An empty base means that there are no links to that system.

    Form `app` is the vendors' pages for people, `api` the sandbox's records on this machine.
    """

    salesforce_base: str = ""
    quickbooks_base: str = ""
    form: Literal["app", "api"] = "app"
    api_version: str = "68.0"

    def __post_init__(self) -> None:
        for base in filter(None, (self.salesforce_base, self.quickbooks_base)):
            if not _is_allowed(base, self.form):
                raise ConfigurationError(
                    "report",
                    base,
                    "links may only lead to the configured systems",
                    "Use the vendors' own https addresses, or the sandbox on this machine.",
                )

    def deal(self, deal_id: str | None) -> str | None:
        """The deal's record in Salesforce."""
        return self._salesforce("Opportunity", deal_id)

    def account(self, account_id: str | None) -> str | None:
        """The account's record in Salesforce."""
        return self._salesforce("Account", account_id)

    def product(self, product_id: str | None) -> str | None:
        """The product's record in Salesforce."""
        return self._salesforce("Product2", product_id)

    def document(
        self, company_id: str | None, document_type: str | None, document_id: str | None
    ) -> str | None:
        """The document in QuickBooks. The app shows it when signed in to the same company."""
        page, entity = _DOCUMENTS.get(document_type or "", ("", ""))
        return self._quickbooks(company_id, entity, f"{page}?txnId=", document_id) if page else None

    def customer(self, company_id: str | None, customer_id: str | None) -> str | None:
        """The customer in QuickBooks."""
        return self._quickbooks(company_id, "customer", "customerdetail?nameId=", customer_id)

    def item(self, company_id: str | None, item_id: str | None) -> str | None:
        """The product in QuickBooks; its app has no address for a single one."""
        if self.form == "app":
            return None
        return self._quickbooks(company_id, "item", "", item_id)

    def _salesforce(self, record_type: str, record_id: str | None) -> str | None:
        if not self.salesforce_base or not _SALESFORCE_ID.fullmatch(record_id or ""):
            return None
        if self.form == "app":
            return f"{self.salesforce_base}/lightning/r/{record_type}/{record_id}/view"
        version = f"v{self.api_version}"
        return f"{self.salesforce_base}/services/data/{version}/sobjects/{record_type}/{record_id}"

    def _quickbooks(
        self, company_id: str | None, entity: str, page: str, record_id: str | None
    ) -> str | None:
        numbers = (company_id or "", record_id or "")
        if not self.quickbooks_base or not all(map(_QUICKBOOKS_ID.fullmatch, numbers)):
            return None
        if self.form == "app":
            return f"{self.quickbooks_base}/app/{page}{record_id}"
        return f"{self.quickbooks_base}/v3/company/{company_id}/{entity}/{record_id}"


NO_LINKS = Links()


def links_for(settings: Settings) -> Links:
    """The links that fit the profile; none to a system that is not configured."""
    return _live(settings) if settings.profile == "live" else _sandbox(settings)


def _live(settings: Settings) -> Links:
    try:
        domain = settings.salesforce.domain
    except ConfigurationError:  # a report can be read without access to the systems
        return Links(quickbooks_base=QUICKBOOKS_APP)
    return Links(f"https://{domain}.salesforce.com", QUICKBOOKS_APP)


def _sandbox(settings: Settings) -> Links:
    try:
        salesforce, quickbooks = settings.salesforce, settings.quickbooks
    except ConfigurationError:  # the sandbox is gone; so are its addresses
        return NO_LINKS
    return Links(
        salesforce.base_url or "", quickbooks.base_url, form="api",
        api_version=salesforce.api_version,
    )  # fmt: skip


def _is_allowed(base: str, form: str) -> bool:
    if form == "app":
        return is_vendor(base, (*SALESFORCE_HOSTS, ".intuit.com"))
    parts = urlsplit(base)
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")
