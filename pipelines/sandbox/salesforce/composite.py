"""`/composite`: several calls in one, with references between them; batch and tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipelines.sandbox.kernel import trimmed
from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import VERSIONED, Answer, Call, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.failures import Doomed, planted, refuse_doomed
from pipelines.sandbox.salesforce.many import Undo, collection, rows
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

COMPOSITE, COMPOSITE_QUERIES, BATCH = 25, 5, 25
GRAPHS, GRAPH_NODES = 75, 500
TREE_LEVELS, TREE_RECORDS = 5, 200


def composite_family(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /composite."""
    if not rest:
        if call.method == "GET":
            names = ("batch", "graph", "sobjects", "tree")
            return Answer(200, {name: f"{call.root}/composite/{name}" for name in names})
        only(call, "POST")
        return _composite(org, call)
    if rest[0] == "sobjects":
        return collection(org, call, rest[1:])
    if rest[0] == "graph" and len(rest) == 1:
        only(call, "POST")
        return _graphs(org, call)
    if rest[0] == "batch" and len(rest) == 1:
        only(call, "POST")
        return _batch(org, call)
    if rest[0] == "tree" and len(rest) == 2:
        only(call, "POST")
        return _tree(org, call, org.object(rest[1]))
    raise refusals.not_found()


def _composite(org: Org, call: Call) -> Answer:
    body = object_body(call)
    parts = _parts(body)
    queries = sum(1 for p in parts if re.search(r"/query|/composite/sobjects", str(p["url"])))
    if len(parts) > COMPOSITE or queries > COMPOSITE_QUERIES:
        raise Refusal(
            "LIMIT_EXCEEDED",
            f"The limit for sub-requests is {COMPOSITE}, of which {COMPOSITE_QUERIES} may be "
            "queries or collections",
        )
    results = _run(org, call, parts, body.get("allOrNone") is True, org.failures.taken())
    return Answer(200, {"compositeResponse": results})


def _parts(body: Record) -> list[Record]:
    """The sub-requests of a composite or of a graph.

    Raises:
        Refusal: one lacks what it must have, or two have the same name.
    """
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not all(isinstance(p, dict) for p in parts):
        raise refusals.unreadable("list", parts)
    for name in ("method", "url", "referenceId"):
        if any(not isinstance(p.get(name), str) for p in parts):
            raise refusals.required_missing([name])
    names = [p["referenceId"].lower() for p in parts]
    if len(set(names)) < len(names):
        twice = next(p["referenceId"] for p in parts if names.count(p["referenceId"].lower()) > 1)
        raise Refusal("INVALID_INPUT", f"Duplicate referenceId: {twice}")
    return parts


def _run(
    org: Org, call: Call, parts: list[Record], all_or_none: bool, doomed: Doomed, first: int = 0
) -> list[Record]:
    """One result for each part, of which the first has the place `first` in the call; with
    all_or_none a failure takes everything back."""
    results: list[Record] = []
    try:
        with org.kernel.store.transaction():
            for place, part in enumerate(parts, first):
                results.append(_composite_part(org, call, part, results, doomed.get(place)))
                if all_or_none and results[-1]["httpStatusCode"] >= 400:
                    raise Undo
    except Undo:
        results = _halted(parts, results)
    return results


def _graphs(org: Org, call: Call) -> Answer:
    """Several composites in one call, each kept or taken back as a whole."""
    graphs = object_body(call).get("graphs")
    if not isinstance(graphs, list) or not all(isinstance(g, dict) for g in graphs):
        raise refusals.unreadable("list", graphs)
    parts = [_parts(graph) for graph in graphs]
    if len(graphs) > GRAPHS or sum(map(len, parts)) > GRAPH_NODES:
        raise Refusal(
            "LIMIT_EXCEEDED", f"The limit is {GRAPHS} graphs with {GRAPH_NODES} nodes together"
        )
    answers: list[Record] = []
    doomed, first = org.failures.taken(), 0
    for graph, nodes in zip(graphs, parts, strict=True):
        results = _run(org, call, nodes, True, doomed, first)
        first += len(nodes)
        answers.append(
            {
                "graphId": graph.get("graphId"),
                "graphResponse": {"compositeResponse": results},
                "isSuccessful": all(r["httpStatusCode"] < 400 for r in results),
            }
        )
    return Answer(200, {"graphs": answers})


def _composite_part(
    org: Org, call: Call, part: Record, before: Sequence[Record], failure: Refusal | None
) -> Record:
    known = {r["referenceId"]: r["body"] for r in before if r["httpStatusCode"] < 400}
    try:
        url = _filled(part["url"], known)
        payload = _filled(part.get("body"), known)
        if failure is not None:
            raise failure
        with org.kernel.store.transaction():
            answer = org.route(_part_call(part["method"], url, part, payload, call))
    except Refusal as refusal:
        answer = Answer(refusal.status, refusal.as_rest())
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers or {}),
        "httpStatusCode": answer.status,
        "referenceId": part["referenceId"],
    }


