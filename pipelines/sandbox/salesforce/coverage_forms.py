"""Operation by operation: the forms in which REST may be spoken. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from pipelines.sandbox.coverage import NOT_SERVED, REFUSED, Areas, Operation

_ROOT = "/services/data/v{version}/"
_ACCOUNTS = _ROOT + "sobjects/Account"
_ASKED = {"Accept": "application/xml"}
_SENT = {"Content-Type": "application/xml", **_ASKED}
_SOAP = {"Content-Type": "text/xml", "SOAPAction": '""'}
_APEX = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="http://soap.sforce.com/2006/08/apex"><e:Header><SessionHeader><sessionId>'
    "{access_token}</sessionId></SessionHeader></e:Header><e:Body><executeAnonymous><String>x"
    "</String></executeAnonymous></e:Body></e:Envelope>"
)
_TREE = (
    '<SObjectTreeRequest><records type="Account" referenceId="one"><Name>Covered</Name></records>'
    "</SObjectTreeRequest>"
)

OPERATIONS: Areas = {
    "Processes": (
        Operation("Approval processes", "GET", _ROOT + "process/approvals", says="approvals",
                  note="There are none: whatever is submitted is told NO_APPLICABLE_PROCESS."),
        Operation("Workflow rules", "GET", _ROOT + "process/rules", says="rules",
                  note="There are none."),
    ),
    "Tooling and Apex by SOAP": (
        Operation("Tooling API", "POST", "/services/Soap/T/62.0", NOT_SERVED, body="<x/>",
                  headers=_SOAP, says="INVALID_OPERATION", note="Answers a fault that says so."),
        Operation("executeAnonymous", "POST", "/services/Soap/s/62.0", body=_APEX, headers=_SOAP,
                  says="<compiled>false</compiled>",
                  note="Answers as a compilation that failed: Apex does not run here."),
        Operation("compileClasses, runTests", "POST", "/services/Soap/s/62.0", NOT_SERVED,
                  body=_APEX.replace("executeAnonymous", "runTests"), headers=_SOAP,
                  says="INVALID_OPERATION", note="Answers a fault that says so."),
    ),
    "Versions, sizes, crowds": (
        Operation("Retired version", "GET", "/services/data/v30.0/limits", REFUSED,
                  says="UNSUPPORTED_API_VERSION"),
        Operation("Version to come", "GET", "/services/data/v99.0/limits", REFUSED,
                  says="NOT_FOUND"),
        Operation("Newest version by its name", "GET", "/services/data/latest/limits",
                  says="DailyApiRequests"),
        Operation("Method of another address", "DELETE", _ROOT + "limits", REFUSED,
                  says="METHOD_NOT_ALLOWED"),
        Operation(
            "Rows of a page", "GET", _ROOT + "query?q=SELECT+Id+FROM+Account",
            headers={"Sforce-Query-Options": "batchSize=10", "Sforce-Call-Options": "client=x"},
            says="totalSize",
            note="200 to 2,000; what is less or more is brought to these. Bodies may be in gzip or "
            "deflate, answers are for callers that take it. With `--limits on`, 403 / "
            "REQUEST_LIMIT_EXCEEDED while 25 calls last 20 seconds or longer, and beyond 100,000 "
            "calls a day.",
        ),
    ),
    "XML": (
        Operation(
            "Versions by the end of the address",
            "GET",
            "/services/data.xml",
            signed_in=False,
            says="<Versions",
        ),
        Operation("Query", "GET", _ROOT + "query?q=SELECT+Id+FROM+Account", headers=_ASKED,
                  says='<records type="Account" url="'),
        Operation("Describe global", "GET", _ROOT + "sobjects", headers=_ASKED,
                  says="<DescribeGlobal"),
        Operation("Describe an object", "GET", _ACCOUNTS + "/describe", headers=_ASKED,
                  says="<Account xmlns"),
        Operation("Read a record", "GET", _ACCOUNTS + "/{Account}.xml", says="<Account xmlns"),
        Operation("Create", "POST", _ACCOUNTS, body="<Account><Name>Covered</Name></Account>",
                  headers=_SENT, says="<success>true</success>"),
        Operation("Tree", "POST", _ROOT + "composite/tree/Account", body=_TREE, headers=_SENT,
                  says="<SObjectTreeResponse"),
        Operation(
            "Collection",
            "POST",
            _ROOT + "composite/sobjects",
            body='<request><records type="Account"><Name>Covered</Name></records></request>',
            headers=_SENT,
            says="<success>true</success>",
            note="The guide does not show the elements of a collection; these are the sandbox's.",
        ),
        Operation("Refusal", "POST", _ACCOUNTS, REFUSED, body="<Account/>", headers=_SENT,
                  says="<errorCode>REQUIRED_FIELD_MISSING</errorCode>"),
        Operation("Body that is no XML", "POST", _ACCOUNTS, REFUSED, body="<Account>",
                  headers=_SENT, says="XML_PARSER_ERROR"),
        Operation(
            "Bulk 2.0 in XML",
            "POST",
            _ROOT + "jobs/query",
            REFUSED,
            body="<job/>",
            headers=_SENT,
            says="UNSUPPORTED_MEDIA_TYPE",
            note="So are composite, its graphs, tooling, actions and jobs: JSON alone.",
        ),
    ),
}  # fmt: skip
