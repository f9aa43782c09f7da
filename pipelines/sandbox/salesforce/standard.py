"""The standard objects an org of the sandbox has."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.salesforce.standard_activities import PARENTS, activity_objects
from pipelines.sandbox.salesforce.standard_customers import customer_objects
from pipelines.sandbox.salesforce.standard_listings import listing_objects
from pipelines.sandbox.salesforce.standard_orders import order_objects
from pipelines.sandbox.salesforce.standard_permissions import permission_objects
from pipelines.sandbox.salesforce.standard_sales import sales_objects
from pipelines.sandbox.salesforce.standard_setup import setup_objects
from pipelines.sandbox.salesforce.standard_values import value_objects


def standard_objects() -> Iterable[SObject]:
    """All of them."""
    yield from customer_objects()
    yield from sales_objects()
    yield from order_objects()
    yield from setup_objects()
    yield from activity_objects()
    yield from listing_objects(PARENTS)
    yield from value_objects()
    yield from permission_objects()
