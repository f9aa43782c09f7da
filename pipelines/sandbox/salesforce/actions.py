"""`/actions`: what the org can do by name. Of the standard actions, `emailSimple` is done.

A mail is not sent anywhere: it is kept as a record of EmailMessage in the org, which the control
area's journal shows as a write. Source: Actions Developer Guide, "Invocable Actions Standard" and
"Send Email Actions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

MOST_ADDRESSES = 150
_NEW_NAMES_SINCE = 65.0  # recipientAddresses and its kin
_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
_SENDERS = ("CurrentUser", "DefaultWorkflowUser", "OrgWideEmailAddress")


def actions(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /actions."""
    where = tuple(part.lower() for part in rest)
    if not where:
        only(call, "GET", "HEAD")
        kinds = ("standard", "custom")
        return Answer(200, {kind: f"{call.root}/actions/{kind}" for kind in kinds})
    if where == ("custom",):
        only(call, "GET", "HEAD")
        return Answer(200, {})
    if where == ("standard",):
        only(call, "GET", "HEAD")
        return Answer(200, {"actions": [_listed(call)]})
    if where != ("standard", "emailsimple"):
        raise refusals.not_found()
    only(call, "GET", "HEAD", "POST")
    return _email(org, call) if call.method == "POST" else Answer(200, _described(call))


def _listed(call: Call) -> Record:
    return {
        "label": "Send Email",
        "name": "emailSimple",
        "type": "EMAILSIMPLE",
        "url": f"{call.root}/actions/standard/emailSimple",
    }


# ---- what the action takes


def _inputs(version: float) -> Sequence[tuple[str, str, str, int, bool]]:
    """name, label, type, the most there may be, whether it must be given."""
    known = [
        ("emailAddresses", "Email Addresses (comma-separated)", "STRING", 1, False),
        ("emailAddressesArray", "Email Addresses (collection)", "STRING", MOST_ADDRESSES, False),
        ("senderType", "Sender Type", "STRING", 1, False),
        ("senderAddress", "Sender Email Address", "STRING", 1, False),
        ("emailSubject", "Subject", "STRING", 1, True),
        ("emailBody", "Body", "TEXTAREA", 1, True),
        ("sendRichBody", "Rich-Text-Formatted Body", "BOOLEAN", 1, False),
        ("relatedRecordId", "Related Record ID", "STRING", 1, False),
        ("recipientId", "Recipient ID", "STRING", 1, False),
        ("logEmailOnSend", "Log Email on Send", "BOOLEAN", 1, False),
    ]
    if version >= _NEW_NAMES_SINCE:
        known += [
            ("recipientAddresses", "Recipient Addresses", "STRING", 1, False),
            ("ccAddresses", "CC Addresses", "STRING", 1, False),
            ("bccAddresses", "BCC Addresses", "STRING", 1, False),
        ]
    return known


def _described(call: Call) -> Record:
    return {
        "actionName": "emailSimple",
        "category": "Messaging",
        "description": "Send an email where you specify the subject, body, and recipients.",
        "inputs": [
            {
                "byteLength": 0,
                "description": label,
                "label": label,
                "maxOccurs": most,
                "name": name,
                "picklistValues": [{"value": v, "label": v} for v in _SENDERS]
                if name == "senderType"
                else None,
                "required": required,
                "sobjectType": None,
                "type": kind,
            }
            for name, label, kind, most, required in _inputs(float(call.version))
        ],
        "label": "Send Email",
        "outputs": [],
        "standard": True,
        "targetEntityName": None,
        "type": "EMAILSIMPLE",
    }


# ---- sending


def _email(org: Org, call: Call) -> Answer:
    inputs = object_body(call).get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, dict) for i in inputs):
        raise refusals.unreadable("list", inputs)
    known = {name for name, *_ in _inputs(float(call.version))}
    results = [_result(org, known, one) for one in inputs]
    good = all(r["isSuccess"] for r in results)
    return Answer(200 if good else 400, results)


