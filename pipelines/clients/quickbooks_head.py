"""What is decoded of every record of QuickBooks: its id, version and times."""

from __future__ import annotations

import msgspec


# Heads hold nothing but text, so that the collector of cycles need not look through them.
class Times(msgspec.Struct, gc=False):
    """`MetaData` of a record; whole seconds with the company's offset (quickbooks_api 2.1)."""

    CreateTime: str | None = None
    LastUpdatedTime: str | None = None


class Head(msgspec.Struct, gc=False):
    """What is decoded of a record. Exchange rates have no Id, but currency and day."""

    Id: str | None = None
    SyncToken: str | int | None = None
    MetaData: Times | None = None
    status: str | None = None
    SourceCurrencyCode: str | None = None
    AsOfDate: str | None = None

    @property
    def key(self) -> str:
        """The record's id. Preferences may come without one, and there is only one of them; an
        exchange rate is the one of its currency on its day."""
        if self.Id:
            return self.Id
        return f"{self.SourceCurrencyCode} {self.AsOfDate}" if self.SourceCurrencyCode else "1"

    @property
    def token(self) -> int:
        """The version of the record, 0 at its creation."""
        return int(self.SyncToken or 0)

    @property
    def created(self) -> str | None:
        return self.MetaData.CreateTime if self.MetaData else None

    @property
    def changed(self) -> str | None:
        return self.MetaData.LastUpdatedTime if self.MetaData else None
