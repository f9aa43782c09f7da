"""An answer as lines for a terminal, or as JSON. Pure: values in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from reverse_etl.why.chain import Answer, Chain, Fact, Hit, Part, Row

_SYSTEMS = {"salesforce": "Salesforce", "quickbooks": "QuickBooks"}
# Records of ours that can be looked up by their number; rules and settings say their own names.
_OURS = frozenset({"ledger", "match_decision", "exception_event"})
_WIDTH = 16


def answer_lines(answer: Answer) -> Iterator[str]:
    """The answer for somebody who reads it for the first time."""
    if answer.definition:
        yield answer.definition
        yield ""
    for number, chain in enumerate(answer.chains):
        if number:
            yield ""
        yield from _chain_lines(chain)
    if answer.hits:
        yield f"{_count(len(answer.hits), 'thing has', 'things have')} this amount:"
        yield from map(_hit_line, answer.hits)


def answer_as_json(answer: Answer) -> str:
    """The same as one JSON document; amounts as text, to the cent, moments in ISO 8601."""
    told = {
        "definition": answer.definition,
        "chains": [asdict(chain) for chain in answer.chains],
        "hits": [asdict(hit) | {"ask": hit.ask} for hit in answer.hits],
    }
    return json.dumps(told, default=_plain, ensure_ascii=False, indent=2)


def figure_lines(known: Sequence[Row]) -> Iterator[str]:
    """Every figure that can be asked about, with its amount in each currency."""
    yield "Ask about one of these, a deal's or exception's id, an invoice's number, or an amount:"
    width = max((len(row["figure"]) for row in known), default=0)
    for figure, group in groupby(known, lambda row: row["figure"]):
        sums: dict[str, Decimal] = {}
        for row in group:
            code = row["currency_code"]
            sums[code] = sums.get(code, Decimal(0)) + row["amount"]
        amounts = ", ".join(_money(sums[code], code) for code in sorted(sums) if sums[code])
        yield f"  {figure:<{width}}  {amounts or 'nothing'}"


def figures_as_json(known: Sequence[Row]) -> str:
    """The same per company and currency as one JSON document."""
    return json.dumps([dict(row) for row in known], default=_plain, ensure_ascii=False, indent=2)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _chain_lines(chain: Chain) -> Iterator[str]:
    yield chain.label
    yield f"{chain.company}: {_money(chain.amount, chain.currency)}"
    for part in chain.parts:
        yield ""
        yield from _part_lines(part, chain.currency)
    yield ""
    yield from _end_lines(chain)


def _part_lines(part: Part, currency: str) -> Iterator[str]:
    yield f"{part.number}. {_money(part.amount, currency)}  {part.said}"
    for fact in part.facts:
        counts = f"{fact.counts:+,.2f}" if fact.counts else ""
        yield f"{counts:>{_WIDTH}}  {fact.layer:<13} {_said(fact)}{_record(fact)}".rstrip()
    yield f"{part.total:>{_WIDTH},.2f}  = what this adds to the figure"


def _said(fact: Fact) -> str:
    """With its amount where that is not said beside it already."""
    if fact.amount is None or fact.counts:
        return fact.said
    return f"{fact.said} [{_money(fact.amount, fact.currency or '')}]"


def _record(fact: Fact) -> str:
    if fact.system not in _SYSTEMS:
        return f" ({fact.object} {fact.record_id})" if fact.object in _OURS else ""
    version = f", version {fact.version}" if fact.version else ", not read"
    read = f", read {fact.read_at:%Y-%m-%d %H:%M} UTC" if fact.read_at else ""
    return f" ({_SYSTEMS[fact.system]} {fact.object} {fact.record_id}{version}{read})"


def _end_lines(chain: Chain) -> Iterator[str]:
    if chain.rest:
        yield (f"And others over {_money(chain.rest, chain.currency)}; --all shows every part.")
    yield f"{chain.said}, {_money(chain.amount, chain.currency)}."
    if chain.stated is not None and chain.stated == chain.amount:
        yield "The report says the same, to the cent."
    elif chain.stated is not None:
        yield (
            f"The report says {_money(chain.stated, chain.currency)}: a difference of "
            f"{_money(chain.stated - chain.amount, chain.currency)}."
        )


def _hit_line(hit: Hit) -> str:
    ask = f"  → {hit.ask}" if hit.ask else ""
    company = f", company {hit.company_id}" if hit.company_id else ""
    amount = _money(hit.amount, hit.currency or "")
    return f"  {amount}  {hit.subject} {hit.name}{company}: {hit.said}{ask}"


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,.2f} {currency}".rstrip()


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
