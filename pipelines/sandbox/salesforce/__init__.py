"""Salesforce's REST API: an org in memory that answers like the vendor."""

from pipelines.sandbox.salesforce.routes import Salesforce

__all__ = ["Salesforce"]
