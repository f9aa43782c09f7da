"""The real clients of the configured org and companies; none connects before its first call."""

from __future__ import annotations

from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.recording import Recorder
from pipelines.clients.salesforce import salesforce_client
from pipelines.settings import Settings
from reverse_etl.syncs.flow import Clients


def open_clients(settings: Settings, record: Recorder) -> Clients:
    """One client for the org and one for each company, which tell `record` of their calls.

    Raises `ConfigurationError` naming what is missing.
    """
    companies = [company.realm_id for company in settings.quickbooks.companies]
    return Clients(
        salesforce=salesforce_client(settings, record),
        quickbooks={realm: quickbooks_client(settings, realm, record) for realm in companies},
    )
