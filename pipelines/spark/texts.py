"""Rules for text: patterns, and the functions that DuckDB lends."""

from __future__ import annotations

import re

from sqlglot import exp

from pipelines.spark.pieces import call, text

# Computed by DuckDB itself within Spark, under these names; `functions` registers them.
LENT = {
    "strip_accents": "duckdb_strip_accents",
    "damerau_levenshtein": "duckdb_damerau_levenshtein",
    "jaccard": "duckdb_jaccard",
}


def is_lent(node: exp.Expr) -> bool:
    """Has Spark no such function?"""
    return isinstance(node, exp.JarowinklerSimilarity) or (
        isinstance(node, exp.Anonymous) and node.name.lower() in LENT
    )


def lent(node: exp.Expr) -> exp.Expr:
    """What Spark has not, DuckDB computes."""
    if isinstance(node, exp.JarowinklerSimilarity):
        return call("duckdb_jaro_winkler_similarity", node.this.copy(), node.expression.copy())
    if isinstance(node, exp.Anonymous) and node.name.lower() in LENT:
        return call(LENT[node.name.lower()], *(e.copy() for e in node.expressions))
    return node


def replaced(node: exp.Expr) -> exp.Expr:
    """`regexp_replace`: all places with 'g', else the first one; groups are `$1` in Java."""
    if not isinstance(node, exp.RegexpReplace):
        return node
    pattern, new = node.expression.copy(), node.args["replacement"].copy()
    if isinstance(new, exp.Literal):
        new = text(re.sub(r"\\(\d)", r"$\1", new.this.replace("$", "\\$")))
    modifiers = node.args.get("modifiers")
    if modifiers is not None and "g" in modifiers.name:
        return call("regexp_replace", node.this.copy(), _java(pattern), new)
    return call("duckdb_replace_first", node.this.copy(), pattern, node.args["replacement"].copy())


def matched(node: exp.Expr) -> exp.Expr:
    """`regexp_matches` anywhere, `regexp_extract` by group."""
    if isinstance(node, exp.RegexpLike):
        return call("regexp", node.this.copy(), _java(node.expression.copy()))
    if isinstance(node, exp.RegexpExtract):
        group = node.args.get("group") or exp.Literal.number(0)
        return call("regexp_extract", node.this.copy(), _java(node.expression.copy()), group.copy())
    if isinstance(node, exp.RegexpSplit):
        return call("split", node.this.copy(), _java(node.expression.copy()))
    return node


def hashed(node: exp.Expr) -> exp.Expr:
    """`hash`: another number than DuckDB's, for comparing within one warehouse only."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "hash":
        made = call("xxhash64", *(e.copy() for e in node.expressions))
        # Not below zero, as DuckDB's.
        return exp.BitwiseAnd(this=made, expression=exp.Literal.number(2**63 - 1))
    return node


def thousands(node: exp.Expr) -> exp.Expr:
    """`format('{:,}', n)`, the one pattern that the models use."""
    if not isinstance(node, exp.Format):
        return node
    if node.this.name != "{:,}":
        raise ValueError(f"this pattern of format is not translated: {node.this.name}")
    return call("format_number", node.expressions[0].copy(), 0)


def _java(pattern: exp.Expr) -> exp.Expr:
    """RE2's pattern for Java, where `[` within a class stands for a class of its own."""
    for literal in list(pattern.find_all(exp.Literal)):
        if literal.is_string:
            escaped = re.sub(
                r"(?<!\\)\[((?:\\.|[^\]\\])*)\]",
                lambda m: "[" + re.sub(r"(?<!\\)[\[&]", r"\\\g<0>", m.group(1)) + "]",
                literal.this,
            )
            if escaped != literal.this:
                if literal is pattern:
                    return text(escaped)
                literal.replace(text(escaped))
    return pattern


RULES = (lent, replaced, matched, hashed, thousands)
