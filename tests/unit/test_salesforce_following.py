"""From when on changes of an object are followed while it is being read once more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.extract.salesforce_objects import Shape, shape_of
from pipelines.extract.salesforce_preparing import _until_of

READ = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BEFORE, AFTER = READ.replace(hour=11), READ.replace(hour=13)


def shape() -> Shape:
    fields = [
        {"name": "Id", "type": "id", "soapType": "tns:ID"},
        {"name": "Name", "type": "string", "soapType": "xsd:string", "length": 255},
        {"name": "IsDeleted", "type": "boolean", "soapType": "xsd:boolean"},
        {"name": "SystemModstamp", "type": "datetime", "soapType": "xsd:dateTime"},
    ]
    return shape_of("Account", {"name": "Account", "queryable": True, "fields": fields})


@pytest.mark.parametrize(("began", "since"), [(None, READ), (BEFORE, BEFORE), (AFTER, READ)])
def test_no_later_than_a_walk_under_way_began(began: datetime | None, since: datetime) -> None:
    """Its rows may have been handed on as they were then, over newer ones."""
    resume = {} if began is None else {"resume": {"began": began.isoformat()}}
    state = {"Account": {"until": READ.isoformat(), **resume}}
    assert _until_of(state, shape()) == since
