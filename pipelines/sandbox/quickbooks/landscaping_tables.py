"""Names, prices and documents of the vendor's demonstration company, one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipelines.sandbox.quickbooks.values import Record, cents

RATES = {"CAD": "0.73", "EUR": "1.08", "GBP": "1.27"}

# id|name|given|family|e-mail|phone|parent|street|city|state|postal code|taxable
_CUSTOMERS = """
1|Amy's Bird Sanctuary|Amy|Lauterbach|birds@example.com|(650) 555-3311||4581 Finch St.|Bayshore|CA|94326|yes
2|Bill's Windsurf Shop|Bill|Lucchini|surf@example.com|(415) 444-6538||12 Ocean Dr.|Half Moon Bay|CA|94213|
3|Cool Cars|Grace|Pariente|cool_cars@example.com|(415) 555-9933||65 Ocean Dr.|Half Moon Bay|CA|94213|
4|Diego Rodriguez|Diego|Rodriguez|diego@example.com|(650) 555-4477||321 Channing|Palo Alto|CA|94303|
5|Dukes Basketball Camp|Peter|Dukes|dukes_bball@example.com|(520) 420-5638||25 Court St.|Tucson|AZ|85719|yes
6|Dylan Sollfrank|Dylan|Sollfrank||||||||
7|Freeman Sporting Goods|Kirby|Freeman|sporting_goods@example.com|(650) 555-0987||370 Easy St.|Middlefield|CA|94482|
8|0969 Ocean View Road|Sasha|Tillou|sporting_goods@example.com|(415) 555-9933|7|370 Easy St.|Middlefield|CA|94482|
9|55 Twin Lane|Amelia||sporting_goods@example.com|(650) 555-0987|7|370 Easy St.|Middlefield|CA|94482|
10|Geeta Kalapatapu|Geeta|Kalapatapu|geeta@example.com|(650) 555-0022||1987 Main St.|Middlefield|CA|94303|
11|Gevelber Photography|Lisa|Gevelber|photography@example.com|(415) 222-4345||1045 Main St.|Half Moon Bay|CA|94213|
12|Jeff's Jalopies|Jeff|Chin|jalopies@example.com|(650) 555-8989||12 Willow Rd.|Menlo Park|CA|94305|
13|John Melton|John|Melton|john@example.com|(650) 555-5879||85 Pine St.|Menlo Park|CA|94304|
14|Kate Whelan|Kate|Whelan|kate@example.com|(650) 554-8822||45 First St.|Menlo Park|CA|94304|
15|Pye's Cakes|Karen|Pye|pyescakes@example.com|(973) 555-4652||350 Mountain View Dr.|South Orange|NJ|07079|
16|Kookies by Kathy|Kathy|Kuplis|kookies@example.com|(650) 555-7896||789 Sugar Lane|Middlefield|CA|94303|
17|Mark Cho|Mark|Cho|mark@example.com|(650) 554-1479||36 Willow Rd|Menlo Park|CA|94304|
18|Paulsen Medical Supplies|Kathy|Paulsen|medical@example.com|(650) 557-4569||900 Main St.|Middlefield|CA|94303|
19|Rago Travel Agency|Jeff|Rago|rago_travel@example.com|(650) 555-1596||753 Cedar St.|Bayshore|CA|94326|
20|Red Rock Diner|Stephanie|Martini|red_rock@example.com|(650) 555-4973||500 Red Rock Rd.|Bayshore|CA|94326|
21|Rondonuwu Fruit and Vegi|Rondonuwu|and Vegi|tony@example.com|(650) 555-2645||847 California Ave.|San Jose|CA|95021|
22|Shara Barnett|Shara|Barnett|shara@example.com|(650) 555-4563||77 University|Palo Alto|CA|94303|
23|Barnett Design|Shara|Barnett|design@example.com|(650) 557-1289|22|19 Main St.|Middlefield|CA|94303|
24|Sonnenschein Family Store|Russ|Sonnenschein|family_store@example.com|(650) 557-8463||5647 Cypress Hill Ave.|Middlefield|CA|94303|
25|Sushi by Katsuyuki|Katsuyuki|Yanagawa|sushi@example.com|(505) 570-0147||898 Elm St.|Maplewood|NJ|07040|
26|Travis Waldron|Travis|Waldron|travis@example.com|(650) 557-9977||78 First St.|Menlo Park|CA|94304|
27|Video Games by Dan|Dan|Wilks|video_games@example.com|(650) 555-3456||202 Main St.|Tucson|AZ|85704|
28|Wedding Planning by Whitney|Whitney|Brewer|dream_wedding@example.com|(650) 557-2473||135 Broadway|Menlo Park|CA|94304|
29|Weiskopf Consulting|Nicola|Weiskopf|consulting@example.com|(650) 555-1423||45612 Main St.|Bayshore|CA|94326|
"""  # noqa: E501
_FIRST_VENDOR = 30
_VENDORS = """
Books by Bessie
Brosnahan Insurance Agency
Cal Telephone
Chin's Gas and Oil
Cigna Health Care
Computers by Jenni
Diego's Road Warrior Bodyshop
EDD
Ellis Equipment Rental
Fidelity
Hall Properties
Hicks Hardware
Lee Advertising
Mahoney Mugs
Met Life Dental
National Eye Care
Norton Lumber and Building Materials
Pam Seitz
PG&E
Robertson & Associates
Tania's Nursery
Tim Philip Masonry
Tony Rondonuwu
United States Treasury
"""
_EMPLOYEES = (("54", "John", "Johnson"), ("55", "Emily", "Platt"))

# id|name|type|price|taxed|income account|description
_ITEMS = """
3|Concrete|NonInventory|0|yes|48|Concrete for fountain installation
4|Design|Service|75||82|Custom Design
5|Rock Fountain|Inventory|275|yes|79|Rock Fountain
6|Gardening|Service|0||45|Weekly Gardening Service
7|Installation|Service|50||52|Installation of landscape design
8|Lighting|NonInventory|0|yes|48|Garden Lighting
9|Maintenance & Repair|Service|0||53|Maintenance & Repair
10|Pest Control|Service|35||54|Pest Control Services
11|Pump|Inventory|15|yes|79|Fountain Pump
12|Refunds & Allowances|Service|0||6|Income due to refunds or allowances
13|Rocks|Service|0|yes|48|Garden Rocks
14|Sod|Service|0|yes|49|Sod
15|Soil|Service|10|yes|49|2 cubic ft. bag
16|Sprinkler Heads|Inventory|2|yes|79|Sprinkler Heads
17|Sprinkler Pipes|Inventory|4|yes|79|Sprinkler Pipes
18|Trimming|Service|35||45|Tree and Shrub Trimming
"""

# id|number|days ago|customer|tax code|item x quantity x price, ...; t behind a price: taxed
_INVOICES = """
9|1001|45|1|2|6x4x25t
10|1002|90|2||6x4x35,10x1x35
12|1004|48|3|2|16x10x2t,17x6x4t,14x50x35t,1x8x50
13|1005|44|9|2|6x2x25t
14|1006|75|9|2|6x4x20t
16|1007|60|13||4x10x75
27|1009|41|26||1x1x103.55
34|1010|40|29||4x5x75
39|1012|52|23||16x15x2,5x1x275
49|1015|42|18||4x4x75,7x5x50,5x1x275,13x8x22.5
60|1016|80|16||6x3x25
63|1017|55|25||6x4x20
64|1018|46|25||6x4x20
65|1019|39|25||6x4x20
67|1021|58|1|2|15x15x10t,5x1x275t
68|1022|58|12|2|6x3x25t
69|1023|38|20||10x2x35
70|1024|100|20||17x12x4,17x15x4,13x4x12
71|1025|79|1||6x4x30,10x1x35,9x1x50
75|1027|78|2||6x2x25,10x1x35
92|1028|77|9|2|6x3x25t
93|1029|77|5|3|3x5x15t,13x6x12t,5x1x275t
95|1030|95|8|2|6x2x25,10x1x35,14x15x8.75t
96|1031|92|8|2|6x3x30,5x1x275t
99|1032|37|26|2|14x20x15t,13x7x12t
103|1033|36|10|2|5x1x275t,4x3.5x75,11x2x22.5t
106|1034|35|21|2|18x2x15,8x3x15t
119|1035|34|17|2|5x1x275t,17x4x4t
130|1037|33|24|2|5x1x275t,11x1x12.75t,3x5x9.5t
"""
# id|days ago|customer|amount|invoice x amount, ...
_PAYMENTS = """
15|70|9|86.40|14x86.40
17|50|13|300|16x300
20|43|1|108|9x108
28|40|26|103.55|27x103.55
32|42|9|50|13x50
33|47|3|2369.52|12x2194.00
40|76|1|205|71x205
53|86|2|175|10x175
72|53|1|220|67x220
104|54|25|80|63x80
118|90|8|387|96x387
"""
# id|number|days ago|customer|items
_ESTIMATES = """
41|1001|60|3||17x10x4,16x5x2,4x5x75
100|1002|50|24|2|5x1x275t,11x1x12.75t,3x5x9.5t
"""
_SALES_RECEIPTS = """
11|1003|30|6||4x4.5x75
38|1008|49|14||4x3x75
47|1014|47|11||10x3x35
"""
_CREDIT_MEMOS = """
73|1026|62|1||12x1x100
"""
# id|days ago|vendor|account|amount
_BILLS = """
1|85|30|15|75
25|66|33|56|75
52|51|46|63|205
109|35|31|11|241.23
115|30|48|76|86.44
"""
_PURCHASES = """
29|40|57|35|56|19.99|Cash
45|38|41|42|63|42.40|CreditCard
57|33|43|42|15|18.08|CreditCard
"""


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        if line:
            yield line.split("|")


Made = tuple[str, str | None, Record]


def people() -> Iterator[Made]:
    """Customers, vendors and employees."""
    for row in _lines(_CUSTOMERS):
        yield "Customer", row[0], _customer(row)
    for number, (name,) in enumerate(_lines(_VENDORS), _FIRST_VENDOR):
        yield "Vendor", str(number), {"DisplayName": name, "CompanyName": name}
    for record_id, given, family in _EMPLOYEES:
        yield "Employee", record_id, {"GivenName": given, "FamilyName": family}
    for record_id, name in (("56", "Bob's Burger Joint"), ("57", "Squeaky Kleen Car Wash")):
        yield "Vendor", record_id, {"DisplayName": name, "CompanyName": name}


def _customer(row: list[str]) -> Record:
    _, name, given, family, email, phone, parent, street, city, state, postal, taxable = row
    named = {"GivenName": given, "FamilyName": family, "CompanyName": name}
    address = {
        "Line1": street,
        "City": city,
        "CountrySubDivisionCode": state,
        "PostalCode": postal,
    }
    return {
        "DisplayName": name,
        **named,
        "PrimaryEmailAddr": {"Address": email},
        "PrimaryPhone": {"FreeFormNumber": phone},
        "BillAddr": address,
        "ShipAddr": address,
        "Taxable": taxable == "yes",
        **({"ParentRef": {"value": parent}, "Job": True} if parent else {}),
    }


_STOCK = {
    "QtyOnHand": 25,
    "InvStartDate": "2024-01-02",
    "TrackQtyOnHand": True,
    "AssetAccountRef": {"value": "81"},
    "ExpenseAccountRef": {"value": "80"},
}


def items() -> Iterator[Made]:
    """Products and services beside the two of every new company."""
    for record_id, name, kind, price, taxed, income, description in _lines(_ITEMS):
        stock = _STOCK if kind == "Inventory" else {}
        yield "Item", record_id, {
            "Name": name, "Type": kind, "UnitPrice": price, "Taxable": taxed == "yes",
            "IncomeAccountRef": {"value": income}, "Description": description,
            **stock,
        }  # fmt: skip


Document = tuple[str, str, int, Record]


def documents() -> Iterator[Document]:
    """Every transaction with how many days ago it took place."""
    for entity, text in (
        ("Invoice", _INVOICES),
        ("Estimate", _ESTIMATES),
        ("SalesReceipt", _SALES_RECEIPTS),
        ("CreditMemo", _CREDIT_MEMOS),
    ):
        for record_id, number, days, customer, code, sold in _lines(text):
            yield entity, record_id, int(days), _sale(number, customer, code, sold)
    for record_id, days, customer, amount, applied in _lines(_PAYMENTS):
        yield "Payment", record_id, int(days), _payment(customer, amount, applied)
    for record_id, days, vendor, account, amount in _lines(_BILLS):
        bill = {"VendorRef": {"value": vendor}, "APAccountRef": {"value": "33"}}
        yield "Bill", record_id, int(days), {**bill, "Line": [_expense(account, amount)]}
    for record_id, days, vendor, paid_from, account, amount, way in _lines(_PURCHASES):
        body: Record = {
            "EntityRef": {"value": vendor, "type": "Vendor"},
            "AccountRef": {"value": paid_from},
            "PaymentType": way,
        }
        yield "Purchase", record_id, int(days), {**body, "Line": [_expense(account, amount)]}


def _sale(number: str, customer: str, code: str, sold: str) -> Record:
    tax = {"TxnTaxDetail": {"TxnTaxCodeRef": {"value": code}}} if code else {}
    lines = [_sold(*part.split("x")) for part in sold.split(",")]
    return {"DocNumber": number, "CustomerRef": {"value": customer}, **tax, "Line": lines}


def _sold(item: str, quantity: str, price: str) -> Record:
    taxed = price.endswith("t")
    price = price.rstrip("t")
    return {
        "Amount": cents(Decimal(quantity) * Decimal(price)),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": item},
            "Qty": quantity,
            "UnitPrice": price,
            "TaxCodeRef": {"value": "TAX" if taxed else "NON"},
        },
    }


def _payment(customer: str, amount: str, applied: str) -> Record:
    parts = (part.split("x") for part in applied.split(","))
    lines = [
        {"Amount": part, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}
        for invoice, part in parts
    ]
    return {"CustomerRef": {"value": customer}, "TotalAmt": amount, "Line": lines}


def _expense(account: str, amount: str) -> Record:
    return {
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {
            "AccountRef": {"value": account},
            "BillableStatus": "NotBillable",
            "TaxCodeRef": {"value": "NON"},
        },
    }
