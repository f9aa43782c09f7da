"""`/services/Soap/u` and `/c`: the partner and enterprise APIs, by the same records as REST.

Source: SOAP API guide, "Core Calls", "Describe Calls", "Utility Calls".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from pipelines.sandbox.kernel import Reply
from pipelines.sandbox.salesforce import converting, recycling
from pipelines.sandbox.salesforce.calls import Call
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sessions import short
from pipelines.sandbox.salesforce.soap import records
from pipelines.sandbox.salesforce.soap.envelope import (
    Dialect,
    Fault,
    Message,
    answer,
    value_of,
)
from pipelines.sandbox.store import Record

MANY = 200
LEADS = 100
_FAULTS = {
    "INVALID_FIELD": "InvalidFieldFault",
    "INVALID_TYPE": "InvalidSObjectFault",
    "MALFORMED_QUERY": "MalformedQueryFault",
    "MALFORMED_SEARCH": "MalformedSearchFault",
    "INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault",
    "MALFORMED_ID": "InvalidIdFault",
}


@dataclass(frozen=True)
class Door:
    """One call through a SOAP door: the org, what was asked, and how to ask the same of REST."""

    org: Org
    message: Message
    dialect: Dialect
    version: str
    base: str

    def rest(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = b""
    ) -> Any:
        """What REST answers to the like.

        Raises:
            Fault: it refuses.
        """
        segments = tuple(part for part in path.split("/") if part)
        headers = {}
        size = self.message.headers.get("QueryOptions", {}).get("batchSize")
        if size:
            headers["sforce-query-options"] = f"batchSize={size}"
        call = Call(method, segments, query or {}, headers, body, self.version, self.base)
        try:
            return self.org.route(call).body
        except Refusal as refusal:
            raise fault_of(refusal) from None


_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


def fault_of(refusal: Refusal) -> Fault:
    """A refusal of REST's as a fault."""
    code = "INVALID_TYPE" if refusal.code == "NOT_FOUND" else refusal.code
    return Fault(code, refusal.message, _FAULTS.get(code, "UnexpectedErrorFault"))


def respond(door: Door) -> Reply:
    """Answer one operation.

    Raises:
        Fault: what the vendor would refuse, or an operation that is not served.
    """
    operation = OPERATIONS.get(door.message.operation)
    if operation is None:
        raise Fault("INVALID_OPERATION", f"{door.message.operation} is not served by this sandbox.")
    return answer(door.dialect, door.message.operation, operation(door))


# ---- sessions


def _logout(door: Door) -> Any:
    door.org.sessions.expire(door.message.session_id)
    return ...


def _timestamp(door: Door) -> Any:
    at = stamp(door.org.kernel.clock.now()).removesuffix("+0000") + "Z"
    return {"timestamp": at}


def user_facts(org: Org, user_id: str) -> dict[str, Any]:
    """What `getUserInfo` and `login` tell of a user."""
    user = org.sessions.user(user_id)
    home = org.kernel.store.table(org.org_id, "Organization").get(org.org_id) or {}
    rates = org.kernel.store.table(org.org_id, "CurrencyType")
    return {
        "accessibilityMode": False,
        "chatterExternal": False,
        "currencySymbol": None if len(rates) > 1 else "$",
        "orgAttachmentFileSizeLimit": 5242880,
        "orgDefaultCurrencyIsoCode": next(
            (str(r["IsoCode"]) for r in rates if r.get("IsCorporate")), "USD"
        ),
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": org.org_id,
        "organizationMultiCurrency": len(rates) > 1,
        "organizationName": home.get("Name"),
        "profileId": user.get("ProfileId"),
        "roleId": user.get("UserRoleId"),
        "sessionSecondsValid": 7200,
        "userDefaultCurrencyIsoCode": user.get("DefaultCurrencyIsoCode"),
        "userEmail": user.get("Email"),
        "userFullName": user.get("Name"),
        "userId": user_id,
        "userLanguage": user.get("LanguageLocaleKey") or "en_US",
        "userLocale": user.get("LocaleSidKey") or "en_US",
        "userName": user.get("Username"),
        "userTimeZone": user.get("TimeZoneSidKey") or "GMT",
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }


def _user(door: Door) -> Any:
    return user_facts(door.org, door.org.user_id)


def _set_password(door: Door) -> Any:
    user_id = door.message.text("userId")
    if not door.org.sessions.user(user_id):
        raise Fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    door.org.sessions.set_password(user_id, door.message.text("password"))
    return {}


