"""Opens the two QuickBooks companies: terms, tax, items, vendors and drifted customers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from pipelines.sandbox.company import names
from pipelines.sandbox.company.books import Books, Customer, Item, TaxCode, Term
from pipelines.sandbox.company.catalogue import CURRENCY_RATES, Catalogue, Product
from pipelines.sandbox.company.dates import at_work
from pipelines.sandbox.company.ids import Serial
from pipelines.sandbox.company.money import cents
from pipelines.sandbox.company.people import UK, US, Contact, Firm, Place

REALMS = {US: "9341450000000001", UK: "9341450000000002"}
_TERMS = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
_CATEGORIES = {"Sensors": "Sensors", "Flow": "Flow", "Reagents": "Consumables & Reagents"}
_EXTRA_ITEMS = ("Miscellaneous parts", "Restocking fee", "Expedite fee")
_VENDORS = (
    "Harlow Freight",
    "Tessellate Packaging",
    "Copperline Utilities",
    "Northgate Couriers",
    "Meridian Office Supply",
    "Bluebell Cleaning",
    "Stonebridge Insurance Brokers",
    "Vantage Machine Shop",
    "Lumen Glassblowing",
    "Pinnacle Payroll Bureau",
)


def _tax_codes(company: str) -> tuple[TaxCode, ...]:
    if company == US:
        rows = [("2", "California", "3", "8"), ("3", "Washington", "4", "9.1")]
        return tuple(
            TaxCode(code, name, "sales tax", rate, f"{name} sales tax", Decimal(percent))
            for code, name, rate, percent in rows
        )
    return (
        TaxCode("2", "20.0% S", "VAT standard", "3", "Standard 20% (Sales)", Decimal("20")),
        TaxCode("3", "0.0% Z", "VAT zero-rated", "5", "Zero-rated (Sales)", Decimal("0")),
        TaxCode("4", "0.0% Exports", "VAT exports", "7", "Exports 0% (Sales)", Decimal("0")),
    )


def _items(catalogue: Catalogue, currency: str) -> list[Item]:
    ids = Serial(3)
    # Every QuickBooks company is born with the first two.
    items = [
        Item("1", "Services", None, "Service", Decimal(0), "Services"),
        Item("2", "Hours", None, "Service", Decimal(0), "Hours"),
    ]
    categories = dict.fromkeys(_CATEGORIES.values())
    items += [Item(ids.next(), name, None, "Category", Decimal(0), "") for name in categories]
    items += [_item(ids.next(), product, currency) for product in catalogue.mapped]
    items += [
        Item(ids.next(), name, None, "NonInventory", Decimal(0), name) for name in _EXTRA_ITEMS
    ]
    retired = Item(ids.next(), "Analogue Chart Recorder (deleted)", "BW-CR-01", "NonInventory",
                   Decimal("640"), "Chart recorder", is_active=False)  # fmt: skip
    return [*items, retired]


def _item(item_id: str, product: Product, currency: str) -> Item:
    price = product.list_price * CURRENCY_RATES[currency]
    price = price.quantize(Decimal("0.000001")) if product.list_price < 1 else cents(price)
    kind = "Service" if product.is_service else "NonInventory"
    sku = None if product.matches_by_name_only else product.code
    return Item(
        item_id, product.name.replace('"', " in"), sku, kind, price, product.name, product,
        _CATEGORIES.get(product.family),
    )  # fmt: skip


def _terms() -> tuple[Term, ...]:
    return tuple(Term(str(at + 1), name, days) for at, (name, days) in enumerate(_TERMS))


def _open_books(company: str, catalogue: Catalogue, rng: random.Random) -> Books:
    american = company == US
    books = Books(
        realm_id=REALMS[company],
        name="Brightwater Instruments Inc" if american else "Brightwater Instruments Ltd",
        country="US" if american else "GB",
        home_currency="USD" if american else "GBP",
        offset_hours=-8 if american else 0,
        terms=_terms(),
        tax_codes=_tax_codes(company),
        rng=rng,
        first_number=10001 if american else 40001,
    )
    books.items = _items(catalogue, books.home_currency)
    return books


@dataclass
class Clientele:
    """Both companies' books and who is whose customer."""

    books: dict[str, Books]
    rng: random.Random
    of_account: dict[tuple[str, str], Customer] = field(default_factory=dict)
    doubles: dict[str, tuple[Customer, Customer]] = field(default_factory=dict)
    owned_drift: set[str] = field(default_factory=set)

    def customer(self, firm: Firm, company: str = "") -> Customer:
        """The customer that a firm truly is, in the company that bills it or a named one."""
        return self.of_account[firm.account_id, company or firm.company]

    def add(
        self, books: Books, firm: Firm | None, name: str, contact: Contact, **known: object
    ) -> Customer:
        """Enter a customer; what is not given follows the firm."""
        born = firm.created_on if firm else date(2023, 5, 8)
        customer = Customer(
            customer_id=books.names.next(),
            firm=firm,
            display_name=books.free_name(name),
            company_name=None if firm and firm.is_person else name,
            contact=contact,
            email=contact.email,
            phone=firm.phone if firm else None,
            place=firm.place if firm else None,
            currency=firm.currency if firm else books.home_currency,
            term=self.rng.choice(books.terms[1:]),
            tax=_tax_of(books, firm),
            created_at=at_work(self.rng, max(born, date(2023, 1, 10)), 16),
        )
        for key, value in known.items():
            setattr(customer, key, value)
        books.customers.append(customer)
        return customer

    def abroad(self, firm: Firm) -> Customer:
        """A customer for a US firm in the UK company, entered there by mistake, in dollars."""
        name = self.customer(firm).display_name
        books = self.books[UK]
        customer = self.add(books, firm, name, firm.billing, tax=books.tax_codes[2])
        self.of_account[firm.account_id, UK] = customer
        return customer


