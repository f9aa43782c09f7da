"""The warehouse's file as dlt's destination: dlt's own for DuckDB, told what it would work out.

dlt reads its configuration anew for each of the thirty times in a reading that it asks what DuckDB
can do, and imports SQLAlchemy, where that is installed, to write the address of a file. Both are
answered here, by overriding what dlt means to be overridden; together they were a sixth of what a
reading costs that finds nothing new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import configspec
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration, DuckDbCredentials

from pipelines.extract.history import STORED


@configspec(init=False)
class FileCredentials(DuckDbCredentials):
    """Where the file is, and how what is written to it is stored."""

    def __str__(self) -> str:
        return f"duckdb:///{self.database}"


@configspec(init=False)
class FileConfiguration(DuckDbClientConfiguration):
    """The configuration of a destination with such credentials."""

    credentials: FileCredentials = None  # type: ignore[assignment]


class OneFile(dlt.destinations.duckdb):
    """The destination for one warehouse file, under the name of dlt's own, by which warehouses of
    earlier versions know it."""

    spec = FileConfiguration

    @property
    def destination_type(self) -> str:
        """What the pipeline's state calls it."""
        return "dlt.destinations.duckdb"

    def capabilities(
        self, config: DuckDbClientConfiguration | None = None, naming: Any = None
    ) -> DestinationCapabilitiesContext:
        """What DuckDB can do, which no configuration changes."""
        known = config or self.spec(credentials=self.config_params["credentials"])
        return super().capabilities(known, naming)


def one_file(path: Path) -> OneFile:
    """The destination for the warehouse file at this path."""
    # By pragmas, for dlt sets one of these anew each time that it opens the file.
    credentials = FileCredentials(pragmas=[f"{name} = '{value}'" for name, value in STORED.items()])
    # Given to the credentials at once, a path is taken for a URL.
    credentials.database = str(path)
    return OneFile(credentials)
