"""django-salesforce with the suite that its own package carries, unmodified.

The suite talks to an org through Django's models: queries, relations, aggregates, bulk writes,
files, transactions, renewed tokens. Its vendor's address must be https;
`django/sitecustomize.py` leads it to the sandbox, inside the suite's own process.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv-django"
NAME = "django-salesforce==6.0"
# The package asks for a licence on Django's newest versions; on this one it is free.
BESIDE = "django==4.2.30"
SERVE = ("--empty",)
_IN_ORG = "salesforce.tests.test_integration.BasicSOQLRoTest"
KNOWN: Mapping[str, str] = {
    "salesforce.tests.test_documents.Test.test_content_version": "asks for VersionDataUrl, which "
    "the sandbox's files do not have: content is read at VersionData",
    f"{_IN_ORG}.test_datetime_miliseconds": "reads CronTrigger: no Apex is scheduled here",
    f"{_IN_ORG}.test_one_to_one_field": "writes ApexEmailNotification: no Apex runs here",
    f"{_IN_ORG}.test_time_field": "reads BusinessHours, which the sandbox does not have",
}
SECONDS = 300


def install() -> None:
    """The package and Django by exact version, in an environment of their own."""
    if (ENVIRONMENT / "bin" / "django-admin").exists():
        return
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", NAME, BESIDE]
    subprocess.run(pip, check=True, timeout=SECONDS)


def run(connection: Mapping[str, Any]) -> dict[str, str]:
    """What went wrong in each case that ran; empty where nothing did.

    Skipped ones do not count: the suite leaves out what its own org's custom objects would serve.
    """
    org = connection["salesforce"]
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        python = str(ENVIRONMENT / "bin" / "python")
        subprocess.run(
            [python, "-m", "django", "test", "salesforce", "--noinput",
             "--settings=salesforce.testrunner.settings", "--testrunner=outcomes.Runner"],
            cwd=folder,  # the suite leaves a database behind where it runs
            env={**os.environ, **_settings(org), "SUITE_OUTCOMES": str(answer)},
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )  # fmt: skip
        told = json.loads(answer.read_text())
    ran = [name for name in told["names"] if name not in told["skipped"]]
    return {name: told["wrong"].get(name, "") for name in ran}


def _settings(org: Mapping[str, str]) -> dict[str, str]:
    return {
        "PYTHONPATH": str(HERE / "django"),
        "SUITE_BASE_URL": org["base_url"],
        "SF_HOST": "https://login.salesforce.com",
        "SF_CONSUMER_KEY": org["client_id"],
        "SF_CONSUMER_SECRET": org["client_secret"],
        "SF_USER": org["username"],
        "SF_PASSWORD": org["password"] + org["security_token"],
    }
