"""Where the models are computed on Spark, if they are."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.errors import ConfigurationError
from pipelines.setting_values import Values
from pipelines.spark.place import Place

_MASTER = re.compile(r"local(\[(\d+|\*)\])?|local-cluster\[\d+,\d+,\d+\]|spark://[^\s'/]+:\d+")


def place(values: Values, data_dir: Path) -> Place | None:
    """Spark's master and the folder that its workers see; None where the warehouse's own engine
    computes. Raises `ConfigurationError`."""
    master = values.text("CROSSFOOT_SPARK")
    if not master:
        if values.text("CROSSFOOT_SPARK_DATA"):
            raise ConfigurationError(
                "settings", "CROSSFOOT_SPARK_DATA", "it belongs to Spark, and none is named",
                "Set CROSSFOOT_SPARK to spark://HOST:PORT, or unset it.",
            )  # fmt: skip
        return None
    if not _MASTER.fullmatch(master):
        raise ConfigurationError(
            "settings", "CROSSFOOT_SPARK", f"{master!r} is no address of a Spark master",
            "Set it to spark://HOST:PORT, or to local[2] for two cores of this machine.",
        )  # fmt: skip
    folder = values.path("CROSSFOOT_SPARK_DATA", data_dir / "spark")
    if "'" in str(folder):
        raise ConfigurationError(
            "settings", "CROSSFOOT_SPARK_DATA", "the folder's name has an apostrophe in it",
            "Name another folder that every worker sees under the same path.",
        )  # fmt: skip
    return Place(master, folder)
