"""The process's connection to Spark, made when it is first asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.spark.place import Place

# Amounts keep their scale whatever they are multiplied with; what does not fit is an error and not
# null. Moments are compared in UTC, as in DuckDB.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # Tables are known to this process only, whatever catalogue the cluster has.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    # A plan that is checked after each rule is refused for a union of the same table under two
    # names, which is then computed correctly.
    "spark.sql.lightweightPlanChangeValidation": "false",
    # What follows from a condition is sought for every pair of columns that are alike, which never
    # ends for the models with the most columns.
    "spark.sql.constraintPropagation.enabled": "false",
    # The largest models' plans take more than the gigabyte that Spark gives its driver.
    "spark.driver.memory": "4g",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}


def session(place: Place) -> Any:
    """The session with this master. Raises `ConfigurationError` when Spark is not installed or does
    not answer."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigurationError(
            "settings", "CROSSFOOT_SPARK", "Spark is not installed here",
            "Install Crossfoot with its extra `spark` and Java 17, or unset it.",
        ) from None  # fmt: skip
    # Workers on this machine run the same Python; elsewhere the same packages must be installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(place.master).appName("crossfoot")
    for name, value in {**_SETTINGS, **place.options}.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as problem:
        raise ConfigurationError(
            "settings", "CROSSFOOT_SPARK", f"Spark does not answer: {_first_line(problem)}",
            "Look whether its master runs under this address and Java 17 is installed here.",
        ) from None  # fmt: skip


def _first_line(problem: BaseException) -> str:
    return next((line.strip() for line in str(problem).splitlines() if line.strip()), "no reason")
