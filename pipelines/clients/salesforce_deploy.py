"""Deploying a package of metadata: sent once, then asked after until the org is through with it.

Source: Metadata API guide, "Deploying with REST API": POST metadata/deployRequest takes a multipart
body of JSON options and the zip; GET tells how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import simplejson
from urllib3.filepost import encode_multipart_formdata

from pipelines.clients.salesforce_replies import SYSTEM
from pipelines.errors import Refused, Unavailable

_OPTIONS = {"singlePackage": True, "rollbackOnError": True}
FIRST_WAIT, LONGEST_WAIT, PATIENCE = 0.2, 5.0, 300.0


def form(package: bytes) -> tuple[bytes, str]:
    """The body of the request and its content type."""
    options = simplejson.dumps({"deployOptions": _OPTIONS})
    fields: dict[str, str | bytes | tuple[str, str | bytes] | tuple[str, str | bytes, str]] = {
        "json": ("deploy.json", options, "application/json"),
        "file": ("deploy.zip", package, "application/zip"),
    }
    return encode_multipart_formdata(fields)


def settled(ask: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> None:
    """Ask until the deployment is done, ever more seldom.

    Raises `Refused` with the vendor's words, `Unavailable` when it is still under way after
    `patience` seconds or the answer does not say.
    """
    waited, pause = 0.0, FIRST_WAIT
    while True:
        answer = ask()
        result = answer.get("deployResult") if isinstance(answer, Mapping) else None
        if not isinstance(result, Mapping):
            raise Unavailable(SYSTEM, what, "the answer does not tell of the deployment")
        if result.get("done"):
            break
        if waited >= patience:
            raise Unavailable(SYSTEM, what, f"the deployment is under way for {waited:.0f} seconds")
        time.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, LONGEST_WAIT)
    if not result.get("success"):
        raise Refused(
            SYSTEM, what, f"the deployment was refused: {_problem(result)}",
            "Mend it in Setup, then run the command again.", "DEPLOY_FAILED", _problem(result),
        )  # fmt: skip


def _problem(result: Mapping[str, Any]) -> str:
    failures = (result.get("details") or {}).get("componentFailures") or ()
    words = [str(one.get("problem")) for one in failures if one.get("problem")]
    return "; ".join(words) or str(result.get("errorMessage") or result.get("status"))
