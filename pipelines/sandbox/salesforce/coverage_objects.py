"""Operation by operation: objects that are no plain records. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from pipelines.sandbox.coverage import REFUSED, SERVED, Areas, Call, Claim, Operation

_ROOT = "/services/data/v{version}/"
_ACCOUNT = _ROOT + "sobjects/Account/{Account}"


_FIELDS = _ROOT + "tooling/sobjects/CustomField"


def _summary(operation: str, key: str = "Opportunity.AccountId") -> dict[str, Any]:
    metadata = {"type": "Summary", "label": "Deals", "summaryOperation": operation,
                "summaryForeignKey": key}  # fmt: skip
    return {"FullName": "Account.Deals__c", "Metadata": metadata}


def _soql(name: str, statement: str, says: str, claim: Claim = SERVED, note: str = "") -> Operation:
    path = f"{_ROOT}query?q={quote_plus(statement)}"
    return Operation(name, "GET", path, claim, note, says=says)


OPERATIONS: Areas = {
    "Activities below records": (
        _soql(
            "Past activities",
            "SELECT (SELECT Subject FROM ActivityHistories) FROM Account",
            "ActivityHistories",
            note="Closed tasks and past events; of an account also those of its people and deals. "
            "Who may not view all data must ask as the vendor wants: of one record, in order of "
            "dates, up to 500, without WHERE.",
        ),
        _soql(
            "Open activities",
            "SELECT (SELECT Subject FROM OpenActivities ORDER BY ActivityDate) FROM Contact",
            "OpenActivities",
        ),
        Operation("By the relationship of a record", "GET", _ACCOUNT + "/ActivityHistories",
                  says="totalSize"),
        _soql("By themselves", "SELECT Id FROM OpenActivity", "INVALID_TYPE_FOR_OPERATION",
              REFUSED),
    ),
    "Roll-up summary fields": (
        Operation(
            "Make one", "POST", _FIELDS, body=_summary("count"), says='"success":true',
            note="Count, sum, min and max with filters, over master-detail and the standard pairs "
            "(deals of an account, lines of a deal, quote or order, members of a campaign). A "
            "change among the details moves the master's SystemModstamp.",
        ),
        Operation(
            "Its value", "GET", _ROOT + "query?q=SELECT+Deals__c+FROM+Account",
            REFUSED, before=(Call("POST", _FIELDS, _summary("count")),), says="INVALID_FIELD",
            note="Like every new field it is hidden until it is granted.",
        ),
        Operation("Over a plain lookup", "POST", _FIELDS, REFUSED,
                  body=_summary("count", "Contact.AccountId"), says="master-detail"),
    ),
    "Definitions": (
        _soql(
            "Fields of an object, in the plain API",
            "SELECT QualifiedApiName, DataType FROM FieldDefinition "
            "WHERE EntityDefinition.QualifiedApiName = 'Account'",
            "AnnualRevenue",
        ),
        Operation(
            "Record type as a component", "POST", _ROOT + "tooling/sobjects/RecordType",
            body={"FullName": "Account.Covered", "Metadata": {"label": "Covered", "active": True}},
            says='"success":true',
            note="Through the Metadata API and deployments too; what it says of picklists is kept, "
            "not enforced.",
        ),
        Operation(
            "Delete a record type", "DELETE", _ROOT + "tooling/sobjects/RecordType/{0.id}", REFUSED,
            before=(Call("POST", _ROOT + "tooling/sobjects/RecordType",
                         {"FullName": "Account.Covered", "Metadata": {"label": "Covered"}}),),
            says="Cannot delete record type through API",
        ),
    ),
    "Values of picklists as records": tuple(
        _soql(name, " ".join(("SELECT ApiName,", meaning, "FROM", name)), '"done":true')
        for name, meaning in (
            ("OpportunityStage", "IsWon"), ("LeadStatus", "IsConverted"),
            ("CaseStatus", "IsClosed"), ("TaskStatus", "IsClosed"),
            ("TaskPriority", "IsHighPriority"), ("ContractStatus", "StatusCode"),
            ("OrderStatus", "StatusCode"),
        )
    ),
}  # fmt: skip
