"""What the assets are given: the settings, read when a run starts and never at import."""

import dagster as dg

from pipelines.settings import Settings, load_settings

# One pool for every step that opens the warehouse: DuckDB admits one writing process.
WAREHOUSE_POOL = "warehouse"


class SettingsResource(dg.ConfigurableResource[Settings]):
    """Hands out the one frozen settings object of this run."""

    def read(self) -> Settings:
        """The settings as the environment and `.env` give them now."""
        return load_settings()
