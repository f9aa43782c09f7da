"""The sample company: Brightwater Instruments, its Salesforce org and two QuickBooks companies."""

from __future__ import annotations

from pipelines.sandbox.company.generator import Summary, generate

__all__ = ["Summary", "generate"]
