"""singer-io's tap-salesforce, as installed and unmodified, reading a generated company.

Each object read over each of the vendor's APIs is one case: it passes when the tap ends well and
wrote as many records as the sandbox counts. The tap's log-in address stands fixed in its source;
`python/sitecustomize.py` leads that one host to the sandbox, inside the tap's own process.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import venv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
NAME = "tap-salesforce==2.8.1"
SERVE = ("--scale", "2000")
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
# Cases that are known to fail, each with its reason.
KNOWN: Mapping[str, str] = {}
SECONDS = 300


def install() -> None:
    """The tap by exact version, in an environment of its own: its pins are not ours."""
    if (ENVIRONMENT / "bin" / "tap-salesforce").exists():
        return
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", NAME]
    subprocess.run(pip, check=True, timeout=SECONDS)


def run(connection: Mapping[str, Any]) -> dict[str, str]:
    """What went wrong in each case; empty where nothing did."""
    org = connection["salesforce"]
    found = {}
    for api in ("REST", "BULK"):
        try:
            read = _records(api, org)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            found.update({f"{api} {name}": str(error) for name in OBJECTS})
            continue
        for name in OBJECTS:
            held = _counted(org, name)
            wrong = f"{read[name]} records read, {held} held" if read[name] != held else ""
            found[f"{api} {name}"] = wrong or ("" if held else "the org holds none to read")
    return found


def _records(api: str, org: Mapping[str, str]) -> Counter[str]:
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
        catalog = json.loads("\n".join(_tap(folder, org["login_url"], "--discover")))
        (folder / "catalog.json").write_text(json.dumps(_selected(catalog)))
        lines = _tap(folder, org["login_url"], "--properties", "catalog.json")
    messages = [json.loads(line) for line in lines]
    return Counter(one["stream"] for one in messages if one["type"] == "RECORD")


def _tap(folder: Path, login_url: str, *arguments: str) -> list[str]:
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


def _selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with the objects of interest chosen, every field of them."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in OBJECTS
    return catalog


def _counted(org: Mapping[str, str], name: str) -> int:
    """How many rows of an object the org itself says it has."""
    reply = requests.get(
        f"{org['base_url']}/services/data/v{org['api_version']}/query",
        params={"q": f"SELECT COUNT() FROM {name}"},
        headers={"Authorization": f"Bearer {org['access_token']}"},
        timeout=30,
    )
    reply.raise_for_status()
    return int(reply.json()["totalSize"])