def _tax_of(books: Books, firm: Firm | None) -> TaxCode | None:
    if books.country == "GB":
        domestic = firm is None or firm.currency == "GBP"
        return books.tax_codes[0 if domestic else 2]
    states = {"CA": books.tax_codes[0], "WA": books.tax_codes[1]}
    return states.get(firm.place.state) if firm else None


def _differently_written(rng: random.Random, customer: Customer) -> None:
    """Drift of form only: the same e-mail, phone and address, written another way."""
    if customer.email and rng.random() < 0.25:
        customer.email = customer.email.capitalize()
    if customer.phone and rng.random() < 0.5:
        customer.phone = customer.phone.replace("(", "").replace(") ", "-")
    if customer.place and rng.random() < 0.15:
        customer.place = replace(customer.place, street=customer.place.street.upper())


def _old_phone(clientele: Clientele, customer: Customer) -> None:
    digits = (customer.phone or "0").rstrip("0123456789")
    customer.phone = f"{digits or '0'}0199"


def _old_address(clientele: Clientele, customer: Customer) -> None:
    assert customer.place is not None
    customer.place = replace(customer.place, street="PO Box " + customer.customer_id.zfill(4))


def _old_email(clientele: Clientele, customer: Customer) -> None:
    domain = (customer.email or "@").partition("@")[2]
    customer.email = f"invoices@{domain}"


_OWNED_DRIFTS: tuple[Callable[[Clientele, Customer], None], ...] = (
    _old_phone,
    _old_address,
    _old_email,
)


def _enter_known(clientele: Clientele, firms: Sequence[Firm]) -> None:
    """Customers of linked and matchable firms; sub-customers where a group bills its branch."""
    rng = clientele.rng
    for firm in sorted(firms, key=lambda firm: firm.parent_id is not None):
        books = clientele.books[firm.company]
        name = _drifted_name(rng, firm)
        customer = clientele.add(books, firm, name, firm.billing)
        if firm.parent_id:
            customer.parent = clientele.of_account[firm.parent_id, firm.company]
        _differently_written(rng, customer)
        clientele.of_account[firm.account_id, firm.company] = customer


