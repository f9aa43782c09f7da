"""All write flows, in the order money needs: customers and products before invoices, status after;
what is offered before what is billed."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.errors import ConfigurationError
from reverse_etl.syncs import (
    account_status,
    customers,
    deal_status,
    estimates,
    invoice_mails,
    invoices,
    overdue,
    products,
    undo,
)
from reverse_etl.syncs.flow import Flow

FLOWS: tuple[Flow, ...] = (
    customers.FLOW,
    products.FLOW,
    products.PRICE_FLOW,
    estimates.FLOW,
    invoices.FLOW,
    invoice_mails.FLOW,
    account_status.FLOW,
    deal_status.FLOW,
    overdue.FLOW,
)
PLANNED = tuple(flow.name for flow in FLOWS)
# No plan of the marts holds it: people ask for it.
_ASKED_FOR = (undo.FLOW,)
NAMES = tuple(flow.name for flow in (*FLOWS, *_ASKED_FOR))


def chosen(names: Iterable[str] = ()) -> tuple[Flow, ...]:
    """The named flows in their proper order; all that the marts decide for no name at all.

    Raises `ConfigurationError` for a name that is no flow.
    """
    wanted = tuple(names) or tuple(flow.name for flow in FLOWS)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        known = f"The flows are: {', '.join(NAMES)}."
        raise ConfigurationError("plan", ", ".join(unknown), "there is no such flow", known)
    return tuple(flow for flow in (*FLOWS, *_ASKED_FOR) if flow.name in wanted)


def flow(name: str) -> Flow:
    """The flow of this name."""
    return chosen([name])[0]
