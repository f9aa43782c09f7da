"""`/process`: the org's approval processes and workflow rules, of which there are none (REST guide,
"Process Approvals", "Process Rules")."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.org import Org


def process(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /process."""
    head = rest[0].lower() if rest else ""
    if head == "rules":
        only(call, "GET", "HEAD")
        for name in rest[1:2]:
            org.object(name)
        return Answer(200, {"rules": {}})
    if head != "approvals" or len(rest) > 1:
        raise refusals.not_found()
    only(call, "GET", "HEAD", "POST")
    if call.method != "POST":
        return Answer(200, {"approvals": {}})
    return Answer(200, [_refused(one) for one in object_body(call).get("requests") or ()])


def _refused(request: Any) -> dict[str, Any]:
    """Whatever is submitted, no process is for it."""
    told = "No applicable approval process was found."
    return {
        "actorIds": None,
        "entityId": request.get("contextId") if isinstance(request, dict) else None,
        "errors": [{"fields": [], "message": told, "statusCode": "NO_APPLICABLE_PROCESS"}],
        "instanceId": None,
        "instanceStatus": None,
        "newWorkitemIds": None,
        "success": False,
    }
