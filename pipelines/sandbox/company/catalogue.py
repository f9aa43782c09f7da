"""What the company sells: products, price books in three currencies, and QuickBooks items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.sandbox.company.ids import SalesforceIds
from pipelines.sandbox.company.money import cents

CURRENCY_RATES = {"USD": Decimal("1"), "GBP": Decimal("0.78"), "EUR": Decimal("0.92")}
BOOKS = ("Standard Price Book", "Research and Education 2025", "Distribution 2025")
_BOOK_FACTORS = {BOOKS[0]: Decimal("1"), BOOKS[1]: Decimal("0.9"), BOOKS[2]: Decimal("0.85")}

# code | name | family | dollar list price | typical quantity (1, tens, hundreds)
_CATALOGUE = """
BW-PH-200|pH Probe 200|Sensors|249.00|1
BW-PH-210|pH Probe 210 Double Junction|Sensors|318.50|1
BW-DO-110|Dissolved Oxygen Sensor|Sensors|542.25|1
BW-CD-330|Conductivity Cell 330|Sensors|199.99|1
BW-TB-050|Turbidity Sensor|Sensors|764.40|1
BW-TP-012|Temperature Probe Pt100|Sensors|88.15|10
BW-FL-400|Electromagnetic Flow Meter DN40|Flow|1299.00|1
BW-FL-800|Electromagnetic Flow Meter DN80|Flow|1849.00|1
BW-FL-RT|Rotameter 0-10 l/min|Flow|145.75|10
BW-PR-016|Pressure Transmitter 0-16 bar|Flow|412.30|1
BW-PR-100|Pressure Transmitter 0-100 bar|Flow|467.80|1
BW-VL-025|Solenoid Valve 1/4"|Flow|73.45|10
BW-SP-700|Benchtop Spectrophotometer|Analysers|6895.00|1
BW-TOC-9|TOC Analyser|Analysers|18450.00|1
BW-GC-20|Process Gas Chromatograph|Analysers|32990.00|1
BW-KF-3|Karl Fischer Titrator|Analysers|9240.50|1
BW-MX-15|Moisture Analyser|Analysers|3475.00|1
BW-CL-220|Chlorine Analyser|Analysers|2180.00|1
BW-CT-10|Multi-parameter Controller|Controllers|1120.00|1
BW-CT-20|Two-channel Controller|Controllers|865.33|1
BW-DL-8|Data Logger 8-channel|Controllers|499.00|1
BW-GW-1|Fieldbus Gateway|Controllers|328.00|1
BW-RG-401|Buffer Solution pH 4.01 500 ml|Reagents|12.10|10
BW-RG-700|Buffer Solution pH 7.00 500 ml|Reagents|12.10|10
BW-RG-KCL|Electrolyte KCl 250 ml|Reagents|17.36|10
BW-RG-DPD|DPD Reagent Tablet|Reagents|0.333|100
BW-CS-VIA|Sample Vial 10 ml|Consumables|0.142857|100
BW-CS-CUV|Cuvette, disposable|Consumables|0.0875|100
BW-CS-TUB|PTFE Tubing per metre|Consumables|6.665|10
BW-CS-ORG|O-ring set|Consumables|9.99|10
BW-SV-CAL|On-site Calibration per hour|Services|142.857143|1
BW-SV-COM|Commissioning per day|Services|1180.00|1
BW-SV-TRN|Operator Training|Services|950.00|1
BW-SV-PLN|Service Plan Gold, 12 months|Services|3600.00|1
BW-AI-100|Predictive Maintenance Licence|Software|2400.00|1
BW-AI-200|Fleet Dashboard Licence|Software|1750.00|1
"""
_UNMAPPED = frozenset({"BW-AI-100", "BW-AI-200"})
_MATCHED_BY_NAME = frozenset({"BW-CS-ORG", "BW-GW-1", "BW-KF-3", "BW-SV-TRN"})
_TYPICAL = {"1": 1, "10": 20, "100": 1500}


@dataclass(frozen=True)
class Product:
    """A Product2 record in spirit: code, name, and the dollar list price."""

    product_id: str
    code: str
    name: str
    family: str
    list_price: Decimal
    typical_quantity: int
    created_on: date

    @property
    def is_mapped(self) -> bool:
        """Whether the QuickBooks companies have an item for it."""
        return self.code not in _UNMAPPED

    @property
    def matches_by_name_only(self) -> bool:
        """Whether its QuickBooks items carry no product code."""
        return self.code in _MATCHED_BY_NAME

    @property
    def is_service(self) -> bool:
        """Services are not subject to US sales tax here."""
        return self.family in ("Services", "Software")


@dataclass(frozen=True)
class Entry:
    """A price book entry."""

    entry_id: str
    book: str
    product: Product
    currency: str
    price: Decimal


@dataclass(frozen=True)
class Catalogue:
    """All products with their prices."""

    products: tuple[Product, ...]
    book_ids: dict[str, str]
    entries: dict[tuple[str, str, str], Entry]

    def entry(self, book: str, product: Product, currency: str) -> Entry:
        """The price of a product in a book and currency."""
        return self.entries[book, product.code, currency]

    def by_code(self, code: str) -> Product:
        """The product of a code."""
        return next(product for product in self.products if product.code == code)

    @property
    def mapped(self) -> list[Product]:
        """Products that can be invoiced."""
        return [product for product in self.products if product.is_mapped]


def _product(ids: SalesforceIds, line: str) -> Product:
    code, name, family, price, typical = line.split("|")
    created_on = date(2023, 2, 1) if code not in _UNMAPPED else date(2026, 9, 14)
    return Product(
        ids.next("01t"), code, name, family, Decimal(price), _TYPICAL[typical], created_on
    )


def _price(product: Product, book: str, currency: str) -> Decimal:
    factor = _BOOK_FACTORS[book] * CURRENCY_RATES[currency]
    if factor == 1:
        return product.list_price
    price = product.list_price * factor
    # Sub-unit prices (vials, tablets) keep their digits: they are sold by the thousand.
    return price.quantize(Decimal("0.000001")) if product.list_price < 1 else cents(price)


def _entries(ids: SalesforceIds, products: Sequence[Product]) -> dict[tuple[str, str, str], Entry]:
    return {
        (book, product.code, currency): Entry(
            ids.next("01u"), book, product, currency, _price(product, book, currency)
        )
        for book in BOOKS
        for product in products
        for currency in CURRENCY_RATES
    }


def build_catalogue(ids: SalesforceIds) -> Catalogue:
    """The fixed catalogue: nothing in it is random."""
    products = tuple(_product(ids, line) for line in _CATALOGUE.strip().splitlines())
    book_ids = {book: ids.next("01s") for book in BOOKS}
    return Catalogue(products, book_ids, _entries(ids, products))
