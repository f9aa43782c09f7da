"""An org's own rules, as data: validation rules, duplicate rules, rows that somebody holds locked.
Validation rules that the org defines as metadata (`validations`) are held against a write too.

They stand in the store beside the records, come from the control area, and last until taken away:

    {"validation_rules": [{"object": "Account", "when": "Phone = null", "message": "Phone?",
                           "field": "Phone"}],
     "duplicate_rules": [{"object": "Contact", "fields": ["Email"], "name": "Same_Email"}],
     "locks": [{"id": "001…", "seconds": 30}]}

`when` is the WHERE of a query: a record for which it holds is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from pipelines.sandbox.kernel import Sandbox
from pipelines.sandbox.salesforce import ids, validations
from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.refusals import Refusal, all_of
from pipelines.sandbox.store import Record

KEY = "rules"
KINDS = ("validation_rules", "duplicate_rules", "locks")
Rule = Mapping[str, Any]


class Ruled(Protocol):
    """What rules are held against."""

    kernel: Sandbox
    org_id: str
    catalogue: Catalogue
    headers: Mapping[str, str]

    def matches(self, sobject: SObject, record_id: str, condition: str) -> bool:
        """Whether a record of the store meets a condition."""
        ...

    def everything(self) -> Mapping[str, SObject]:
        """All objects by lower-case name."""
        ...

    def scene(self, record: Record, before: Record) -> Scene:
        """A record as written, as a formula sees it."""
        ...


def rules(org: Ruled, kind: str) -> Sequence[Rule]:
    """The rules of a kind."""
    found: Sequence[Rule] = (org.kernel.store.meta(org.org_id).get(KEY) or {}).get(kind, ())
    return found


def put(org: Ruled, given: Mapping[str, Any]) -> dict[str, Any]:
    """Add rules; a lock counts from now.

    Raises:
        ValueError: it names no kind of rule, or an object or field the org does not have.
    """
    unknown = sorted(set(given) - set(KINDS))
    if unknown:
        raise ValueError(f"There are no {', '.join(unknown)}; there are {', '.join(KINDS)}.")
    held = {kind: [*rules(org, kind), *(given.get(kind) or ())] for kind in KINDS}
    for rule in (*held["validation_rules"], *held["duplicate_rules"]):
        _need_object(org, rule)
    now = org.kernel.clock.now()
    held["locks"] = [_dated(lock, now) for lock in held["locks"]]
    org.kernel.store.put_meta(org.org_id, KEY, held)
    return held


def clear(org: Ruled) -> dict[str, Any]:
    """Take all rules away."""
    org.kernel.store.put_meta(org.org_id, KEY, None)
    return {kind: [] for kind in KINDS}


def _need_object(org: Ruled, rule: Rule) -> None:
    sobject = org.catalogue.get(str(rule.get("object")))
    if sobject is None:
        raise ValueError(f"The org has no object {rule.get('object')}.")
    for name in rule.get("fields") or ():
        if sobject.field(name) is None:
            raise ValueError(f"{sobject.name} has no field {name}.")


def _dated(lock: Rule, now: datetime) -> Rule:
    if "until" in lock:
        return lock
    until = now + timedelta(seconds=float(lock.get("seconds", 60)))
    return {"id": ids.to18(str(lock["id"])) or str(lock["id"]), "until": until.isoformat()}


# ---- held against a write


def refuse_locked(org: Ruled, record_ids: Iterable[str]) -> None:
    """Raises: Refusal UNABLE_TO_LOCK_ROW, somebody else holds one of the records."""
    now = org.kernel.clock.now()
    locked = {
        str(one["id"])
        for one in rules(org, "locks")
        if datetime.fromisoformat(str(one["until"])) > now
    }
    held = [one for one in record_ids if one in locked]
    if held:
        raise Refusal(
            "UNABLE_TO_LOCK_ROW",
            f"unable to obtain exclusive access to this record or {len(held)} records: "
            f"{','.join(held)}",
            (),
        )


def refuse_by_rules(org: Ruled, sobject: SObject, record: Record, before: Record) -> None:
    """Hold a record just written against the org's rules.

    Raises:
        Refusal: one item for each validation rule that speaks against it, or the duplicates.
    """
    failing = [
        Refusal(
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            str(rule["message"]),
            (str(rule["field"]),) if rule.get("field") else (),
        )
        for rule in rules(org, "validation_rules")
        if _speaks_of(rule, sobject) and org.matches(sobject, record["Id"], str(rule["when"]))
    ]
    defined = validations.definitions(org.kernel.store, org.org_id)
    if defined:
        scene = org.scene(record, before)
        failing += validations.failing(defined, org.everything(), sobject, scene)
    if failing:
        raise all_of(failing)
    for rule in rules(org, "duplicate_rules"):
        if _speaks_of(rule, sobject):
            _refuse_duplicates(org, sobject, record, rule)


def _speaks_of(rule: Rule, sobject: SObject) -> bool:
    return str(rule["object"]).lower() == sobject.name.lower() and rule.get("active", True) is True


def _refuse_duplicates(org: Ruled, sobject: SObject, record: Record, rule: Rule) -> None:
    may_save = rule.get("allowSave", True) is True
    if may_save and "allowsave=true" in _header(org).replace(" ", "").lower():
        return
    names = [f.name for n in rule["fields"] if (f := sobject.field(n))]
    wanted = [_plain(record.get(n)) for n in names]
    if not all(wanted):
        return
    found = [
        other
        for other in org.kernel.store.table(org.org_id, sobject.name)
        if other["Id"] != record["Id"]
        and not other.get("IsDeleted")
        and [_plain(other.get(n)) for n in names] == wanted
    ]
    if found:
        raise _detected(sobject, rule, found, may_save)


def _header(org: Ruled) -> str:
    return org.headers.get("sforce-duplicate-rule-header", "")


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def _detected(sobject: SObject, rule: Rule, found: Sequence[Record], may_save: bool) -> Refusal:
    message = str(rule.get("message") or "Use one of these records?")
    matched = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": {"type": sobject.name}, "Id": one["Id"]},
        }
        for one in found
    ]
    result = {
        "allowSave": may_save,
        "duplicateRule": str(rule.get("name") or f"Standard_{sobject.name}_Duplicate_Rule"),
        "duplicateRuleEntityType": sobject.name,
        "errorMessage": message,
        "matchResults": [
            {
                "entityType": sobject.name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": matched,
                "rule": f"Standard_{sobject.name}_Match_Rule_v1_0",
                "size": len(matched),
                "success": True,
            }
        ],
    }
    # The key is misspelt by the vendor, and clients read it so.
    return Refusal("DUPLICATES_DETECTED", message, extra={"duplicateResut": result})
