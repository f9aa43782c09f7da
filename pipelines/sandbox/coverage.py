"""What the sandbox serves and what it does not: one table per vendor, kept beside its routes.

A row is a claim about one operation together with the call that proves it. The contract tests make
every call against a small company and hold the claim against the answer; `COVERAGE.md` is written
from the same rows (`python -m pipelines.sandbox.coverage`), and so is `GET /_sandbox/coverage`.

To add an operation, add a row to `OPERATIONS` in `pipelines/sandbox/<vendor>/coverage.py`:

    Operation("Read a record", "GET", "/v3/company/{realm}/customer/{Customer}")

Words in braces are filled in: `{version}`, `{org}`, `{realm}` and the other words of the vendor's
connection (`{client_id}`, `{refresh_token}`, ...); `{Customer}` is the id of the first such record
of the seed and `{Customer.SyncToken}` a member of it; `{0.id}` is a member of the first answer of
`before`, and `{0}` that answer's text.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines.sandbox.faults import CONDITIONS, KINDS

PAGE = Path(__file__).with_name("COVERAGE.md")
TABLES = {
    "salesforce": "pipelines.sandbox.salesforce.coverage",
    "quickbooks": "pipelines.sandbox.quickbooks.coverage",
}
_TITLES = {"salesforce": "Salesforce", "quickbooks": "QuickBooks Online"}
_PLACE = re.compile(r"\{([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)\}")
_ID_PLACES = re.compile(r"\{(?:\d+(?:\.\w+)*)\}")


class Claim(Enum):
    """What happens to an operation."""

    SERVED = "served"
    REFUSED = "refused as the vendor would"
    NOT_SERVED = "not served"


SERVED, REFUSED, NOT_SERVED = Claim.SERVED, Claim.REFUSED, Claim.NOT_SERVED


@dataclass(frozen=True)
class Call:
    """One call: a body of dict or list is sent as JSON, a text as it is."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    signed_in: bool = True


@dataclass(frozen=True)
class Operation:
    """One row of the coverage page.

    Attributes:
        name: what it does, in the vendor's words.
        method, path, body, headers, signed_in: the call that proves the claim. The page shows
            method and path.
        claim: `SERVED` answers below 400; `REFUSED` and `NOT_SERVED` answer with an error.
        note: what a reader should know, such as what is left out.
        says: text the answer must contain. A refusal names the vendor's code here.
        before: calls that must come first; all of them are served.
    """

    name: str
    method: str
    path: str
    claim: Claim = SERVED
    note: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    signed_in: bool = True
    says: str = ""
    before: tuple[Call, ...] = ()

    @property
    def call(self) -> Call:
        """The call that proves the claim."""
        return Call(self.method, self.path, self.body, self.headers, self.signed_in)

    def holds(self, status: int, text: str) -> bool:
        """Whether an answer is what the row claims."""
        good = status < 400 if self.claim is SERVED else status >= 400
        return good and self.says in text


Areas = Mapping[str, Sequence[Operation]]


def operations(system: str) -> Areas:
    """One vendor's rows by area."""
    found: Areas = importlib.import_module(TABLES[system]).OPERATIONS
    return found


def filled(value: Any, find: Callable[[str], str]) -> Any:
    """A path or body with every word in braces replaced by what `find` knows under it."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: find(found[1]), value)
    if isinstance(value, Mapping):
        return {key: filled(part, find) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [filled(part, find) for part in value]
    return value


def as_json() -> dict[str, Any]:
    """The page as data."""
    return {
        system: [
            {
                "area": area,
                "operation": row.name,
                "method": row.method,
                "path": _shown(row.path),
                "claim": row.claim.value,
                "note": row.note,
            }
            for area, rows in operations(system).items()
            for row in rows
        ]
        for system in TABLES
    }


def as_markdown() -> str:
    """The page as it is committed."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# What the sandbox serves"
    yield ""
    yield "Written by `python -m pipelines.sandbox.coverage` from the tables beside the routes."
    yield "Every row is called by a contract test, so what is claimed here happens."
    for system in TABLES:
        yield ""
        yield from _vendor_lines(system)
    yield ""
    yield from _fault_lines()


def _fault_lines() -> Iterator[str]:
    yield "## Faults"
    yield ""
    yield "Armed by `POST /_sandbox/faults` with one rule: conditions and an `action`, as in"
    yield '`{"system": "quickbooks", "entity": "Invoice", "operation": "create", "skip": 2,'
    yield '"action": {"kind": "refuse", "code": "6240"}}`. `GET` lists the armed ones, `DELETE`'
    yield "disarms all, or one by `?id=`. Rules are tried in the order of arming; the first that"
    yield "fires decides."
    yield ""
    yield "| condition | meaning |"
    yield "|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in CONDITIONS.items())
    yield ""
    yield "| kind | what happens | parts of the action |"
    yield "|---|---|---|"
    for name, kind in KINDS.items():
        yield f"| `{name}` | {kind.meaning} | {', '.join(f'`{p}`' for p in kind.parts)} |"


def _vendor_lines(system: str) -> Iterator[str]:
    areas = operations(system)
    rows = [row for group in areas.values() for row in group]
    counts = ", ".join(f"{sum(r.claim is c for r in rows)} {c.value}" for c in Claim)
    yield f"## {_TITLES[system]}: {counts}"
    for area, group in areas.items():
        yield ""
        yield f"### {area}"
        yield ""
        yield "| operation | call | | note |"
        yield "|---|---|---|---|"
        for row in group:
            call = f"`{row.method} {_shown(row.path)}`".replace("|", "\\|")
            yield f"| {row.name} | {call} | {row.claim.value} | {row.note} |"


def _shown(path: str) -> str:
    return _ID_PLACES.sub("{id}", path)


def main() -> int:
    """Write the committed page."""
    PAGE.write_text(as_markdown())
    sys.stdout.write(f"{PAGE}\n")
    return 0


if __name__ == "__main__":
    # Through the import: the tables speak of the claims of the imported module, not of this one.
    sys.exit(importlib.import_module("pipelines.sandbox.coverage").main())