def _drifted_name(rng: random.Random, firm: Firm) -> str:
    if firm.is_person:
        return names.misspelt_person(rng, firm.billing.given, firm.billing.family)
    # A branch or its parent keeps its name: the name is all that tells them apart.
    return firm.name if firm.resembles else names.drifted(rng, firm.name)


def _enter_doubles(clientele: Clientele, firms: Sequence[Firm]) -> None:
    """Two equally good customers per ambiguous firm: nobody can tell which one to bill."""
    for firm in firms:
        books = clientele.books[firm.company]
        head, _, form = firm.name.rpartition(" ")
        first = clientele.add(books, firm, firm.name, firm.billing)
        other = clientele.add(books, firm, f"{head}, {form}.", firm.billing)
        clientele.doubles[firm.account_id] = (first, other)


def _enter_weak(clientele: Clientele, firms: Sequence[Firm]) -> None:
    """A name and nothing else: probably the firm, but no evidence."""
    for firm in firms:
        bare = Contact("", "", "", "", "")
        customer = clientele.add(clientele.books[firm.company], firm, firm.name, bare,
                                 email=None, phone=None, place=None)  # fmt: skip
        clientele.of_account[firm.account_id, firm.company] = customer


def _enter_strangers(clientele: Clientele, words: Iterator[str]) -> None:
    """Customers that Salesforce does not know: counter sales, and deactivated ones."""
    rng = clientele.rng
    for at in range(14):
        books = clientele.books[US if at % 3 else UK]
        given, family = names.person(rng)
        contact = Contact(given, family, f"{names.slug(given)}@{next(words).lower()}.example", "")
        name = f"{next(words)} Supply" if at % 2 else f"{given} {family}"
        gone = at >= 10
        label = f"{name} (deleted)" if gone else name
        clientele.add(books, None, label, contact, is_active=not gone)


def _drift_owned_fields(clientele: Clientele, firms: Sequence[Firm]) -> None:
    """Some customers whose phone, address or e-mail is older than the account's."""
    linked = [firm for firm in firms if firm.role == "linked"]
    plain = [firm for firm in linked if not firm.is_person and not firm.resembles]
    for at, firm in enumerate(clientele.rng.sample(plain, 9)):
        _OWNED_DRIFTS[at % 3](clientele, clientele.customer(firm))
        clientele.owned_drift.add(firm.account_id)
    unlinked = [firm for firm in firms if firm.role == "matchable" and not firm.is_person]
    # Owner 3's accounts show no billing e-mail: there the other mailbox would prove nothing.
    for firm in clientele.rng.sample([firm for firm in unlinked if firm.owner not in (1, 2, 3)], 3):
        _old_email(clientele, clientele.customer(firm))


def open_companies(
    rng: random.Random, catalogue: Catalogue, firms: Sequence[Firm], words: Iterator[str]
) -> Clientele:
    """Both companies with their lists filled and no document yet."""
    clientele = Clientele(
        {company: _open_books(company, catalogue, rng) for company in (US, UK)}, rng
    )
    by_role = {role: [firm for firm in firms if firm.role == role] for role in _ROLES}
    for company, books in clientele.books.items():
        wanted = list(_VENDORS)
        new = [firm.name for firm in by_role["create"] if firm.company == company]
        # Display names are unique over customers, vendors and employees, whatever the case.
        wanted += [new[0], new[1].upper()] if len(new) > 1 else new
        books.vendors = [(books.names.next(), books.free_name(name)) for name in wanted]
    _enter_known(clientele, by_role["linked"] + by_role["matchable"])
    _enter_doubles(clientele, by_role["ambiguous"])
    _enter_weak(clientele, by_role["weak"])
    _enter_strangers(clientele, words)
    _drift_owned_fields(clientele, firms)
    return clientele


_ROLES = ("linked", "matchable", "ambiguous", "weak", "create")


def place_lines(place: Place) -> dict[str, str]:
    """A QuickBooks address."""
    address = {
        "Line1": place.street,
        "City": place.city,
        "CountrySubDivisionCode": place.state,
        "PostalCode": place.postal_code,
        "Country": place.country,
    }
    return {key: value for key, value in address.items() if value}
