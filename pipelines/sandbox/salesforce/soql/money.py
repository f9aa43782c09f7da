"""Amounts of several currencies: in the corporate currency, and in the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from pipelines.sandbox.salesforce.soql.names import Books, Found
from pipelines.sandbox.store import Record


@dataclass(frozen=True)
class Currencies:
    """The org's currencies; a rate says how much of one is a unit of the corporate one."""

    books: Books

    @cached_property
    def rates(self) -> dict[str, Decimal]:
        """By code."""
        return {
            str(r.get("IsoCode")): Decimal(r.get("ConversionRate") or 1)
            for r in self.books.table("CurrencyType")
        }

    @cached_property
    def corporate(self) -> str:
        """The org's own currency."""
        rows = list(self.books.table("CurrencyType"))
        found = next((r for r in rows if r.get("IsCorporate")), rows[0] if rows else {})
        return str(found.get("IsoCode") or "USD")

    @cached_property
    def of_user(self) -> str:
        """The currency the user looks at amounts in."""
        wanted = str(self.books.user.get("DefaultCurrencyIsoCode") or self.corporate)
        return wanted if wanted in self.rates else self.corporate

    def corporate_amount(self, amount: Any, code: str | None) -> Decimal:
        """An amount of a currency in the corporate one, with all its digits."""
        rate = self.rates.get(code or self.corporate, Decimal(1))
        return Decimal(amount) if rate == 1 else Decimal(amount) / rate

    def user_amount(self, amount: Any, code: str | None) -> Decimal:
        """An amount of a currency in the user's."""
        if (code or self.corporate) == self.of_user:
            return Decimal(amount)
        return self.corporate_amount(amount, code) * self.rates.get(self.of_user, Decimal(1))

    def reader(
        self, found: Found, converted: Callable[[Any, str | None], Decimal]
    ) -> Callable[[Record], Decimal | None]:
        """A money field read from a record and converted by the record's own currency."""
        value = found.value

        def read(record: Record) -> Decimal | None:
            amount = value(record)
            if amount is None:
                return None
            return converted(amount, (found.holder(record) or {}).get("CurrencyIsoCode"))

        return read


def rounded(amount: Decimal, places: int) -> Decimal:
    """To so many decimals, half up."""
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