# ---- describes


def _describe_global(door: Door) -> Any:
    return records.described_all(door.rest("GET", "sobjects"))


def _describe(door: Door) -> Any:
    found = [_described(door, name) for name in door.message.texts("sObjectType")]
    return found[0] if found else ...


def _describe_many(door: Door) -> Any:
    return [_described(door, name) for name in door.message.texts("sObjectType")]


def _described(door: Door, name: str) -> Any:
    if door.org.catalogue.get(name) is None:
        raise Fault("INVALID_TYPE", f"sObject type '{name}' is not supported.",
                    "InvalidSObjectFault")  # fmt: skip
    return records.described_object(door.rest("GET", f"sobjects/{name}/describe"), door.base)


# ---- queries


def _query(door: Door, resource: str = "query") -> Any:
    body = door.rest("GET", resource, {"q": door.message.text("queryString")})
    return {"@xsi:type": "QueryResult", **records.result(body, door.dialect)}


def _query_more(door: Door) -> Any:
    locator = door.message.text("queryLocator")
    body = door.rest("GET", f"query/{quote(locator, safe='')}")
    return {"@xsi:type": "QueryResult", **records.result(body, door.dialect)}


def _retrieve(door: Door) -> Any:
    names = [n.strip() for n in door.message.text("fieldList").split(",")]
    kind, wanted = door.message.text("sObjectType"), door.message.texts("ids")
    found = door.rest("POST", f"composite/sobjects/{kind}", body={"ids": wanted, "fields": names})
    return [records.shown_record(r, door.dialect) if r else None for r in found]


def _search(door: Door) -> Any:
    found = door.rest("GET", "search", {"q": door.message.text("searchString")})
    return {
        "searchRecords": [
            {"record": records.shown_record(r, door.dialect)} for r in found["searchRecords"]
        ]
    }


def _updated(door: Door) -> Any:
    return _window(door, "updated")


def _deleted(door: Door) -> Any:
    return _window(door, "deleted")


def _window(door: Door, which: str) -> Any:
    # A moment without a zone is one of UTC, as in every xsd:dateTime of the vendor's.
    told = {"start": door.message.text("startDate"), "end": door.message.text("endDate")}
    span = {k: v if _ZONED.search(v) else f"{v}Z" for k, v in told.items()}
    path = f"sobjects/{door.message.text('sObjectType')}/{which}"
    return records.with_moments(door.rest("GET", path, span))


# ---- writes


def _write(door: Door, method: str) -> Any:
    return _collected(door, method, "composite/sobjects", _given(door))


def _upsert(door: Door) -> Any:
    given = _given(door)
    kinds = {records.kind_of(r) for r in given}
    if len(kinds) > 1:
        raise Fault("INVALID_TYPE", "All records of an upsert must be of one type.")
    path = f"composite/sobjects/{kinds.pop()}/{door.message.text('externalIDFieldName')}"
    return _collected(door, "PATCH", path, given)


def _given(door: Door) -> list[Record]:
    given = [records.given_record(one) for one in door.message.all("sObjects")]
    for one in given:
        records.kind_of(one)
    _refuse_many(len(given))
    return given


def _refuse_many(count: int) -> None:
    if count > MANY:
        raise Fault(
            "EXCEEDED_ID_LIMIT",
            "record limit reached. cannot submit more than 200 records into this call",
        )


def _collected(door: Door, method: str, path: str, given: list[Record]) -> Any:
    if not given:
        return ...
    body = {"allOrNone": _all_or_none(door), "records": given}
    return [records.outcome(row) for row in door.rest(method, path, body=body)]


def _all_or_none(door: Door) -> bool:
    return door.message.headers.get("AllOrNoneHeader", {}).get("allOrNone") == "true"


def _delete(door: Door) -> Any:
    wanted = door.message.sole_texts("ids")
    _refuse_many(len(wanted))
    if not wanted:
        return ...
    query = {"ids": ",".join(wanted), "allOrNone": str(_all_or_none(door)).lower()}
    return [records.outcome(r) for r in door.rest("DELETE", "composite/sobjects", query)]


def _each(door: Door, act: Callable[[Org, str], str]) -> Any:
    wanted = door.message.sole_texts("ids")
    _refuse_many(len(wanted))
    return [_attempt(door, partial(act, door.org, one)) for one in wanted]


