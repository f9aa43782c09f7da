"""Rules for JSON that is read: payloads into typed columns, single members. Writing it is lent."""

from __future__ import annotations

import json
from typing import Any

from sqlglot import exp

from pipelines.spark.pieces import call, text


def typed_payload(node: exp.Expr) -> exp.Expr:
    """`from_json(payload, '{"Id": "VARCHAR"}')`: the shape in Spark's words."""
    if not isinstance(node, exp.FromJson) or not isinstance(node.expression, exp.Literal):
        return node
    shape = json.loads(node.expression.this)
    kind = exp.DataType.build(_kind(shape), dialect="spark")
    made = call("from_json", node.this.copy(), text(_kind(shape)))
    made.type = kind
    return made


def has_member(node: exp.Expr) -> exp.Expr:
    """`json_exists(payload, '$.Name')`, which is true of a null too."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "json_exists":
        return node
    payload, path = node.expressions
    name = path.this.removeprefix("$.")
    if "." in name:
        raise ValueError(f"json_exists of a path is not translated: {path.this}")
    return call(
        "coalesce",
        call("array_contains", call("json_object_keys", payload.copy()), text(name.strip('"'))),
        exp.false(),
    )


def keys(node: exp.Expr) -> exp.Expr:
    """`json_keys`."""
    if isinstance(node, exp.JSONKeys):
        return call("json_object_keys", node.this.copy())
    return node


def member(node: exp.Expr) -> exp.Expr:
    """`payload ->> '$.a.b'`, or a path that is put together."""
    if not isinstance(node, exp.JSONExtractScalar):
        return node
    path = node.expression
    if isinstance(path, exp.JSONPath):
        names = [p.this for p in path.expressions if isinstance(p, exp.JSONPathKey)]
        if len(names) == 1:
            return call("duckdb_member", node.this.copy(), text(names[0]))
        path = text("$" + "".join(f"['{n}']" for n in names))
        return call("get_json_object", node.this.copy(), path)
    if isinstance(path, exp.DPipe):
        inner = _joined_name(path)
        if inner is not None:
            return call("duckdb_member", node.this.copy(), inner)
    raise ValueError(f"this path into JSON is not translated: {path.sql()}")


def _joined_name(path: exp.Expr) -> exp.Expr | None:
    """The name within `'$."' || name || '"'`."""
    parts = list(path.flatten())
    if len(parts) == 3 and parts[0].name == '$."' and parts[2].name == '"':
        return parts[1].copy()
    return None


def _kind(shape: Any) -> str:
    if isinstance(shape, dict):
        fields = ", ".join(f"`{name}`: {_kind(kind)}" for name, kind in shape.items())
        return f"STRUCT<{fields}>"
    if isinstance(shape, list):
        return f"ARRAY<{_kind(shape[0])}>"
    return {"VARCHAR": "STRING", "INTEGER": "INT"}.get(str(shape), str(shape))


RULES = (typed_payload, has_member, keys, member)
