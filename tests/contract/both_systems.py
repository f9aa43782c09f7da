"""A small org and two small companies in one sandbox, and our own clients that talk to them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import quickbooks_company
import requests
import salesforce_org
import simplejson

from pipelines.clients.quickbooks import QuickBooksClient
from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.tokens import TokenFile
from pipelines.clients.transport import Patience
from pipelines.sandbox.server import RunningSandbox, running_sandbox
from pipelines.settings import Settings, load_settings

US, GB = quickbooks_company.US, quickbooks_company.GB
ORG = salesforce_org.ORG
# As patient as in life, without the waiting.
QUICK = Patience(sleep=lambda _: None)


def write_seed(
    folder: Path,
    salesforce: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    quickbooks: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] | None = None,
) -> Path:
    """Both small worlds in one seed folder; records given here replace an object's own."""
    manifest = {
        **salesforce_org.MANIFEST,
        "quickbooks": quickbooks_company.MANIFEST["quickbooks"],
    }
    quickbooks_company.write_seed(folder)
    salesforce_org.write_seed(
        folder, records={**salesforce_org.RECORDS, **(salesforce or {})}, manifest=manifest
    )
    for realm, entities in (quickbooks or {}).items():
        for entity, records in entities.items():
            place = folder / "quickbooks" / realm / f"{entity}.json"
            place.write_text(simplejson.dumps(records, use_decimal=True))
    return folder


@dataclass
class World:
    """A running sandbox with a data folder of its own."""

    sandbox: RunningSandbox
    folder: Path

    @cached_property
    def settings(self) -> Settings:
        """Settings that lead to this sandbox."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "connection.json").write_text(json.dumps(self.sandbox.connection))
        given = {"CROSSFOOT_DATA_DIR": str(self.folder), "CROSSFOOT_TIMEOUT_SECONDS": "3"}
        return load_settings(given).check()

    def salesforce(self, **changed: Any) -> SalesforceClient:
        """Our client; settings may be changed."""
        settings = replace(self.settings.salesforce, **changed)
        return SalesforceClient(settings, read_seconds=3, patience=QUICK)

    def quickbooks(self, realm: str = US, **changed: Any) -> QuickBooksClient:
        """Our client of one company; settings may be changed."""
        settings = replace(self.settings.quickbooks, **changed)
        file = TokenFile(self.settings.token_dir / f"quickbooks-{realm}.json")
        company = settings.company(realm)
        return QuickBooksClient(settings, company, file, read_seconds=3, patience=QUICK)

    def control(self, method: str, path: str, **options: Any) -> Any:
        """A call to the sandbox's control area."""
        url = f"{self.sandbox.connection['control_url']}/{path}"
        answer = requests.request(method, url, timeout=20, **options)
        answer.raise_for_status()
        return answer.json()

    def arm(
        self, kind: str, path: str, times: int | None = 1, system: str | None = None, **given: Any
    ) -> None:
        """Arm a fault: `path` is searched in the address; an action's parts come as keywords."""
        rule = {"path": path, "times": times, "system": system, "action": {"kind": kind, **given}}
        self.control("POST", "faults", json=rule)

    def calm(self) -> None:
        """Disarm all faults."""
        self.control("DELETE", "faults")

    def move_clock(self, days: float) -> None:
        """Let the vendors' time pass."""
        self.control("POST", "clock", json={"advance_seconds": days * 86400})

    def writes(self, entity: str) -> list[dict[str, Any]]:
        """Every stored change of one entity that a call has made, as the sandbox saw it."""
        found = self.control("GET", "journal")["entries"]
        return [w for e in found for w in e["writes"] if w["entity"] == entity]


@contextmanager
def running_world(seed: Path, folder: Path) -> Iterator[World]:
    """The small worlds being served."""
    with running_sandbox(seed=seed) as sandbox:
        yield World(sandbox, folder)
