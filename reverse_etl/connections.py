"""Opens the systems a plan may write to, as the settings name them."""

from __future__ import annotations

from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.salesforce import salesforce_client
from pipelines.settings import Settings
from reverse_etl.syncs.flow import Clients


def open_clients(settings: Settings) -> Clients:
    """One org and all configured companies; nothing is sent before the first call.

    Raises `ConfigurationError` when a system is not configured.
    """
    settings.check()
    return Clients(
        salesforce_client(settings),
        {
            company.realm_id: quickbooks_client(settings, company.realm_id)
            for company in settings.quickbooks.companies
        },
    )
