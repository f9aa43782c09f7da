"""Operation by operation: what of QuickBooks Online's API is served. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from pipelines.sandbox.coverage import NOT_SERVED, REFUSED, Areas, Call, Operation
from pipelines.sandbox.quickbooks.reports import NAMED, ON_BOTH_BASES
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

_OTHERS = sorted(ENTITIES)

_ROOT = "/v3/company/{realm}/"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_APP = "client_id={client_id}&client_secret={client_secret}"
_SALE = {
    "CustomerRef": {"value": "{Customer}"},
    "Line": [
        {
            "Amount": 10,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "{Item}"}},
        }
    ],
}
_MULTIPART = {"Content-Type": "multipart/form-data; boundary=part"}
_FILE = (
    '--part\r\nContent-Disposition: form-data; name="file_content_01"; filename="a.txt"\r\n'
    "Content-Type: text/plain\r\n\r\nfile\r\n--part--\r\n"
)
_MADE = {"Id": "{0.Invoice.Id}", "SyncToken": "{0.Invoice.SyncToken}"}
_MAKE = Call("POST", _ROOT + "invoice", _SALE)


_SETTINGS = Call("GET", _ROOT + "preferences")
_CURRENCIES = Call(
    "POST",
    _ROOT + "preferences",
    {
        "SyncToken": "{0.Preferences.SyncToken}",
        "sparse": True,
        "CurrencyPrefs": {"MultiCurrencyEnabled": True},
    },
)


def _token(name: str, grant: str, says: str = "access_token") -> Operation:
    return Operation(
        name,
        "POST",
        "/oauth2/v1/tokens/bearer",
        body=f"{grant}&{_APP}",
        headers=_FORM,
        signed_in=False,
        says=says,
    )


def _query(name: str, statement: str, says: str = "QueryResponse") -> Operation:
    return Operation(name, "GET", f"{_ROOT}query?query={statement.replace(' ', '+')}", says=says)


OPERATIONS: Areas = {
    "OAuth 2": (
        Operation(
            "Discovery",
            "GET",
            "/.well-known/openid_sandbox_configuration",
            signed_in=False,
            says="token_endpoint",
        ),
        _token("Refresh", "grant_type=refresh_token&refresh_token={refresh_token}"),
        Operation(
            "Refresh with a wrong token",
            "POST",
            "/oauth2/v1/tokens/bearer",
            REFUSED,
            body=f"grant_type=refresh_token&refresh_token=none&{_APP}",
            headers=_FORM,
            signed_in=False,
            says="invalid_grant",
        ),
        Operation(
            "Revoke",
            "POST",
            "/v2/oauth2/tokens/revoke",
            body="token={refresh_token}&" + _APP,
            headers=_FORM,
            signed_in=False,
        ),
        Operation("User", "GET", "/v1/openid_connect/userinfo", says="email"),
        Operation("Key set", "GET", "/op/v1/jwks", signed_in=False, says="RS256"),
        Operation(
            "Call without a token",
            "GET",
            _ROOT + "customer/{Customer}",
            REFUSED,
            signed_in=False,
            says="3200",
        ),
    ),
    "Query": (
        _query("Select", "select * from Customer"),
        _query("Count", "select count(*) from Customer", "totalCount"),
        Operation(
            "Query that cannot be read", "GET", _ROOT + "query?query=select", REFUSED, says="4000"
        ),
        Operation(
            "Changes (CDC)",
            "GET",
            _ROOT + "cdc?entities=Customer&changedSince={hour_ago}",
            says="CDCResponse",
        ),
    ),
    "Records": (
        Operation("Read", "GET", _ROOT + "customer/{Customer}", says="{Customer}"),
        Operation("Read what is not there", "GET", _ROOT + "customer/987654", REFUSED, says="610"),
        Operation("Create", "POST", _ROOT + "invoice", body=_SALE, says="Invoice"),
        Operation(
            "Sparse update",
            "POST",
            _ROOT + "invoice",
            body={**_MADE, "sparse": True, "PrivateNote": "covered"},
            says="covered",
            before=(_MAKE,),
        ),
        Operation(
            "Delete",
            "POST",
            _ROOT + "invoice?operation=delete",
            body=_MADE,
            says="Deleted",
            before=(_MAKE,),
        ),
        Operation(
            "Void",
            "POST",
            _ROOT + "invoice?operation=void",
            body=_MADE,
            says="Voided",
            before=(_MAKE,),
        ),
        Operation(
            "Upload of files",
            "POST",
            _ROOT + "upload",
            body=_FILE,
            headers=_MULTIPART,
            says="TempDownloadUri",
            note="Up to 100 MB a request; what was sent comes back byte for byte.",
        ),
        Operation(
            "Download of an attached file",
            "GET",
            _ROOT + "download/{0.AttachableResponse.0.Attachable.Id}",
            says="Signature=",
            note="The answer is an address that works for fifteen minutes.",
            before=(Call("POST", _ROOT + "upload", _FILE, _MULTIPART),),
        ),
        Operation(
            "Thumbnail of an attached file",
            "GET",
            _ROOT + "attachable-thumbnail/1",
            NOT_SERVED,
            says="500",
        ),
        Operation("PDF", "GET", _ROOT + "invoice/{0.Invoice.Id}/pdf", before=(_MAKE,)),
        Operation(
            "XML",
            "GET",
            _ROOT + "customer/{Customer}",
            headers={"Accept": "application/xml"},
            says="<IntuitResponse",
            note="For every caller that does not ask for JSON, with `Accept: application/json` or "
            "`format=json`: XML is also the answer to `*/*` and to no Accept header.",
        ),
        Operation(
            "Update with an old SyncToken",
            "POST",
            _ROOT + "customer",
            REFUSED,
            body={"Id": "{Customer}", "SyncToken": "77", "sparse": True, "Notes": "x"},
            says="5010",
        ),
        Operation(
            "Batch",
            "POST",
            _ROOT + "batch",
            body={"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]},
            says="BatchItemResponse",
            note="With `--limits on`, 429 / 3001 beyond 500 calls, 40 batches or 200 reports a "
            "minute, 10 calls a second, 10 at once, 40 e-mails a day, for each company. 120 "
            "batches over all apps and 800 calls with the vendor's other products cannot be "
            "reached with one app and one product.",
        ),
    ),
    "Lists": tuple(
        _query(f"Query {name}", f"select count(*) from {name}", "totalCount")  # noqa: S608
        for name in _OTHERS
    ),
    "Webhooks": (
        Operation(
            "Receiver and deliveries",
            "GET",
            "/_sandbox/webhooks",
            signed_in=False,
            says="deliveries",
            note="POST sets a receiver on this machine: `url`, `format` (`cloudevents` or "
            "`notifications`), `entities`, `pace` of retries. Signed, sent after commit.",
        ),
    ),
    "Recurring transactions": (
        Operation(
            "Template of an invoice",
            "POST",
            _ROOT + "recurringtransaction",
            body={"Invoice": {**_SALE, "RecurringInfo": {"Name": "Covered"}}},
            says="RecurDataRef",
        ),
    ),
    "Reports": (
        *(
            Operation(
                name,
                "GET",
                f"{_ROOT}reports/{name}",
                says="NoReportData",
                note="" if name in ON_BOTH_BASES else "Accrual.",
            )
            for name in NAMED
            if name != "TaxSummary"
        ),
        Operation(
            "Cash basis",
            "GET",
            _ROOT + "reports/ProfitAndLoss?accounting_method=Cash",
            says='"ReportBasis":"Cash"',
            note="A sale counts when it is paid, line by line; journal entries stand as they are.",
        ),
        Operation(
            "TaxSummary",
            "GET",
            _ROOT + "reports/TaxSummary",
            NOT_SERVED,
            says="500",
            note="Served for companies of the United Kingdom: the boxes of the VAT return.",
        ),
        Operation(
            "A report of more than 400,000 cells",
            "GET",
            _ROOT + "reports/TransactionList?date_macro=all",
            says="Columns",
            note="Ends in the vendor's sentence (`Unable to display more data`), with status 200.",
        ),
        Operation(
            "Gain and loss of exchange",
            "GET",
            _ROOT + "query?query=select+*+from+Account+where+Name='Exchange+Gain+or+Loss'",
            says="ExchangeGainOrLoss",
            note="Payments of foreign documents at another rate post it, on both bases; deposits "
            "of foreign money at another rate do not, nor is what is open valued anew.",
            before=(_SETTINGS, _CURRENCIES),
        ),
        Operation("Any other report", "GET", _ROOT + "reports/FECReport", NOT_SERVED, says="500"),
    ),
}
