"""Published Salesforce tap, as installed and unmodified, against a sandbox started for it.

`make suites` runs it. Each object read over each of the vendor's APIs is one case: it passes when
the tap ends well and wrote as many records as the sandbox counts. Ends with one line of JSON;
exits non-zero when a case fails that `KNOWN` does not excuse, or passes although it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
TAP = "tap-salesforce==2.8.1"
OBJECTS = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "Pricebook2",
    "PricebookEntry",
    "Product2",
    "User",
)
#: Cases that are known to fail, each with its reason. None at present.
KNOWN: dict[str, str] = {}
SECONDS = 300


def install() -> None:
    """The tap by exact version, in an environment of its own: its pins are not ours."""
    if (ENVIRONMENT / "bin" / "tap-salesforce").exists():
        return
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", TAP]
    subprocess.run(pip, check=True, timeout=SECONDS)


def tap(folder: Path, login_url: str, *arguments: str) -> list[str]:
    """The lines the tap wrote; its own complaint is raised."""
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "tap-salesforce"), "--config", "config.json", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE / "python"), "SUITE_LOGIN_URL": login_url},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.splitlines()


def selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with the objects of interest chosen, every field of them."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in OBJECTS
    return catalog


def records(api: str, org: dict[str, str]) -> Counter[str]:
    """How many records of each object the tap reads over an API: REST or BULK."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = {
            **{key: org[key] for key in ("client_id", "client_secret", "refresh_token")},
            "start_date": "2000-01-01T00:00:00Z",
            "api_type": api,
            "select_fields_by_default": "true",
        }
        (folder / "config.json").write_text(json.dumps(config))
        catalog = json.loads("\n".join(tap(folder, org["login_url"], "--discover")))
        (folder / "catalog.json").write_text(json.dumps(selected(catalog)))
        lines = tap(folder, org["login_url"], "--properties", "catalog.json")
    messages = [json.loads(line) for line in lines]
    return Counter(one["stream"] for one in messages if one["type"] == "RECORD")


def counted(org: dict[str, str], name: str) -> int:
    """How many rows of an object the org itself says it has."""
    reply = requests.get(
        f"{org['base_url']}/services/data/v{org['api_version']}/query",
        params={"q": f"SELECT COUNT() FROM {name}"},
        headers={"Authorization": f"Bearer {org['access_token']}"},
        timeout=30,
    )
    reply.raise_for_status()
    return int(reply.json()["totalSize"])


def verdicts(org: dict[str, str]) -> dict[str, str]:
    """What went wrong in each case; empty where nothing did."""
    found = {}
    for api in ("REST", "BULK"):
        try:
            read = records(api, org)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            found.update({f"{api} {name}": str(error) for name in OBJECTS})
            continue
        for name in OBJECTS:
            held = counted(org, name)
            wrong = f"{read[name]} records read, {held} held" if read[name] != held else ""
            found[f"{api} {name}"] = wrong or ("" if held else "the org holds none to read")
    return found


def main() -> int:
    """Install, serve, run, tell."""
    install()
    serve = [sys.executable, "-m", "pipelines.sandbox", "--scale", "2000", "--json"]
    with subprocess.Popen(
        [*serve, "--stop-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        found = verdicts(json.loads(server.stdout.readline())["salesforce"])
        server.stdin.close()
    failed = {case: wrong for case, wrong in found.items() if wrong}
    for case, wrong in found.items():
        told = f"failed: {KNOWN.get(case, 'unexpected')}: {wrong}" if wrong else "passed"
        print(f"{TAP}  {case:26} {told}")
    passed = len(found) - len(failed)
    print(json.dumps({"suite": TAP, "passed": passed, "failed": len(failed), "known": len(KNOWN)}))
    return int(failed.keys() != KNOWN.keys())


if __name__ == "__main__":
    sys.exit(main())
