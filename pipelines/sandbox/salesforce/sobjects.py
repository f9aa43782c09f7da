"""`/sobjects`: describe, one record by its id or by an external id, upsert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import unquote

from pipelines.sandbox.salesforce import conditions, describing, ids, layouts, refusals
from pipelines.sandbox.salesforce.blobs import record_body
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.listviews import list_views
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.passwords import password_of
from pipelines.sandbox.salesforce.quick_actions import object_quick_actions
from pipelines.sandbox.salesforce.recent import recent_items
from pipelines.sandbox.salesforce.records import Ambiguous
from pipelines.sandbox.salesforce.related import address_of, bytes_of, children_of, parent_of
from pipelines.sandbox.salesforce.replication import deleted, updated
from pipelines.sandbox.salesforce.selection import compound
from pipelines.sandbox.store import Record


def sobjects(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /sobjects."""
    if not rest:
        only(call, "GET", "HEAD")
        return _describe_global(org, call)
    sobject = org.object(rest[0])
    if len(rest) == 1:
        return _one_sobject(org, call, sobject)
    if len(rest) == 2 and rest[1].lower() in _OF_OBJECT:
        only(call, "GET", "HEAD")
        return _OF_OBJECT[rest[1].lower()](org, call, sobject)
    family = _FAMILIES.get(rest[1].lower()) if rest[1:] else None
    if family is not None:
        return family(org, call, sobject, rest[2:])
    if len(rest) == 2:
        return _record(org, call, sobject, unquote(rest[1]))
    if len(rest) == 3 and sobject.field(unquote(rest[1])) is None and ids.to18(rest[1]):
        return _related(org, call, sobject, rest[1], unquote(rest[2]))
    if len(rest) == 3:
        return _by_key(org, call, sobject, unquote(rest[1]), unquote(rest[2]))
    raise refusals.not_found()


def _describe_global(org: Org, call: Call) -> Answer:
    """All objects, unless none of them has changed since the caller looked (REST guide, "Describe
    Global"; a caller who has another state in mind gets 412)."""
    changed = org.schema_changed.replace(microsecond=0)
    if _not_modified(call.headers.get("if-modified-since"), changed):
        return Answer(304, None)
    unless = call.headers.get("if-unmodified-since")
    if unless and not _not_modified(unless, changed):
        raise conditions.unmet()
    return Answer(200, describing.all_objects(org.catalogue, call.root))


def _one_sobject(org: Org, call: Call, sobject: SObject) -> Answer:
    only(call, "GET", "HEAD", "POST")
    if call.method == "POST":
        return _created(org, call, sobject)
    entry = describing.entry(sobject, call.root)
    return Answer(200, {"objectDescribe": entry, "recentItems": recent_items(org, call, sobject)})


def _created(org: Org, call: Call, sobject: SObject) -> Answer:
    record_id = org.records.create(sobject, record_body(call, sobject))
    org.note_view(sobject, record_id)
    location = {"Location": f"{call.root}/sobjects/{sobject.name}/{record_id}"}
    return Answer(201, {"id": record_id, "success": True, "errors": []}, location)


