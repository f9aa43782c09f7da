"""Operation by operation: objects that are no plain records. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from urllib.parse import quote_plus

from pipelines.sandbox.coverage import REFUSED, SERVED, Areas, Call, Claim, Operation

_ROOT = "/services/data/v{version}/"
_ACCOUNT = _ROOT + "sobjects/Account/{Account}"


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
