"""Each guard of the code taken out once, and which test notices. Writes mutations.json.

    python tests/proof/mutations.py            all of them, in a copy of the code
    python tests/proof/mutations.py lease ...  those whose name holds a word
    python tests/proof/mutations.py --missing  those that were not tried yet

A guard that nobody would miss is not one: the exit status is 1 then.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutation import UNIT, Mutation
from mutations_reading import READING
from mutations_secrecy import SECRECY

ROOT = Path(__file__).resolve().parents[2]
STORED = Path(__file__).with_name("mutations.json")
FOLDERS = ("pipelines", "reverse_etl", "orchestration", "tests", "dbt_project", "data")
DOORS = ("tests/journeys/test_writes.py::TestDoors",)
# Seconds after which a test that does not end counts as failed: some guards end a loop.
_PATIENCE = 900
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - |$)", re.MULTILINE)


APPLY, LEDGER, CYCLE = "reverse_etl/apply.py", "reverse_etl/ledger.py", "reverse_etl/cycle.py"
PLAN, GUARDS = "reverse_etl/plan.py", "reverse_etl/guards.py"
INVOICES, LEASE = "reverse_etl/syncs/invoices.py", "reverse_etl/lease.py"
TOKENS = ("tests/unit/test_transport.py", "tests/contract/test_client_quickbooks.py")
WRITING = (
    Mutation(
        "the intent is durable before the request", LEDGER,
        'work.add("ledger_entry", [vars(e) for e in entries if e.change_key not in known])', "pass",
    ),
    Mutation(
        "the request id follows from the key", "reverse_etl/changes.py",
        "digest_of = hashlib.sha256(key.encode()).digest()",
        'digest_of = hashlib.sha256(f"{key}{__import__(\'time\').time_ns()}".encode()).digest()',
    ),
    Mutation(
        "the payload is no part of the request id", LEDGER,
        "request_id=request_id(change.key),", "request_id=request_id(change.key + intent.payload),",
    ),
    Mutation(
        "a write in doubt is looked for", APPLY,
        "    seen = _look(flow, run.clients, entries)\n    young",
        "    seen: Mapping[str, str] = {}\n    young",
    ),
    Mutation(
        "what may be hidden is waited for", "reverse_etl/patience.py",
        "    return (\n        patience.request_memory >= patience.visible_within",
        "    return True or (\n        patience.request_memory >= patience.visible_within",
    ),
    Mutation(
        "a look or intent that has grown old sends nothing", APPLY,
        "if slept > run.patience.leave_within:", "if False:",
    ),
    Mutation(
        "after a long pause a first try is intended anew", APPLY,
        "                entries = run.ledger.intend_again(entries)", "                pass",
    ),
    Mutation(
        "the refusal of a repeat settles nothing yet", APPLY,
        "if young and not answer.accepted:", "if False:",
    ),
    Mutation(
        "a forgetful ledger looks before each first send", APPLY,
        "doubtful = run.look_first or", "doubtful = False and",
    ),
    Mutation(
        "a young ledger sends nothing new", APPLY,
        "elif run.hold_new:", "elif False:",
    ),
    Mutation(
        "a ledger is young until data show all it may miss", CYCLE,
        "datetime.fromisoformat(born_at) + _SHOWN_AFTER", "datetime.fromisoformat(born_at)",
    ),
    Mutation(
        "a ledger that was set back is noticed", CYCLE,
        "if not view.copied.keys() <= known:", "if False:",
    ),
    Mutation(
        "a reopening waits for the warehouse", CYCLE,
        "for base, r in found.items() if base not in unjudged", "for base, r in found.items()",
    ),
    Mutation(
        "a write in doubt keeps its bytes", LEDGER,
        "if known.in_doubt and known.payload == intent.payload:", "if known.in_doubt:",
    ),
    Mutation(
        "what is done is final", LEDGER,
        '    if known.status != "refused":\n        raise _must_not_send(known)\n', "",
    ),
    Mutation(
        "two runs cannot move one entry", LEDGER,
        "vars(e) for e in after], where) != len(before):", "vars(e) for e in after], where) < 0:",
    ),
    Mutation(
        "an outcome without an intent is refused", LEDGER, "        if stray:", "        if False:",
    ),
    Mutation(
        "a living holder keeps its lease", LEASE,
        "if theirs and _is_alive(theirs, now()):", "if False:",
        ("tests/unit/test_state.py", *DOORS),
    ),
    Mutation(
        "who lost the lease writes nothing more", LEASE,
        "name=NAME, token=self.token) != 1:", "name=NAME, token=self.token) < 0:",
        ("tests/unit/test_state.py", *UNIT),
    ),
    Mutation(
        "what was written and is not seen is not written again", PLAN,
        '    elif change.action == "create":', "    elif False:",
    ),
    Mutation(
        "a plan needs a person's approval", CYCLE,
        "        approvals.require(plan, approval, now())\n", "", DOORS,
    ),
    Mutation(
        "what a flow may only show is never sent", CYCLE,
        "        policies.refuse_unsent(plan, settings.policies)\n", "", DOORS,
    ),
    Mutation(
        "an approval lapses", "reverse_etl/approvals.py",
        "if not approval.approved_at <= at < approval.valid_until:", "if False:",
        ("tests/unit/test_approvals.py",),
    ),
    Mutation(
        "only approvers approve", "reverse_etl/policies.py",
        "if policy.approvers and who not in policy.approvers:", "if False:",
        ("tests/unit/test_policies.py",),
    ),
    Mutation(
        "who may not approve any more has not approved", CYCLE,
        "policies.refuse_approver(plan, settings.policies, approval.who, authors)", "pass", DOORS,
    ),
    Mutation(
        "a day has its limit", GUARDS,
        "        *over_day(plan, bounds.policies, bounds.of_the_day),\n", "",
        ("tests/unit/test_guards.py",),
    ),
    Mutation(
        "an estimate is looked at just before its invoice leaves", APPLY,
        "barred |= flow.barred(run.clients, [e for e in entries if e.change_key not in barred])",
        "pass", ("tests/unit/test_apply_late.py",),
    ),
    Mutation(
        "what a person changed in Salesforce since it was read is left alone",
        "reverse_etl/moved.py", "                if words:", "                if False:",
        ("tests/journeys/test_writes_changed_since.py",),
    ),
    Mutation(
        "a plan the data no longer want is refused", CYCLE,
        "_refuse_if_drifted(state, plan, current)", "pass", DOORS,
    ),
    Mutation("another company is refused", GUARDS, "    if strangers:", "    if False:", DOORS),
    Mutation(
        "what is in doubt for another company is left alone", GUARDS,
        "(*plan.changes, *in_doubt)", "plan.changes",
        ("tests/journeys/test_wrong_company.py::test_what_is_in_doubt_is_not_repeated_elsewhere",),
    ),
    Mutation(
        "data that are not whole bar every write", GUARDS, "    if doubts:", "    if False:", DOORS,
    ),
    Mutation("limits on number and amount", GUARDS, "    if found:", "    if False:", DOORS),
    Mutation(
        "closed books are left alone", INVOICES,
        "if closed and row.invoice_on <= closed:", "if False:",
        ("tests/unit/test_syncs_rows.py", *DOORS),
    ),
    Mutation(
        "lines add up to the invoice", INVOICES, "    if total != row.amount:", "    if False:",
        ("tests/unit/test_syncs_rows.py",),
    ),
    Mutation(
        "the mark of generation 1 is not that of 10", INVOICES, 're.escape(mark) + r"(?!\\d)"',
        "re.escape(mark)", ("tests/unit/test_syncs_rows.py", *UNIT),
    ),
    Mutation(
        "a commit survives a power cut", "reverse_etl/state.py",
        "PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF", ("tests/unit/test_state.py",),
    ),
    Mutation(
        "the state is its owner's alone", "reverse_etl/state.py",
        "        path.chmod(0o600)\n", "        path.chmod(0o644)\n", ("tests/unit/test_state.py",),
    ),
    Mutation(
        "a rotated token is on disk before it is used", "pipelines/clients/tokens.py",
        "        self._file.save(fresh)\n", "", TOKENS,
    ),
    Mutation(
        "one process refreshes a token at a time", "pipelines/clients/tokens.py",
        "        with self._file.locked():\n", "        if True:\n",
        ("tests/unit/test_transport.py",),
    ),
)  # fmt: skip
MUTATIONS = (*WRITING, *READING, *SECRECY)


def main() -> int:
    words = sys.argv[1:]
    found = json.loads(STORED.read_text()) if words and STORED.exists() else {}
    missing = words == ["--missing"]
    chosen = [
        m
        for m in MUTATIONS
        if (missing and m.name not in found) or not words or any(word in m.name for word in words)
    ]
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(Path(folder))
        for mutation in chosen:
            caught = _caught(copy, mutation)
            found[mutation.name] = {"file": mutation.file, "caught": caught}
            print(f"{mutation.name}: {caught or 'NOBODY NOTICED'}", flush=True)
            STORED.write_text(json.dumps(found, indent=1) + "\n")
    return any(not told["caught"] for told in found.values())


def _copied(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "target", "*.duckdb")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def mutated(mutation: Mutation, whole: str) -> str:
    """The file without the guard. Raises `LookupError` where it does not hold it exactly once: the
    code has moved on, and the mutation has to follow it."""
    if whole.count(mutation.text) != 1:
        raise LookupError(f"{mutation.file} does not hold once: {mutation.text}")
    return whole.replace(mutation.text, mutation.instead)


def _caught(copy: Path, mutation: Mutation) -> str:
    """The first test that fails without the guard; empty if all pass."""
    path = copy / mutation.file
    whole = path.read_text()
    path.write_text(mutated(mutation, whole))
    try:
        there = [name for name in mutation.tests if (copy / name.partition("::")[0]).exists()]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", *there],
            cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False,
            timeout=_PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{mutation.tests[0].partition('::')[0]}::(does not end)"
    finally:
        path.write_text(whole)
    failed = _FAILED.search(done.stdout)
    if not failed and done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return failed[1] if failed else ""


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy)}


if __name__ == "__main__":
    sys.exit(main())
