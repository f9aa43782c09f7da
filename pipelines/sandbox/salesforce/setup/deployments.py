"""Deployments and retrievals: done when they are asked for, told when their status is.

Source: Metadata API guide, `deploy`, `DeployResult`, `retrieve`, `RetrieveResult`, and "Deploying
Metadata with REST".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.custom import is_on
from pipelines.sandbox.salesforce.many import Undo
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import components, packages
from pipelines.sandbox.salesforce.setup.packages import Part

Options = Mapping[str, Any]
_KEPT = 50


def deploy(org: Org, package: str | bytes, options: Options) -> str:
    """Deploy a package; returns the id under which its result is told.

    With `rollbackOnError` or `checkOnly` nothing of a failed (or of any) deployment stays.

    Raises:
        Refusal: the package cannot be read.
    """
    parts = packages.read(package)
    made = _next(org, "0Af", org.deployments)
    rows: list[dict[str, Any]] = []
    keep = not is_on(options, "checkOnly")
    try:
        with org.kernel.store.transaction():
            rows = [_deployed(org, part) for part in parts]
            failed = not all(row["success"] for row in rows)
            if not keep or (failed and is_on(options, "rollbackOnError")):
                raise Undo
    except Undo:
        org.refresh_catalogue()
    org.deployments[made] = _result(org, made, rows, options)
    return made


def again(org: Org, validated: str) -> str:
    """`deployRecentValidation`: the vendor deploys what was validated before.

    Raises:
        Refusal: the sandbox does not keep packages.
    """
    status(org, validated)
    raise Refusal(
        "INVALID_OPERATION", "Deploying a recent validation is not served by this sandbox", ()
    )


def status(org: Org, deployment: str) -> dict[str, Any]:
    """A deployment's result.

    Raises:
        Refusal: there was none of that id.
    """
    found = org.deployments.get(ids.to18(deployment) or deployment)
    if found is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (), status=404)
    return found


def _deployed(org: Org, part: Part) -> dict[str, Any]:
    row: dict[str, Any] = {
        "changed": True,
        "componentType": part.kind,
        "created": False,
        "createdDate": _now(org),
        "deleted": part.metadata is None,
        "fileName": part.file,
        "fullName": part.name,
        "success": True,
    }
    try:
        with org.kernel.store.transaction():
            kind = _kind(part)
            row["id"] = components.id_of(org, kind, part.name)
            if part.metadata is None:
                components.delete(org, kind, part.name)
            else:
                row["created"] = kind.put(org, part.name, part.metadata)
    except Refusal as refusal:
        org.refresh_catalogue()
        row |= {"changed": False, "deleted": False, "problem": refusal.message,
                "problemType": "Error", "success": False}  # fmt: skip
    return row


def _kind(part: Part) -> components.Kind:
    if part.metadata == {} and part.kind in components.KINDS and part.file == "package.xml":
        raise Refusal(
            "INVALID_CROSS_REFERENCE_KEY",
            f"An object '{part.name}' of type {part.kind} was named in package.xml, but was not "
            "found in zipped directory",
            (),
        )
    return components.kind_of(part.kind)


def _result(org: Org, made: str, rows: list[dict[str, Any]], options: Options) -> dict[str, Any]:
    good = [r for r in rows if r["success"]]
    bad = [r for r in rows if not r["success"]]
    who, now = org.sessions.user(org.user_id), _now(org)
    state = "Succeeded" if not bad else "Failed"
    if bad and good and not is_on(options, "rollbackOnError"):
        state = "SucceededPartial"
    return {
        "checkOnly": is_on(options, "checkOnly"),
        "completedDate": now,
        "createdBy": org.user_id,
        "createdByName": who.get("Name"),
        "createdDate": now,
        "details": {
            "componentFailures": bad,
            "componentSuccesses": good,
            "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0},
        },
        "done": True,
        "id": made,
        "ignoreWarnings": is_on(options, "ignoreWarnings"),
        "lastModifiedDate": now,
        "numberComponentErrors": len(bad),
        "numberComponentsDeployed": len(good),
        "numberComponentsTotal": len(rows),
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "rollbackOnError": is_on(options, "rollbackOnError"),
        "runTestsEnabled": False,
        "startDate": now,
        "status": state,
        "success": state != "Failed",
    }


# ---- retrieving


def retrieve(org: Org, request: Options, version: str) -> str:
    """Make a package of what the manifest asks for; returns the id under which it is told."""
    manifest = request.get("unpackaged") or {}
    if components.listed(request.get("packageNames")):
        raise Refusal("INVALID_OPERATION", "Packages are not served; name components instead", ())
    root = "" if is_on(request, "singlePackage") else "unpackaged/"
    wanted = list(packages.members(manifest if isinstance(manifest, dict) else {}))
    data, shown, problems = packages.write(org, wanted, version, root)
    made = _next(org, "09S", org.retrievals)
    org.retrievals[made] = {
        "done": True,
        "fileProperties": shown,
        "id": made,
        "messages": problems,
        "status": "Succeeded",
        "success": True,
        "zipFile": base64.b64encode(data).decode(),
    }
    return made


def retrieved(org: Org, retrieval: str) -> dict[str, Any]:
    """A retrieval's result.

    Raises:
        Refusal: there was none of that id.
    """
    found = org.retrievals.get(ids.to18(retrieval) or retrieval)
    if found is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
    return found


def _now(org: Org) -> str:
    return stamp(org.kernel.clock.now()).removesuffix("+0000") + "Z"


def _next(org: Org, prefix: str, kept: dict[str, dict[str, Any]]) -> str:
    while len(kept) >= _KEPT:
        kept.pop(next(iter(kept)))
    org.opened_jobs += 1
    return ids.numbered(prefix, org.opened_jobs)