def _attempt(door: Door, act: Callable[[], str]) -> dict[str, Any]:
    try:
        with door.org.kernel.store.transaction():
            return records.outcome({"id": act(), "success": True})
    except Refusal as refusal:
        return records.outcome({"success": False, "errors": refusal.as_row()})


def _merge(door: Door) -> Any:
    return [_merged(door, value_of(one)) for one in door.message.all("request")
            + door.message.all("mergeRequests")]  # fmt: skip


def _merged(door: Door, request: Any) -> dict[str, Any]:
    given = dict(request.get("masterRecord") or {})
    kind, master = str(given.pop("type", "")), str(given.pop("Id", ""))
    losers = request.get("recordToMergeIds") or []
    emptied = given.pop("fieldsToNull", ())
    changes = given | dict.fromkeys([emptied] if isinstance(emptied, str) else emptied)
    try:
        with door.org.kernel.store.transaction():
            merged, gone, moved = recycling.merge(
                door.org, kind, master, changes, [losers] if isinstance(losers, str) else losers
            )
    except Refusal as refusal:
        return records.outcome({"success": False, "errors": refusal.as_row()})
    return {
        "errors": [],
        "id": merged,
        "mergedRecordIds": gone,
        "success": True,
        "updatedRelatedIds": moved,
    }


def _convert(door: Door) -> Any:
    """Up to a hundred leads, each by itself."""
    asked = [value_of(one) for one in door.message.all("leadConverts")]
    if len(asked) > LEADS:
        told = f"convertLead takes {LEADS} leads at most, not {len(asked)}"
        raise Fault("EXCEEDED_MAX_LEADS", told)
    return [_converted(door, one) for one in asked] or ...


def _converted(door: Door, asked: Any) -> dict[str, Any]:
    try:
        with door.org.kernel.store.transaction():
            done = converting.convert(door.org, asked)
    except Refusal as refusal:
        told = records.outcome({"success": False, "errors": refusal.as_row()})["errors"]
        empty = {"accountId": None, "contactId": None, "opportunityId": None}
        return {**empty, "errors": told, "leadId": asked.get("leadId"), "success": False}
    return {
        "accountId": done.account_id,
        "contactId": done.contact_id,
        "errors": [],
        "leadId": done.lead_id,
        "opportunityId": done.opportunity_id,
        "success": True,
    }


def _describe_tabs(door: Door) -> Any:
    """The one app of the org, with the tabs of REST's /tabs."""
    tabs = [records.described(tab) for tab in door.rest("GET", "tabs")]
    return [
        {
            "description": "Best-in-class on-demand customer relationship management (CRM)",
            "label": "Sales",
            "logoUrl": f"{door.base}/img/seasonLogos/2014_winter_aloha.png",
            "namespace": None,
            "selected": True,
            "tabSetId": "02uHs0000000001IAA",
            "tabs": tabs,
        }
    ]


OPERATIONS: Mapping[str, Callable[[Door], Any]] = {
    "logout": _logout,
    "getServerTimestamp": _timestamp,
    "getUserInfo": _user,
    "setPassword": _set_password,
    "describeGlobal": _describe_global,
    "describeSObject": _describe,
    "describeSObjects": _describe_many,
    "describeTabs": _describe_tabs,
    "query": _query,
    "queryAll": partial(_query, resource="queryAll"),
    "queryMore": _query_more,
    "retrieve": _retrieve,
    "search": _search,
    "getUpdated": _updated,
    "getDeleted": _deleted,
    "create": partial(_write, method="POST"),
    "update": partial(_write, method="PATCH"),
    "upsert": _upsert,
    "delete": _delete,
    "undelete": partial(_each, act=recycling.undelete),
    "emptyRecycleBin": partial(_each, act=recycling.purge),
    "merge": _merge,
    "convertLead": _convert,
}


def session_facts(org: Org, base: str, version: str, letter: str, user_id: str) -> dict[str, Any]:
    """The result of `login()`."""
    soap = f"{base}/services/Soap"
    return {
        "metadataServerUrl": f"{soap}/m/{version}/{short(org.org_id)}",
        "passwordExpired": False,
        "sandbox": True,
        "serverUrl": f"{soap}/{letter}/{version}/{short(org.org_id)}",
        "sessionId": org.sessions.issue(user_id),
        "userId": user_id,
        "userInfo": user_facts(org, user_id),
    }
