"""A lead becomes an account, a contact and an opportunity.

Source: SOAP API guide, `convertLead()`. Account and contact are new unless named, the opportunity
unless it is not wanted; the lead stays, converted, and cannot be converted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record, Write

CONVERTED = ("Closed - Converted",)
_TO_ACCOUNT = {
    "Phone": "Phone", "Fax": "Fax", "Website": "Website", "Industry": "Industry",
    "Rating": "Rating", "AnnualRevenue": "AnnualRevenue", "LeadSource": "AccountSource",
    "NumberOfEmployees": "NumberOfEmployees", "Description": "Description",
    "Street": "BillingStreet", "City": "BillingCity", "State": "BillingState",
    "PostalCode": "BillingPostalCode", "Country": "BillingCountry",
}  # fmt: skip
_TO_CONTACT = {
    "FirstName": "FirstName", "LastName": "LastName", "Salutation": "Salutation",
    "Title": "Title", "Email": "Email", "Phone": "Phone", "MobilePhone": "MobilePhone",
    "Fax": "Fax", "LeadSource": "LeadSource", "Description": "Description",
    "Street": "MailingStreet", "City": "MailingCity", "State": "MailingState",
    "PostalCode": "MailingPostalCode", "Country": "MailingCountry",
}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """What is asked for, and what became of it: ids, None where there is none."""

    lead_id: str
    account_id: str | None
    contact_id: str | None
    opportunity_id: str | None


def convert(org: Org, asked: Mapping[str, Any]) -> Conversion:
    """Convert one lead, as a whole or not at all.

    Raises:
        Refusal: the lead is none or converted already, the status is none of a converted lead, or a
            contact is named without its account.
    """
    lead = _convertible(org, str(asked.get("leadId") or ""))
    if asked.get("convertedStatus") not in CONVERTED:
        told = f"invalid convertedStatus: {asked.get('convertedStatus')}"
        raise Refusal("INVALID_STATUS", told, ())
    if asked.get("contactId") and not asked.get("accountId"):
        raise Refusal("INVALID_ID_FIELD", "accountId is required when contactId is given", ())
    owner = {"OwnerId": asked.get("ownerId") or lead["OwnerId"]}
    account = _account(org, lead, asked, owner)
    contact = _contact(org, lead, asked, {**owner, "AccountId": account})
    deal = None
    if str(asked.get("doNotCreateOpportunity")).lower() != "true":
        deal = _opportunity(org, lead, asked, {**owner, "AccountId": account, "ContactId": contact})
    _close(org, lead, Conversion(lead["Id"], account, contact, deal), asked)
    return Conversion(lead["Id"], account, contact, deal)


def _convertible(org: Org, lead_id: str) -> Record:
    try:
        lead = org.records.living(org.object("Lead"), lead_id)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            raise
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ()) from None
    if lead.get("IsConverted"):
        raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ())
    return lead


def _taken(lead: Record, names: Mapping[str, str]) -> Record:
    return {to: lead[name] for name, to in names.items() if lead.get(name) is not None}


def _account(org: Org, lead: Record, asked: Mapping[str, Any], more: Record) -> str:
    given = asked.get("accountId")
    if given:
        return str(org.records.living(org.object("Account"), str(given))["Id"])
    fresh = {**_taken(lead, _TO_ACCOUNT), **more, "Name": lead["Company"]}
    return org.records.create(org.object("Account"), fresh)


def _contact(org: Org, lead: Record, asked: Mapping[str, Any], more: Record) -> str:
    contacts, given = org.object("Contact"), asked.get("contactId")
    if not given:
        return org.records.create(contacts, {**_taken(lead, _TO_CONTACT), **more})
    contact = org.records.living(contacts, str(given))
    if str(asked.get("overwriteLeadSource")).lower() == "true":
        org.records.update(contacts, contact["Id"], {"LeadSource": lead.get("LeadSource")})
    return str(contact["Id"])


def _opportunity(org: Org, lead: Record, asked: Mapping[str, Any], more: Record) -> str:
    """A deal in the first stage, to be won by the end of the quarter."""
    deals = org.object("Opportunity")
    stage = deals.fields["stagename"].choices[0].value
    fresh = {
        **more,
        "Name": asked.get("opportunityName") or lead["Company"],
        "StageName": stage,
        "CloseDate": _end_of_quarter(org.kernel.clock.now().date()).isoformat(),
        "LeadSource": lead.get("LeadSource"),
    }
    return org.records.create(deals, fresh)


def _end_of_quarter(today: date) -> date:
    month = 3 * ((today.month - 1) // 3) + 4
    return date(today.year + month // 12, (month - 1) % 12 + 1, 1) - timedelta(days=1)


def _close(org: Org, lead: Record, done: Conversion, asked: Mapping[str, Any]) -> None:
    """The lead says what it became; no caller may set these fields."""
    org.records.update(org.object("Lead"), lead["Id"], {"Status": asked["convertedStatus"]})
    now = org.records.living(org.object("Lead"), lead["Id"])
    after = {
        **now,
        "IsConverted": True,
        "ConvertedDate": org.kernel.clock.now().date().isoformat(),
        "ConvertedAccountId": done.account_id,
        "ConvertedContactId": done.contact_id,
        "ConvertedOpportunityId": done.opportunity_id,
    }
    org.kernel.store.commit([Write(org.org_id, "Lead", lead["Id"], after)])