def _result(org: Org, known: set[str], given: Mapping[str, Any]) -> Record:
    result: Record = {
        "actionName": "emailSimple",
        "errors": None,
        "invocationId": None,
        "isSuccess": True,
        "outcome": None,
        "outputValues": None,
        "sortOrder": -1,
        "version": 1,
    }
    try:
        _send(org, known, given)
    except Refusal as refusal:
        result |= {"isSuccess": False, "errors": refusal.as_row()}
    return result


def _send(org: Org, known: set[str], given: Mapping[str, Any]) -> None:
    strange = [name for name in given if name not in known]
    if strange:
        raise Refusal(
            "UNKNOWN_EXCEPTION", f"Invalid input parameters: {', '.join(strange)}", strange
        )
    missing = [n for n in ("emailSubject", "emailBody") if not given.get(n)]
    if missing:
        raise Refusal(
            "REQUIRED_FIELD_MISSING",
            f"Missing required input parameter: {', '.join(missing)}",
            missing,
        )
    recipients = _recipients(org, given)
    message = {
        "Subject": str(given["emailSubject"])[:3000],
        ("HtmlBody" if given.get("sendRichBody") in (True, "true") else "TextBody"): str(
            given["emailBody"]
        ),
        "FromAddress": _sender(org, given),
        "ToAddress": "; ".join(recipients),
        "Status": "3",
        "Incoming": False,
    }
    related = given.get("relatedRecordId")
    if related:
        message["RelatedToId"] = str(related)
    sobject = org.catalogue.get("EmailMessage")
    if sobject is None:
        raise Refusal("FUNCTIONALITY_NOT_ENABLED", "Email is not enabled for this organization")
    org.records.create(sobject, message)


def _recipients(org: Org, given: Mapping[str, Any]) -> list[str]:
    listed: list[str] = []
    for name in ("emailAddresses", "recipientAddresses", "ccAddresses", "bccAddresses"):
        listed += [part.strip() for part in str(given.get(name) or "").split(",")]
    many = given.get("emailAddressesArray") or []
    listed += [str(one).strip() for one in (many if isinstance(many, list) else [many])]
    person = given.get("recipientId")
    if person:
        listed.append(_address_of(org, str(person)))
    wanted = [one for one in listed if one]
    if not wanted:
        raise Refusal("REQUIRED_FIELD_MISSING", "Missing recipients", ("emailAddresses",))
    if len(wanted) > MOST_ADDRESSES:
        raise Refusal("LIMIT_EXCEEDED", f"The maximum number of recipients is {MOST_ADDRESSES}", ())
    for one in wanted:
        if not _ADDRESS.fullmatch(one):
            raise Refusal("INVALID_EMAIL_ADDRESS", f"Invalid email address: {one}", ())
    return wanted


def _address_of(org: Org, record_id: str) -> str:
    sobject = org.catalogue.of_id(record_id)
    if sobject is None or sobject.field("Email") is None:
        raise refusals.unknown_reference()
    address = org.records.living(sobject, record_id).get("Email")
    if not address:
        raise Refusal("INVALID_EMAIL_ADDRESS", "The recipient has no email address", ())
    return str(address)


def _sender(org: Org, given: Mapping[str, Any]) -> str:
    kind = str(given.get("senderType") or "CurrentUser")
    if kind not in _SENDERS:
        raise Refusal("INVALID_SENDER_TYPE", f"Invalid sender type: {kind}", ("senderType",))
    if kind == "OrgWideEmailAddress":
        address = str(given.get("senderAddress") or "")
        if not _ADDRESS.fullmatch(address):
            raise Refusal(
                "INVALID_EMAIL_ADDRESS", f"Invalid email address: {address}", ("senderAddress",)
            )
        return address
    return str(org.sessions.user(org.user_id).get("Email") or org.sessions.username)