def _batch(org: Org, call: Call) -> Answer:
    body = object_body(call)
    parts = body.get("batchRequests") or []
    if len(parts) > BATCH:
        raise Refusal("LIMIT_EXCEEDED", f"The limit for batch requests is {BATCH}")
    results: list[Record] = []
    doomed = org.failures.taken()
    for place, part in enumerate(parts):
        if results and body.get("haltOnError") and results[-1]["statusCode"] >= 400:
            halted = Refusal("BATCH_PROCESSING_HALTED", "Batch processing halted", status=412)
            results.append({"statusCode": 412, "result": halted.as_rest()})
            continue
        org.count_call()
        url = "/services/data/" + str(part["url"]).lstrip("/").removeprefix("services/data/")
        try:
            refuse_doomed(doomed, place)
            with org.kernel.store.transaction():
                answer = org.route(_part_call(part["method"], url, {}, part.get("richInput"), call))
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.as_rest())
        results.append({"statusCode": answer.status, "result": answer.body})
    failed = any(r["statusCode"] >= 400 for r in results)
    return Answer(200, {"hasErrors": failed, "results": results})


def _tree(org: Org, call: Call, sobject: SObject) -> Answer:
    """Records with their children, all stored or none."""
    made: list[Record] = []
    failed: list[Record] = []
    records = rows(object_body(call))
    _refuse_big_tree(records)
    twice = _refuse_unnamed(records)
    if twice:
        return Answer(400, {"hasErrors": True, "results": twice})
    taken = org.failures.taken()
    doomed = {id(r): taken[n] for n, r in enumerate(planted(records)) if n in taken}
    try:
        with org.kernel.store.transaction():
            for record in records:
                _plant(org, sobject, record, {}, made, failed, doomed)
            if failed:
                raise Undo
    except Undo:
        return Answer(400, {"hasErrors": True, "results": failed})
    return Answer(201, {"hasErrors": False, "results": made})


def _refuse_unnamed(records: Sequence[Record]) -> list[Record]:
    """What is said of references that name two records.

    Raises:
        Refusal: a record has none.
    """
    named = [(r.get("attributes") or {}).get("referenceId") for r in planted(records)]
    if not all(named):
        told = "Include a reference ID for each record in the request."
        raise Refusal("INVALID_INPUT", told, status=403)
    twice = Refusal("INVALID_INPUT", "Duplicate ReferenceId provided in the request.", ())
    return [
        {"referenceId": name, "errors": twice.as_row()}
        for name in dict.fromkeys(n for n in named if named.count(n) > 1)
    ]


def _refuse_big_tree(records: Sequence[Record]) -> None:
    level, count, depth = list(records), 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        level = [
            child
            for record in level
            for value in record.values()
            if isinstance(value, dict) and isinstance(value.get("records"), list)
            for child in value["records"]
        ]
    if count > TREE_RECORDS or depth > TREE_LEVELS:
        raise Refusal(
            "LIMIT_EXCEEDED",
            f"A tree has at most {TREE_RECORDS} records on {TREE_LEVELS} levels",
        )


def _plant(
    org: Org,
    sobject: SObject,
    record: Record,
    link: Mapping[str, str],
    made: list[Record],
    failed: list[Record],
    doomed: Doomed,
) -> None:
    reference = record.get("attributes", {}).get("referenceId")
    relations = {
        (field.children or "").lower(): (child, field)
        for child, field in org.catalogue.children(sobject)
    }
    own = {k: v for k, v in record.items() if k.lower() not in relations}
    try:
        refuse_doomed(doomed, id(record))
        record_id = org.records.create(sobject, {**own, **link})
    except Refusal as refusal:
        failed.append({"referenceId": reference, "errors": refusal.as_row()})
        return
    made.append({"referenceId": reference, "id": record_id})
    for name, value in record.items():
        if name.lower() in relations:
            child, field = relations[name.lower()]
            for one in value.get("records", ()):
                _plant(org, child, one, {field.name: record_id}, made, failed, doomed)


def _halted(parts: Sequence[Record], results: Sequence[Record]) -> list[Record]:
    """With allOrNone every part but the failing one says that the transaction was rolled back."""
    failing = results[-1]
    refusal = Refusal(
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
    return [
        failing
        if part["referenceId"] == failing["referenceId"]
        else {
            "body": refusal.as_rest(),
            "httpHeaders": {},
            "httpStatusCode": 400,
            "referenceId": part["referenceId"],
        }
        for part in parts
    ]


_REFERENCE = re.compile(r"@\{([^}]+)\}")


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """`@{ref.id}`, `@{ref[0].id}` and `@{ref.records[0].Id}` replaced by earlier answers."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda m: str(_referred(m[1], known)), value)
    if isinstance(value, dict):
        return {k: _filled(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, known) for v in value]
    return value


def _referred(text: str, known: Mapping[str, Any]) -> Any:
    steps = re.findall(r"[^.\[\]]+", text)
    try:
        found: Any = known[steps[0]]
        for step in steps[1:]:
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise Refusal(
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {text} found in {steps[0]}",
        ) from None
    return found


def _part_call(method: str, url: str, part: Record, payload: Any, call: Call) -> Call:
    split = urlsplit(url)
    found = VERSIONED.fullmatch(trimmed(split.path))
    if found is None:
        raise refusals.not_found()
    headers = {k.lower(): str(v) for k, v in (part.get("httpHeaders") or {}).items()}
    return Call(
        method.upper(),
        tuple(p for p in (found["rest"] or "").split("/") if p),
        dict(parse_qsl(split.query, keep_blank_values=True)),
        headers,
        payload,
        found["version"] or call.version,
        call.base,
    )
