"""The chart of accounts: what a new United States company has, and what the vendor's demonstration
company ("Craig's Design and Landscaping Services") has beside it. Ids follow that company, because
client suites rely on them.

One account a line: id, full name (parent and child parted by a colon), type, subtype.
"""

from __future__ import annotations

Row = tuple[str, str, str, str]

_NEW = """
1|Services|Income|ServiceFeeIncome
2|Retained Earnings|Equity|RetainedEarnings
3|Prepaid Expenses|Other Current Asset|PrepaidExpenses
4|Undeposited Funds|Other Current Asset|UndepositedFunds
7|Advertising|Expense|AdvertisingPromotional
8|Bank Charges|Expense|BankCharges
9|Commissions & fees|Expense|OtherMiscellaneousServiceCost
10|Dues & Subscriptions|Expense|DuesSubscriptions
11|Insurance|Expense|Insurance
12|Legal & Professional Fees|Expense|LegalProfessionalFees
13|Meals and Entertainment|Expense|EntertainmentMeals
14|Miscellaneous|Other Expense|OtherMiscellaneousExpense
15|Office Expenses|Expense|OfficeGeneralAdministrativeExpenses
16|Promotional|Expense|AdvertisingPromotional
17|Rent or Lease|Expense|RentOrLeaseOfBuildings
19|Stationery & Printing|Expense|OfficeGeneralAdministrativeExpenses
20|Supplies|Expense|SuppliesMaterialsCogs
21|Taxes & Licenses|Expense|TaxesPaid
22|Travel|Expense|Travel
23|Travel Meals|Expense|TravelMeals
24|Utilities|Expense|Utilities
25|Interest Earned|Other Income|InterestEarned
26|Other Portfolio Income|Other Income|OtherMiscellaneousIncome
27|Penalties & Settlements|Other Expense|PenaltiesSettlements
29|Uncategorized Asset|Other Current Asset|OtherCurrentAssets
30|Uncategorized Income|Income|ServiceFeeIncome
31|Uncategorized Expense|Expense|OtherMiscellaneousServiceCost
33|Accounts Payable (A/P)|Accounts Payable|AccountsPayable
34|Opening Balance Equity|Equity|OpeningBalanceEquity
35|Checking|Bank|Checking
36|Savings|Bank|Savings
41|Mastercard|Credit Card|CreditCard
42|Visa|Credit Card|CreditCard
78|Purchases|Expense|SuppliesMaterials
79|Sales of Product Income|Income|SalesOfProductIncome
80|Cost of Goods Sold|Cost of Goods Sold|SuppliesMaterialsCogs
81|Inventory Asset|Other Current Asset|Inventory
84|Accounts Receivable (A/R)|Accounts Receivable|AccountsReceivable
85|Billable Expense Income|Income|ServiceFeeIncome
86|Discounts given|Income|DiscountsRefundsGiven
87|Unapplied Cash Payment Income|Income|UnappliedCashPaymentIncome
88|Unapplied Cash Bill Payment Expense|Expense|UnappliedCashBillPaymentExpense
89|Board of Equalization Payable|Other Current Liability|GlobalTaxPayable
"""

_LANDSCAPING = """
5|Fees Billed|Income|ServiceFeeIncome
6|Refunds-Allowances|Income|DiscountsRefundsGiven
28|Disposal Fees|Expense|OtherMiscellaneousServiceCost
37|Truck|Fixed Asset|Vehicles
38|Truck:Original Cost|Fixed Asset|Vehicles
39|Truck:Depreciation|Fixed Asset|AccumulatedDepreciation
40|Depreciation|Other Expense|Depreciation
43|Loan Payable|Other Current Liability|OtherCurrentLiabilities
44|Notes Payable|Long Term Liability|OtherLongTermLiabilities
45|Landscaping Services|Income|OtherPrimaryIncome
46|Landscaping Services:Job Materials|Income|OtherPrimaryIncome
47|Landscaping Services:Job Materials:Decks and Patios|Income|OtherPrimaryIncome
48|Landscaping Services:Job Materials:Fountains and Garden Lighting|Income|OtherPrimaryIncome
49|Landscaping Services:Job Materials:Plants and Soil|Income|OtherPrimaryIncome
50|Landscaping Services:Job Materials:Sprinklers and Drip Systems|Income|OtherPrimaryIncome
51|Landscaping Services:Labor|Income|OtherPrimaryIncome
52|Landscaping Services:Labor:Installation|Income|OtherPrimaryIncome
53|Landscaping Services:Labor:Maintenance and Repair|Income|OtherPrimaryIncome
54|Pest Control Services|Income|OtherPrimaryIncome
55|Automobile|Expense|Auto
56|Automobile:Fuel|Expense|Auto
57|Insurance:Workers Compensation|Expense|Insurance
58|Job Expenses|Expense|OtherMiscellaneousServiceCost
59|Job Expenses:Cost of Labor|Expense|CostOfLabor
60|Job Expenses:Equipment Rental|Expense|EquipmentRental
63|Job Expenses:Job Materials|Expense|SuppliesMaterials
69|Legal & Professional Fees:Accounting|Expense|LegalProfessionalFees
70|Legal & Professional Fees:Bookkeeper|Expense|OtherMiscellaneousServiceCost
71|Legal & Professional Fees:Lawyer|Expense|LegalProfessionalFees
72|Maintenance and Repair|Expense|RepairMaintenance
73|Maintenance and Repair:Building Repairs|Expense|RepairMaintenance
74|Maintenance and Repair:Computer Repairs|Expense|RepairMaintenance
75|Maintenance and Repair:Equipment Repairs|Expense|RepairMaintenance
76|Utilities:Gas and Electric|Expense|Utilities
77|Utilities:Telephone|Expense|Utilities
82|Design income|Income|OtherPrimaryIncome
90|Arizona Dept. of Revenue Payable|Other Current Liability|GlobalTaxPayable
"""


def _rows(text: str) -> tuple[Row, ...]:
    parted = (line.split("|") for line in text.split("\n") if line)
    return tuple((number, name, kind, subtype) for number, name, kind, subtype in parted)


NEW_COMPANY: tuple[Row, ...] = _rows(_NEW)
LANDSCAPING: tuple[Row, ...] = _rows(_LANDSCAPING)
