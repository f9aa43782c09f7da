"""Which stored plan holds a write: what its approval and its application are called by.

Beside the report's value, not in it: plans come and go while the figures stay, and a replayed week
has the same figures and other plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.settings import Settings
from reverse_etl.changes import ChangeKey
from reverse_etl.opening import opened
from reverse_etl.state import State
from reverse_etl.store import newest_plans
from reverse_etl.syncs import deal_status, invoices

# The flows that mend what the report finds.
FLOWS = (invoices.NAME, deal_status.NAME)
# As much of a checksum as commands need.
_SHOWN = 12


@dataclass(frozen=True)
class Plans:
    """Checksums of the newest plans by the changes in them, each by its key without generation;
    and the mode of each flow that sends nothing: `shadow` or `off`."""

    checksums: Mapping[str, str] = field(default_factory=dict)
    unsent: Mapping[str, str] = field(default_factory=dict)

    def holding(self, key: str) -> str:
        """The checksum's beginning of the plan that holds this change; empty where none does."""
        return self.checksums.get(ChangeKey.parse(key).base, "")[:_SHOWN]


NO_PLANS = Plans()


def plans_for(settings: Settings) -> Plans:
    """The newest stored plan of each flow. Raises what `open_state` raises."""
    modes = {flow: settings.policies.of(flow).mode for flow in FLOWS}
    unsent = {flow: mode for flow, mode in modes.items() if mode in ("shadow", "off")}
    with opened(settings) as state:
        return newest(state, unsent)


def newest(state: State, unsent: Mapping[str, str]) -> Plans:
    """The changes of the newest plan of each flow, with its checksum."""
    return Plans(
        {
            change.base: plan.checksum
            for flow, plan in newest_plans(state, FLOWS).items()
            for change in plan.changes
            if change.flow == flow
        },
        unsent,
    )
