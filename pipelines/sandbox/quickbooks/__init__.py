"""QuickBooks Online, accounting API v3: a company in memory that answers like the vendor."""

from pipelines.sandbox.quickbooks.routes import QuickBooks

__all__ = ["QuickBooks"]
