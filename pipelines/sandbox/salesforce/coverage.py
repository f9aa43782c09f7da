"""Operation by operation: what of Salesforce's API is served. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from urllib.parse import quote_plus

from pipelines.sandbox.coverage import NOT_SERVED, REFUSED, SERVED, Areas, Call, Claim, Operation
from pipelines.sandbox.salesforce import (
    coverage_bulk,
    coverage_forms,
    coverage_objects,
    coverage_sales,
    coverage_setup,
)

_ROOT = "/services/data/v{version}/"
_ACCOUNTS = _ROOT + "sobjects/Account"
_NEW = {"attributes": {"type": "Account"}, "Name": "Covered"}
_MANY = {"allOrNone": False, "records": [_NEW]}
_FORM_OF_MANY = "\r\n".join(
    (
        '--x\r\nContent-Disposition: form-data; name="collection"',
        "Content-Type: application/json\r\n",
        '{"records": [{"attributes": {"type": "ContentVersion", "binaryPartName": "one",',
        '"binaryPartNameAlias": "VersionData"}, "PathOnClient": "covered.txt"}]}',
        '--x\r\nContent-Disposition: form-data; name="one"; filename="covered.txt"',
        "Content-Type: text/plain\r\n\r\ncovered\r\n--x--",
    )
)
_PART = {"method": "GET", "url": _ACCOUNTS + "/{Account}", "referenceId": "one"}
_BATCH = {"batchRequests": [{"method": "GET", "url": "v{version}/limits"}]}
_TREE = {"records": [{"attributes": {"type": "Account", "referenceId": "one"}, "Name": "Covered"}]}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_APP = "client_id={client_id}&client_secret={client_secret}"
_LOGIN = (
    '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>'
    '<n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>{username}</n1:username>'
    "<n1:password>{password}{security_token}</n1:password></n1:login></env:Body></env:Envelope>"
)


def _token(name: str, grant: str) -> Operation:
    return Operation(
        name,
        "POST",
        "/services/oauth2/token",
        body=f"{grant}&{_APP}",
        headers=_FORM,
        signed_in=False,
        says="access_token",
    )


def _soql(name: str, statement: str, says: str, claim: Claim = SERVED, note: str = "") -> Operation:
    path = f"{_ROOT}query?q={quote_plus(statement)}"
    return Operation(name, "GET", path, claim, note, says=says)


OPERATIONS: Areas = {
    "Log-in": (
        _token("Password grant", "grant_type=password&username={username}&password={password}"),
        _token("Client credentials", "grant_type=client_credentials"),
        _token("Refresh token", "grant_type=refresh_token&refresh_token={refresh_token}"),
        Operation(
            "Unknown grant type",
            "POST",
            "/services/oauth2/token",
            REFUSED,
            body=f"grant_type=wish&{_APP}",
            headers=_FORM,
            signed_in=False,
            says="unsupported_grant_type",
        ),
        Operation(
            "SOAP login()",
            "POST",
            "/services/Soap/u/59.0",
            body=_LOGIN,
            headers={"Content-Type": "text/xml", "SOAPAction": "login"},
            signed_in=False,
            says="<sessionId>",
        ),
        Operation("Revoke a token", "POST", "/services/oauth2/revoke?token={access_token}"),
        Operation("Who the token speaks for", "GET", "/services/oauth2/userinfo", says="{org}"),
        Operation(
            "Call without a session",
            "GET",
            _ROOT + "limits",
            REFUSED,
            signed_in=False,
            says="INVALID_SESSION_ID",
        ),
    ),
    "Versions, limits, metadata": (
        Operation("Versions", "GET", "/services/data", signed_in=False, says="{version}"),
        Operation("Resources", "GET", _ROOT, says="sobjects"),
        Operation("Limits", "GET", _ROOT + "limits", says="DailyApiRequests"),
        Operation("Record counts", "GET", _ROOT + "limits/recordCount?sObjects=Account"),
        Operation("Describe global", "GET", _ROOT + "sobjects", says="Account"),
        Operation("Describe an object", "GET", _ROOT + "sobjects/Account/describe", says="fields"),
        Operation(
            "Layouts",
            "GET",
            _ACCOUNTS + "/describe/layouts",
            says="layouts",
            note="One plain layout with every field.",
        ),
        Operation("Compact layouts", "GET", _ACCOUNTS + "/describe/compactLayouts", says="SYSTEM"),
        Operation(
            "Approval layouts",
            "GET",
            _ACCOUNTS + "/describe/approvalLayouts",
            note="There are no approval processes, so the list is empty.",
        ),
        Operation(
            "List views",
            "GET",
            _ACCOUNTS + "/listviews",
            says="All Accounts",
            note="All records, and one's own; with describe and results.",
        ),
        Operation(
            "Recent items",
            "GET",
            _ROOT + "recent",
            note="Each user has his own; they survive a restart where writes are kept.",
        ),
        Operation("Tabs", "GET", _ROOT + "tabs", says="Accounts"),
        Operation(
            "Theme", "GET", _ROOT + "theme", says="themeItems", note="Without colours and icons."
        ),
        Operation(
            "Quick actions",
            "GET",
            _ROOT + "quickActions",
            says="LogACall",
            note="Five, with describe, default values and execution.",
        ),
        Operation(
            "Reports and dashboards",
            "GET",
            _ROOT + "analytics/reports",
            NOT_SERVED,
            says="NOT_FOUND",
        ),
        Operation(
            "Custom object of the seed",
            "GET",
            _ROOT + "sobjects/Nothing__c",
            REFUSED,
            note="Custom objects come from `_custom_objects.json` of a seed.",
            says="NOT_FOUND",
        ),
        Operation(
            "Unknown object", "GET", _ROOT + "sobjects/Nothing/describe", REFUSED, says="NOT_FOUND"
        ),
    ),
    "Queries": (
        _soql("SOQL", "SELECT Id FROM Account", "totalSize"),
        _soql(
            "Parents and children",
            "SELECT Owner.Name, (SELECT Id FROM Contacts) FROM Account",
            "Owner",
        ),
        _soql("Parents of several kinds", "SELECT What.Type, Who.Name FROM Task", "totalSize"),
        _soql(
            "Kinds of parents",
            "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Task",
            "totalSize",
        ),
        _soql(
            "All operators, brackets, NOT",
            "SELECT Id FROM Account WHERE NOT (Name LIKE 'a%' OR "
            "Industry IN ('x')) AND Phone != null",
            "totalSize",
        ),
        _soql(
            "Date literals and functions",
            "SELECT Id FROM Account WHERE CreatedDate = "
            "LAST_N_DAYS:30 OR CALENDAR_YEAR(CreatedDate) = 2026",
            "totalSize",
            note="fiscal years are calendar years; the user's zone counts",
        ),
        _soql(
            "Semi-joins and anti-joins",
            "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)",
            "totalSize",
        ),
        _soql(
            "Order, limit, offset",
            "SELECT Id FROM Account ORDER BY Owner.Name DESC NULLS LAST LIMIT 5 OFFSET 1",
            "totalSize",
        ),
        _soql("Count", "SELECT COUNT() FROM Account", "totalSize"),
        _soql(
            "Groups",
            "SELECT StageName, SUM(Amount) FROM Opportunity GROUP BY "
            "ROLLUP(StageName) HAVING COUNT(Id) > 0",
            "totalSize",
            note="amounts in the corporate currency",
        ),
        _soql("FIELDS()", "SELECT FIELDS(ALL) FROM Account LIMIT 200", "totalSize"),
        _soql(
            "Shown values",
            "SELECT toLabel(Industry), FORMAT(AnnualRevenue), "
            "convertCurrency(AnnualRevenue) worth FROM Account",
            "totalSize",
            note="in the locale en_US",
        ),
        _soql(
            "Distances",
            "SELECT Id FROM Account WHERE DISTANCE(BillingAddress, GEOLOCATION(1, 2), 'km') < 5",
            "totalSize",
            note="not in the select list",
        ),
        _soql(
            "Scopes",
            "SELECT Id FROM Account USING SCOPE mine",
            "totalSize",
            note="everything and mine; the others are refused",
        ),
        _soql(
            "Modes and FOR",
            "SELECT Id FROM Account WITH USER_MODE FOR VIEW",
            "totalSize",
            note="what was viewed is recent; nothing stays locked after the call",
        ),
        _soql(
            "Data categories",
            "SELECT Id FROM Account WITH DATA CATEGORY G__c AT x__c",
            "is not served",
            NOT_SERVED,
        ),
        _soql(
            "ALL ROWS outside Apex", "SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", REFUSED
        ),
        Operation("Deleted records too", "GET", _ROOT + "queryAll?q=SELECT+Id+FROM+Account"),
        Operation(
            "Columns of an answer",
            "GET",
            _ROOT + "query?columns=true&q=SELECT+Id+FROM+Account",
            says="columnMetadata",
        ),
        Operation(
            "Query plan",
            "GET",
            _ROOT + "query?explain=SELECT+Id+FROM+Account",
            says="plans",
            note="the sandbox's own plan, of statements and list views",
        ),
        Operation(
            "Dead locator",
            "GET",
            _ROOT + "query/0r8Hs000000000000AAA-2000",
            REFUSED,
            says="INVALID_QUERY_LOCATOR",
        ),
        Operation(
            "Query by POST", "POST", _ROOT + "query", REFUSED, body={}, says="METHOD_NOT_ALLOWED"
        ),
        _soql("Unknown field", "SELECT Nope FROM Account", "INVALID_FIELD", REFUSED),
        Operation(
            "Malformed SOQL", "GET", _ROOT + "query?q=SELECT", REFUSED, says="MALFORMED_QUERY"
        ),
    ),
    "Search": (
        Operation(
            "SOSL",
            "GET",
            _ROOT + "search?q=FIND+%7BBright*%7D+IN+ALL+FIELDS+RETURNING+Account(Id,Name)",
            note="Whole words, phrases, AND, OR, AND NOT, * and ?; other forms of a word are not "
            "found, and WITH clauses are refused.",
            says="searchRecords",
        ),
        Operation(
            "Search with parameters",
            "GET",
            _ROOT + "parameterizedSearch?q=Bright&sobject=Account&Account.fields=Id",
            says="searchRecords",
        ),
        Operation(
            "SOSL without braces",
            "GET",
            _ROOT + "search?q=FIND+x",
            REFUSED,
            says="MALFORMED_SEARCH",
        ),
    ),
    "Records": (
        Operation("Create", "POST", _ACCOUNTS, body={"Name": "Covered"}, says="success"),
        Operation("Read", "GET", _ACCOUNTS + "/{Account}", says="{Account}"),
        Operation("Update", "PATCH", _ACCOUNTS + "/{Account}", body={"Phone": "1"}),
        Operation("Delete", "DELETE", _ROOT + "sobjects/Contact/{Contact}"),
        Operation(
            "Upsert by external id",
            "PATCH",
            _ACCOUNTS + "/QBO_Customer_Id__c/covered",
            body={"Name": "Covered"},
            says="created",
        ),
        Operation("Parent of a record", "GET", _ACCOUNTS + "/{Account}/Owner", says="Username"),
        Operation(
            "Children of a record", "GET", _ACCOUNTS + "/{Account}/Contacts", says="totalSize"
        ),
        Operation(
            "Content of a file",
            "GET",
            _ROOT + "sobjects/Attachment/{0.id}/Body",
            says="paper",
            note="Attachment.Body and ContentVersion.VersionData, sent as base64 in JSON or as a "
            "part of a form; in a collection only in JSON.",
            before=(
                Call(
                    "POST",
                    _ROOT + "sobjects/Attachment",
                    {"ParentId": "{Account}", "Name": "a", "Body": "cGFwZXI="},
                ),
            ),
        ),
        Operation(
            "Body of another kind",
            "POST",
            _ACCOUNTS,
            REFUSED,
            body="Name=A",
            headers=_FORM,
            says="UNSUPPORTED_MEDIA_TYPE",
        ),
        Operation(
            "Required field missing",
            "POST",
            _ACCOUNTS,
            REFUSED,
            body={"Phone": "1"},
            says="REQUIRED_FIELD_MISSING",
        ),
        Operation(
            "Changed since", "GET", _ACCOUNTS + "/updated?start={hour_ago}&end={now}", says="ids"
        ),
        Operation(
            "Deleted since",
            "GET",
            _ACCOUNTS + "/deleted?start={hour_ago}&end={now}",
            says="deletedRecords",
        ),
    ),
    "Many at once": (
        Operation(
            "Create up to 200", "POST", _ROOT + "composite/sobjects", body=_MANY, says="success"
        ),
        Operation(
            "Create records with their contents",
            "POST",
            _ROOT + "composite/sobjects",
            body=_FORM_OF_MANY,
            headers={"Content-Type": "multipart/form-data; boundary=x"},
            says='"success":true',
            note="A form: records name their part and its field in their attributes.",
        ),
        Operation(
            "Delete up to 200", "DELETE", _ROOT + "composite/sobjects?ids={Contact}", says="success"
        ),
        Operation(
            "Retrieve many", "GET", _ROOT + "composite/sobjects/Account?ids={Account}&fields=Name"
        ),
        Operation(
            "Composite with references",
            "POST",
            _ROOT + "composite",
            body={"compositeRequest": [_PART]},
            says="compositeResponse",
        ),
        Operation(
            "Composite graph",
            "POST",
            _ROOT + "composite/graph",
            body={"graphs": [{"graphId": "g", "compositeRequest": [_PART]}]},
            says="isSuccessful",
        ),
        Operation("Batch", "POST", _ROOT + "composite/batch", body=_BATCH, says="hasErrors"),
        Operation("Tree", "POST", _ROOT + "composite/tree/Account", body=_TREE, says="hasErrors"),
    ),
    **coverage_forms.OPERATIONS,
    **coverage_bulk.OPERATIONS,
    **coverage_sales.OPERATIONS,
    **coverage_objects.OPERATIONS,
    **coverage_setup.OPERATIONS,
}