def _describe_family(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    only(call, "GET", "HEAD")
    if not rest:
        return _describe(org, call, sobject)
    found = _LAYOUTS.get(rest[0].lower())
    if found is None:
        raise refusals.not_found()
    return found(org, call, sobject, rest[1:])


def _list_views(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    only(call, "GET", "HEAD")
    return list_views(org, call, sobject, rest)


def _describe(org: Org, call: Call, sobject: SObject) -> Answer:
    changed = org.schema_changed.replace(microsecond=0)
    headers = {
        "Last-Modified": format_datetime(changed, usegmt=True),
        "ETag": f'"{len(sobject.fields):x}-{sobject.prefix}"',
    }
    if _not_modified(call.headers.get("if-modified-since"), changed):
        return Answer(304, None, headers)
    body = describing.one_object(org.catalogue, sobject, call.root)
    if body["layoutable"]:
        body["urls"] = body["urls"] | {
            "uiDetailTemplate": f"{call.base}/{{ID}}",
            "uiEditTemplate": f"{call.base}/{{ID}}/e",
            "uiNewRecord": f"{call.base}/{sobject.prefix}/e",
        }
    return Answer(200, body, headers)


def _related(org: Org, call: Call, sobject: SObject, record_id: str, name: str) -> Answer:
    """A record's parent (read, changed, deleted), children or content, by its relationship."""
    record = org.records.living(sobject, record_id)
    if sobject.name == "User" and name.lower() == "password":
        return password_of(org, call, record)
    listed = bytes_of(call, sobject, record, name) or children_of(org, call, sobject, record, name)
    if listed is not None:
        return listed
    parent = parent_of(org, sobject, record, name)
    if parent is None:
        raise refusals.not_found()
    return _record(org, call, parent[0], parent[1]["Id"])


def _record(org: Org, call: Call, sobject: SObject, record_id: str) -> Answer:
    if call.method == "POST" and record_id.lower() == "id":
        return _created(org, call, sobject)
    only(call, "GET", "HEAD", "PATCH", "DELETE")
    _refuse_no_id(call, sobject, record_id)
    if call.method in ("GET", "HEAD"):
        record = org.records.living(sobject, record_id)
        told = conditions.marks(sobject, record)
        known = conditions.unchanged(call, told, record)
        answer = known or Answer(200, shown(org, call, sobject, record), told)
        org.note_view(sobject, record["Id"])
        return answer
    if call.method == "DELETE":
        org.records.delete(sobject, record_id)
    else:
        if "if-unmodified-since" in call.headers:
            _refuse_if_changed(org, call, org.records.living(sobject, record_id))
        org.records.update(sobject, record_id, record_body(call, sobject))
        org.note_view(sobject, str(ids.to18(record_id)))
    return Answer(204)


def _refuse_no_id(call: Call, sobject: SObject, record_id: str) -> None:
    """What is no id is taken for the name of a key without its value; where it looks like an id of
    the object, or is one of another, writes say that."""
    full = ids.to18(record_id)
    writes = call.method in ("PATCH", "DELETE")
    own = record_id.startswith(sobject.prefix)
    if writes and (bool(full) != own) and len(record_id) in (15, 18):
        label = next(f.label for f in sobject.fields.values() if f.type == "id")
        raise refusals.wrong_kind_of_id(label, record_id, ("Id",))
    if full is None:
        raise refusals.no_external_id(record_id)


def _refuse_if_changed(org: Org, call: Call, record: Record) -> None:
    since = call.headers.get("if-unmodified-since")
    if since and datetime.fromisoformat(record["LastModifiedDate"]) > parsedate_to_datetime(since):
        raise conditions.unmet()


def shown(org: Org, call: Call, sobject: SObject, record: Record) -> Record:
    """A record with all its fields, or with those that `fields=` names and its id."""
    named = call.query.get("fields")
    wanted = [n.strip() for n in named.split(",")] if named else list(sobject.fields)
    shown: Record = {
        "attributes": {
            "type": sobject.name,
            "url": f"{call.root}/sobjects/{sobject.name}/{record['Id']}",
        }
    }
    books = org.books(call.version)
    for name in wanted:
        field = sobject.field(name)
        if field is None:
            raise refusals.no_such_column(name, sobject.name)
        if field.type == "base64":
            shown[field.name] = address_of(call, sobject, record, field)
            continue
        computed = books.computed(sobject, field)
        if computed is not None:
            shown[field.name] = computed(record)
            continue
        value = compound(sobject, field, record) if field.type == "address" else None
        shown[field.name] = value or record.get(field.name)
    return {**shown, "Id": record["Id"]}


def _by_key(org: Org, call: Call, sobject: SObject, name: str, value: str) -> Answer:
    only(call, "GET", "HEAD", "PATCH", "DELETE")
    field = org.records.key_field(sobject, name)
    if call.method == "PATCH":
        return _upsert(org, call, sobject, name, value)
    found = org.records.by_external_id(sobject, field, value)
    if not found:
        raise refusals.not_found()
    if len(found) > 1:
        return _several(org, call, sobject, [r["Id"] for r in found])
    if call.method == "DELETE":
        org.records.delete(sobject, found[0]["Id"])
        return Answer(204)
    org.note_view(sobject, found[0]["Id"])
    return Answer(200, shown(org, call, sobject, found[0]))


def _upsert(org: Org, call: Call, sobject: SObject, name: str, value: str) -> Answer:
    field = org.records.key_field(sobject, name)
    only = call.query.get("updateOnly", "").lower() == "true"
    try:
        done = org.records.upsert(sobject, field, value, object_body(call), update_only=only)
    except Ambiguous as several:
        return _several(org, call, sobject, several.record_ids)
    if not done.created and float(call.version) < 46:
        return Answer(204)
    body = {"id": done.record_id, "success": True, "errors": []}
    if float(call.version) >= 46:
        body["created"] = done.created
    return Answer(201 if done.created else 200, body)


def _several(org: Org, call: Call, sobject: SObject, record_ids: Iterable[str]) -> Answer:
    return Answer(300, [f"{call.root}/sobjects/{sobject.name}/{i}" for i in record_ids])


def _not_modified(since: str | None, changed: datetime) -> bool:
    if not since:
        return False
    try:
        return parsedate_to_datetime(since) >= changed
    except (TypeError, ValueError):
        return False


Family = Callable[[Org, Call, SObject, tuple[str, ...]], Answer]
_OF_OBJECT: Mapping[str, Callable[[Org, Call, SObject], Answer]] = {
    "updated": updated,
    "deleted": deleted,
}
_FAMILIES: Mapping[str, Family] = {
    "describe": _describe_family,
    "listviews": _list_views,
    "quickactions": object_quick_actions,
}
_LAYOUTS: Mapping[str, Family] = {
    "layouts": layouts.layouts,
    "namedlayouts": layouts.named_layouts,
    "compactlayouts": layouts.compact_layouts,
    "approvallayouts": layouts.approval_layouts,
}
