"""node-quickbooks with the integration suite that its own package carries, unmodified.

It runs against the vendor's demonstration company. `node/redirect.cjs` fills in the package's
`config.js` and base address, and the two lists of queries and reports that its tests read and its
package lacks: every `find...` and `report...` the client has.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NODE = Path(__file__).resolve().parent / "node"
NAME = "node-quickbooks@2.0.50"
SERVE = ("--company", "landscaping")
FILES = ("index", "batch", "cdc")  # charge.js asks Intuit's payments API, which is another product
KNOWN: Mapping[str, str] = {
    "Reports should fetch TrialBalanceFR Report": "a report of French companies; this one is of "
    "the US, so it is refused, and the suite waits for an answer",
    "Reports should fetch TaxSummary Report": "served for British companies; of this one, of the "
    "US, it is refused",
    "Change Data Capture should create an Attachable and capture the change": "the suite gives the "
    "client a moment object, which its date library does not take",
}
SECONDS = 600


def install() -> None:
    """The package and what its suite asks for, by exact version."""
    if not (NODE / "node_modules" / "node-quickbooks").is_dir():
        npm = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=NODE, check=True, timeout=SECONDS)


def run(connection: Mapping[str, Any]) -> dict[str, str]:
    """What went wrong in each case; empty where nothing did."""
    books = connection["quickbooks"]
    found: dict[str, str] = {}
    for name in FILES:
        found |= _file(name, books)
    return found


def _file(name: str, books: Mapping[str, Any]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        subprocess.run(
            [
                NODE / "node_modules/.bin/mocha", "--exit", "--require", NODE / "redirect.cjs",
                "--reporter", "json", "--reporter-option", f"output={answer}",
                NODE / f"node_modules/node-quickbooks/test/{name}.js",
            ],
            cwd=folder,  # the suite leaves files behind where it runs
            env={
                **os.environ,
                "SUITE_CONFIG": json.dumps(_config(books)),
                "SUITE_BASE_URL": f"{books['base_url']}/v3/company/",
            },
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )  # fmt: skip
        told = json.loads(answer.read_text())
    failed = {one["fullTitle"]: one["err"].get("message", "failed") for one in told["failures"]}
    return {one["fullTitle"]: failed.get(one["fullTitle"], "") for one in told["tests"]}


def _config(books: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the package's config.js."""
    company = books["companies"][0]
    return {
        "consumerKey": books["client_id"],
        "consumerSecret": books["client_secret"],
        "token": company["access_token"],
        "tokenSecret": False,
        "refreshToken": company["refresh_token"],
        "realmId": company["realm_id"],
        "useSandbox": False,
        "debug": False,
        "oauthversion": "2.0",
    }
