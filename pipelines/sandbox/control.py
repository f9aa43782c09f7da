"""The control area: state, reset, seed, faults, clock and journal, as JSON on both ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pipelines.sandbox import codec, coverage
from pipelines.sandbox.clock import instant_text
from pipelines.sandbox.errors import SandboxError
from pipelines.sandbox.faults import CONDITIONS, KINDS, FaultRuleRefused
from pipelines.sandbox.kernel import Reply, Request, Sandbox, trimmed
from pipelines.sandbox.weather import check_code

PREFIX = "/_sandbox"
_JSON = {"Content-Type": "application/json;charset=UTF-8"}
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


def control(sandbox: Sandbox, request: Request) -> Reply:
    """Answer one call of the control area; bad input is a 400 with one sentence."""
    if not _is_local(request.headers):
        return _answer(403, {"error": "The control area answers to this machine only."})
    if (request.method, trimmed(request.path)) == ("GET", PREFIX + "/coverage"):
        return _coverage(request)
    action = _ROUTES.get((request.method, trimmed(request.path)[len(PREFIX) :]))
    if action is None:
        return _answer(404, {"error": f"The control area has no {request.method} {request.path}."})
    try:
        given = codec.loads(request.body) if request.body.strip() else {}
        if not isinstance(given, dict):
            raise ValueError("The control area takes a JSON object.")
        return _answer(200, action(sandbox, request.query, given))
    except (ValueError, KeyError, TypeError, SandboxError) as error:
        return _answer(400, {"error": str(error)})


def _answer(status: int, value: Any) -> Reply:
    return Reply(status, codec.dump_bytes(value), _JSON)


def _coverage(request: Request) -> Reply:
    """The coverage page, as data or, when asked for, as the text that is committed."""
    if "text/markdown" in request.headers.get("accept", ""):
        headers = {"Content-Type": "text/markdown; charset=utf-8"}
        return Reply(200, coverage.as_markdown().encode(), headers)
    return _answer(200, coverage.as_json())


def _is_local(headers: Mapping[str, str]) -> bool:
    """Refuses web pages of elsewhere that talk a browser into calling a loopback port."""
    host = headers.get("host", "").rsplit(":", 1)[0]
    origin = headers.get("origin", "")
    return host in _LOCAL_HOSTS and (not origin or any(h in origin for h in _LOCAL_HOSTS))


Given = Mapping[str, Any]
Query = Mapping[str, str]


def _state(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    with sandbox.lock:
        realms = [sandbox.manifest["salesforce"]["org_id"]]
        realms += [company["realm_id"] for company in sandbox.manifest["quickbooks"]]
        return {
            "name": sandbox.manifest.get("name"),
            "clock": _clock(sandbox),
            "limits": sandbox.options.limits,
            "calls": dict(sandbox.journal.counts()),
            "faults": len(sandbox.faults.rules()),
            "records": {
                realm: {
                    e: len(sandbox.store.table(realm, e)) for e in sandbox.store.entities(realm)
                }
                for realm in realms
            },
        }


def _connection(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    return sandbox.connection()


def _reset(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    sandbox.reset()
    return sandbox.connection()


def _seed(sandbox: Sandbox, _query: Query, given: Given) -> Any:
    sandbox.reset(Path(str(given["folder"])))
    return sandbox.connection()


def _faults(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    with sandbox.lock:
        return {
            "faults": [rule.as_json() for rule in sandbox.faults.rules()],
            "kinds": {k: {"meaning": v.meaning, "parts": v.parts} for k, v in KINDS.items()},
            "conditions": CONDITIONS,
        }


def _arm(sandbox: Sandbox, _query: Query, given: Given) -> Any:
    with sandbox.lock:
        rule = sandbox.faults.arm(given)
        try:
            check_code(sandbox, rule.system, rule.action)
        except FaultRuleRefused:
            sandbox.faults.clear(rule.id)
            raise
        return rule.as_json()


def _disarm(sandbox: Sandbox, query: Query, given: Given) -> Any:
    with sandbox.lock:
        sandbox.faults.clear(int(query["id"]) if "id" in query else None)
    return _faults(sandbox, query, given)


def _clock(sandbox: Sandbox) -> dict[str, Any]:
    return {"now": instant_text(sandbox.clock.now()), "frozen": sandbox.clock.frozen}


def _clock_shown(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    return _clock(sandbox)


def _clock_moved(sandbox: Sandbox, _query: Query, given: Given) -> Any:
    frozen = given.get("frozen")
    sandbox.move_clock(
        given.get("at"),
        float(given.get("advance_seconds") or 0),
        None if frozen is None else bool(frozen),
    )
    return _clock(sandbox)


def _journal(sandbox: Sandbox, query: Query, _given: Given) -> Any:
    with sandbox.lock:
        entries = sandbox.journal.entries(int(query.get("since", 0)), query.get("system"))
        return {"entries": [entry.as_json() for entry in entries]}


def _journal_cleared(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    with sandbox.lock:
        sandbox.journal.clear()
        return {"entries": []}


def _webhooks(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    return _hooks(sandbox).as_json()


def _webhooks_set(sandbox: Sandbox, _query: Query, given: Given) -> Any:
    return _hooks(sandbox).receive(given)


def _webhooks_ended(sandbox: Sandbox, query: Query, given: Given) -> Any:
    _hooks(sandbox).close()
    return _webhooks(sandbox, query, given)


def _hooks(sandbox: Sandbox) -> Any:
    hooks = sandbox.observers.get("quickbooks")
    if hooks is None:
        raise ValueError("QuickBooks is not served here.")
    return hooks


def _bulk(sandbox: Sandbox, _query: Query, _given: Given) -> Any:
    return _salesforce(sandbox).bulk_conduct()


def _bulk_set(sandbox: Sandbox, _query: Query, given: Given) -> Any:
    with sandbox.lock:
        return _salesforce(sandbox).bulk_conduct(given)


def _salesforce(sandbox: Sandbox) -> Any:
    found = sandbox.vendors.get("salesforce")
    if not hasattr(found, "bulk_conduct"):
        raise ValueError("Salesforce is not served here.")
    return found


@runtime_checkable
class Ruled(Protocol):
    """A vendor whose org has rules of its own (validation, duplicates, locked rows)."""

    def rules(self, method: str, given: Given) -> Any:
        """The rules, seen, added to or taken away."""
        ...


def _rules(method: str, sandbox: Sandbox, _query: Query, given: Given) -> Any:
    vendor = sandbox.vendors["salesforce"]
    if not isinstance(vendor, Ruled):
        raise ValueError("The org served here has no rules.")
    with sandbox.lock:
        return vendor.rules(method, given)


_ROUTES: Mapping[tuple[str, str], Callable[[Sandbox, Query, Given], Any]] = {
    ("GET", ""): _state,
    ("GET", "/connection"): _connection,
    ("POST", "/reset"): _reset,
    ("POST", "/seed"): _seed,
    ("GET", "/rules"): partial(_rules, "GET"),
    ("POST", "/rules"): partial(_rules, "POST"),
    ("DELETE", "/rules"): partial(_rules, "DELETE"),
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _arm,
    ("DELETE", "/faults"): _disarm,
    ("GET", "/clock"): _clock_shown,
    ("POST", "/clock"): _clock_moved,
    ("GET", "/journal"): _journal,
    ("DELETE", "/journal"): _journal_cleared,
    ("GET", "/bulk"): _bulk,
    ("POST", "/bulk"): _bulk_set,
    ("GET", "/webhooks"): _webhooks,
    ("POST", "/webhooks"): _webhooks_set,
    ("DELETE", "/webhooks"): _webhooks_ended,
}
