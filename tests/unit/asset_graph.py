"""What Dagster is given, as a value that can be kept and compared: assets with what they stand on,
their group, kinds, checks and partitions; jobs with their launch forms; schedules and sensors."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._config.config_type import ConfigTypeKind
from dagster._core.definitions.freshness import CronFreshnessPolicy, TimeWindowFreshnessPolicy


def surface(defs: dg.Definitions) -> dict[str, Any]:
    """All of it, in an order that does not depend on how it was written down."""
    return {
        "assets": _assets(defs),
        "jobs": {job.name: _job(defs.resolve_job_def(job.name)) for job in defs.jobs or ()},
        "schedules": {s.name: _schedule(s) for s in defs.schedules or ()},  # type: ignore[union-attr]
        "sensors": {s.name: _sensor(s) for s in defs.sensors or ()},
    }


def _assets(defs: dg.Definitions) -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    found = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        found[key.to_user_string()] = _kept(
            group=node.group_name,
            kinds=sorted(node.kinds),
            stands_on=sorted(parent.to_user_string() for parent in node.parent_keys),
            partitions=_partitions(node.partitions_def),
            checks={
                check.name: "blocking" if graph.get(check).blocking else "told"
                for check in sorted(node.check_keys, key=lambda one: one.name)
            },
            fresh=_fresh(node.freshness_policy),
            made_by="" if node.is_materializable else "others",
        )
    return found


def _job(job: dg.JobDefinition) -> dict[str, Any]:
    nodes = [node for node in job.all_node_defs if isinstance(node, dg.OpDefinition)]
    return _kept(
        steps=sorted(node.name for node in nodes),
        partitions=_partitions(job.partitions_def),
        form={
            f"{node.name}.{name}": f"{'required' if field.is_required else 'optional'} "
            f"{_type(field.config_type)}"
            for node in nodes
            for name, field in sorted(getattr(node.config_schema.config_type, "fields", {}).items())
        },
    )


def _type(config_type: Any) -> str:
    """`text`, `one of CONFIRM, REJECT`, `list of text`: what the form wants."""
    if config_type.kind is ConfigTypeKind.NONEABLE:
        return _type(config_type.inner_type)
    if config_type.kind is ConfigTypeKind.ENUM:
        return "one of " + ", ".join(config_type.config_values)
    if config_type.kind is ConfigTypeKind.ARRAY:
        return f"list of {_type(config_type.inner_type)}"
    scalar = getattr(config_type, "scalar_type", config_type)
    return str(scalar.given_name).removesuffix("SourceType").lower()


def _schedule(schedule: dg.ScheduleDefinition) -> dict[str, Any]:
    return {
        "job": schedule.job_name,
        "cron": schedule.cron_schedule,
        "zone": schedule.execution_timezone or "UTC",
        "begins": schedule.default_status.value,
    }


def _sensor(sensor: dg.SensorDefinition) -> dict[str, Any]:
    return {
        "jobs": sorted(target.job_name for target in sensor.targets),
        "seconds": sensor.minimum_interval_seconds,
        "begins": sensor.default_status.value,
    }


def _partitions(partitions: dg.PartitionsDefinition[Any] | None) -> str:
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return f"{partitions.cron_schedule} from {partitions.start:%Y-%m-%d}"
    return str(partitions or "")


def _fresh(policy: dg.FreshnessPolicy | None) -> str:
    if isinstance(policy, TimeWindowFreshnessPolicy):
        return f"within {policy.fail_window.to_timedelta()}"
    return f"by {policy.deadline_cron}" if isinstance(policy, CronFreshnessPolicy) else ""


def _kept(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}
