"""What each entity may hold, must hold and may be asked for: the vendor's reference as data.

Member names and lengths: Intuit's API reference and published schema. Filterable fields: the
reference's own list; whatever is not on it is refused by the query language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    """The words of a table written as text: one place for the eye, no quotes in between."""
    return tuple(text.split())


BASE = "Id SyncToken MetaData CustomField AttachableRef domain status sparse"
PERSON = f"""{BASE} IntuitId Organization Title GivenName MiddleName FamilyName Suffix
    FullyQualifiedName CompanyName DisplayName PrintOnCheckName UserId Active V4IDPseudonym
    PrimaryPhone AlternatePhone Mobile Fax PrimaryEmailAddr WebAddr OtherContactInfo
    DefaultTaxCodeRef"""
TRANSACTION = f"""{BASE} DocNumber TxnDate DepartmentRef CurrencyRef ExchangeRate PrivateNote
    TxnStatus LinkedTxn Line TxnTaxDetail TxnSource TaxFormType TaxFormNum TransactionLocationType
    Tag TxnApprovalInfo RecurDataRef RecurringInfo ProjectRef TotalCostAmount
    HomeTotalCostAmount"""
SALE = f"""{TRANSACTION} AutoDocNumber CustomerRef CustomerMemo BillAddr ShipAddr FreeFormAddress
    ShipFromAddr RemitToRef ClassRef SalesTermRef DueDate SalesRepRef PONumber FOB ShipMethodRef
    ShipDate TrackingNum GlobalTaxCalculation TotalAmt HomeTotalAmt ApplyTaxAfterDiscount
    ShippingTaxIncludedInTotalTax TemplateRef PrintStatus EmailStatus BillEmail BillEmailCc
    BillEmailBcc ARAccountRef Balance HomeBalance FinanceCharge PaymentMethodRef PaymentRefNum
    PaymentType CheckPayment CreditCardPayment DepositToAccountRef DeliveryInfo DiscountRate
    DiscountAmt GovtTxnRefIdentifier TaxExemptionRef"""
PURCHASE = f"""{TRANSACTION} VendorRef APAccountRef TotalAmt BillEmail ReplyEmail Memo
    GlobalTaxCalculation VendorAddr Balance HomeBalance IncludeInAnnualTPAR LessCIS"""

RECURRING = """Bill CreditMemo Deposit Estimate Invoice JournalEntry Purchase PurchaseOrder
    RefundReceipt SalesReceipt Transfer VendorCredit"""

MEMBERS: Mapping[str, str] = {
    "Customer": f"""{PERSON} Taxable BillAddr ShipAddr OtherAddr ContactName AltContactName Notes
        Job BillWithParent RootCustomerRef ParentRef Level CustomerTypeRef SalesTermRef SalesRepRef
        TaxGroupCodeRef TaxRateRef PaymentMethodRef CCDetail PriceLevelRef Balance OpenBalanceDate
        BalanceWithJobs CreditLimit AcctNum CurrencyRef OverDueBalance TotalRevenue TotalExpense
        PreferredDeliveryMethod ResaleNum JobInfo TDSEnabled CustomerEx SecondaryTaxIdentifier
        ARAccountRef PrimaryTaxIdentifier TaxExemptionReasonId IsProject BusinessNumber GSTIN
        GSTRegistrationType IsCISContractor ClientCompanyId ClientEntityId Source TaxRegime""",
    "Vendor": f"""{PERSON} ContactName AltContactName Notes BillAddr ShipAddr OtherAddr TaxCountry
        TaxIdentifier TaxIdEffectiveDate BusinessNumber ParentRef VendorTypeRef TermRef
        PrefillAccountRef Balance BillRate OpenBalanceDate CreditLimit AcctNum Vendor1099
        T4AEligible T5018Eligible CurrencyRef TDSEnabled TDSEntityTypeId TDSSectionTypeId
        TDSOverrideThreshold TaxReportingBasis APAccountRef VendorEx GSTIN GSTRegistrationType
        IsSubContractor SubcontractorType CISRate HasTPAR VendorPaymentBankDetail Source
        CostRate""",
    "Employee": f"""{PERSON} EmployeeType EmployeeNumber SSN PrimaryAddr OtherAddr BillableTime
        BillRate BirthDate Gender HiredDate ReleasedDate UseTimeEntry EmployeeEx CostRate Notes""",
    "Item": f"""{BASE} Name Sku Description Active SubItem ParentRef Level FullyQualifiedName
        Taxable SalesTaxIncluded PercentBased UnitPrice RatePercent Type PaymentMethodRef UOMSetRef
        IncomeAccountRef PurchaseDesc PurchaseTaxIncluded PurchaseCost ExpenseAccountRef
        COGSAccountRef AssetAccountRef PrefVendorRef AvgCost TrackQtyOnHand QtyOnHand
        QtyOnPurchaseOrder QtyOnSalesOrder ReorderPoint ManPartNum DepositToAccountRef
        SalesTaxCodeRef PurchaseTaxCodeRef InvStartDate BuildPoint PrintGroupedItems SpecialItem
        SpecialItemType ItemGroupDetail ItemAssemblyDetail AbatementRate ReverseChargeRate
        ServiceType ItemCategoryType ItemEx TaxClassificationRef UQCDisplayText UQCId ClassRef
        Source DeferredRevenue""",
    "Invoice": f"""{SALE} Deposit AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment
        AllowOnlineACHPayment AllowOnlinePayPalPayment EInvoiceStatus ECloudStatusTimeStamp CfdiUse
        Exportation GlobalInfo invoiceStatus callToAction invoiceStatusLog InvoiceEx LessCIS
        InvoiceLink PaymentDetailsMessage ConvenienceFeeDetail InvoiceLinkSecurityCode
        InvoiceLinkExpiryDate AutoPayEligible SchedulePayEligible ScheduledPaymentId
        GratuityEnabled FinancingProductType SubscriptionPaymentsSetting""",
    "CreditMemo": f"{SALE} RemainingCredit InvoiceRef CreditMemoEx",
    "RefundReceipt": f"{SALE} RemainingCredit RefundReceiptEx",
    "SalesReceipt": f"{SALE} SalesReceiptEx LessCIS",
    "Estimate": f"{SALE} ExpirationDate AcceptedBy AcceptedDate EstimateEx",
    "Payment": f"""{TRANSACTION} CustomerRef RemitToRef ARAccountRef DepositToAccountRef
        PaymentMethodRef PaymentRefNum PaymentType CheckPayment CreditCardPayment TotalAmt
        UnappliedAmt ProcessPayment PaymentEx TaxExemptionRef""",
    "Term": f"""{BASE} Name Active Type DiscountPercent DueDays DiscountDays DayOfMonthDue
        DueNextMonthDays DiscountDayOfMonth SalesTermEx""",
    "TaxCode": f"""{BASE} Name Description Active Hidden Taxable TaxGroup SalesTaxRateList
        PurchaseTaxRateList AdjustmentTaxRateList TaxCodeEx TaxCodeConfigType""",
    "TaxRate": f"""{BASE} Name Description Active RateValue AgencyRef TaxReturnLineRef
        EffectiveTaxRate SpecialTaxType DisplayType TaxRateEx OriginalTaxRate""",
    "TaxAgency": f"""{PERSON} TaxRegistrationNumber TaxTrackedOnPurchases TaxTrackedOnSales
        LastFileDate ReportingPeriod TaxOnTax TaxAgencyConfig""",
    "Account": f"""{BASE} Name SubAccount ParentRef Description FullyQualifiedName AccountAlias
        TxnLocationType Active Classification AccountType AccountSubType AccountPurposes AcctNum
        AcctNumExtn BankNum OpeningBalance OpeningBalanceDate CurrentBalance
        CurrentBalanceWithSubAccounts CurrencyRef TaxAccount TaxCodeRef OnlineBankingEnabled FIName
        JournalCodeRef AccountEx""",
    "Class": f"{BASE} Name SubClass ParentRef FullyQualifiedName Active ClassEx",
    "Department": f"""{BASE} Name SubDepartment ParentRef FullyQualifiedName Active DepartmentEx
        Address""",
    "PaymentMethod": f"{BASE} Name Active Type PaymentMethodEx",
    "CustomerType": f"{BASE} Name ParentRef FullyQualifiedName Active",
    "CompanyCurrency": f"{BASE} Code Name Active CompanyCurrencyEx",
    "ExchangeRate": f"""{BASE} SourceCurrencyCode TargetCurrencyCode Rate AsOfDate
        ExchangeRateEx""",
    "CompanyInfo": f"""{BASE} CompanyName LegalName CompanyAddr CustomerCommunicationAddr LegalAddr
        CompanyEmailAddr CustomerCommunicationEmailAddr CompanyURL PrimaryPhone OtherContactInfo
        CompanyFileName FlavorStratum SampleFile CompanyUserId CompanyUserAdminEmail
        CompanyStartDate EmployerId FiscalYearStartMonth TaxYearStartMonth QBVersion Country
        ShipAddr OtherAddr Mobile Fax Email WebAddr LastImportedTime LastSyncTime
        SupportedLanguages DefaultTimeZone MultiByteCharsSupported NameValue
        FifoCalculationStatus CompanyInfoEx""",
    "Preferences": f"""{BASE} AccountingInfoPrefs AdvancedInventoryPrefs ProductAndServicesPrefs
        SalesFormsPrefs EmailMessagesPrefs PrintDocumentPrefs VendorAndPurchasesPrefs
        TimeTrackingPrefs TaxPrefs FinanceChargesPrefs CurrencyPrefs ReportPrefs OtherPrefs""",
    "Bill": f"{PURCHASE} PayerRef SalesTermRef DueDate RemitToAddr ShipAddr BillEx",
    "VendorCredit": f"{PURCHASE} VendorCreditEx",
    "PurchaseOrder": f"""{PURCHASE} TaxCodeRef ClassRef ReimbursableInfoRef SalesTermRef DueDate
        ExpectedDate ShipTo DropShipToEntity InventorySiteRef ShipAddr ShipMethodRef FOB POEmail
        TemplateRef PrintStatus EmailStatus ManuallyClosed POStatus PurchaseOrderEx""",
    "Purchase": f"""{TRANSACTION} AccountRef PaymentMethodRef PaymentRefNum PaymentType CheckPayment
        CreditCardPayment EntityRef Credit RemitToAddr TotalAmt Memo PrintStatus
        GlobalTaxCalculation PurchaseEx LessCIS IncludeInAnnualTPAR""",
    "Deposit": f"""{TRANSACTION} DepositToAccountRef CashBack GlobalTaxCalculation TotalAmt
        HomeTotalAmt DepositEx""",
    "Transfer": f"{TRANSACTION} FromAccountRef ToAccountRef Amount ClassRef TransferEx",
    "BillPayment": f"""{TRANSACTION} VendorRef VendorAddr APAccountRef PayType CheckPayment
        CreditCardPayment TotalAmt ProcessBillPayment BillPaymentEx""",
    "CreditCardPayment": f"""{TRANSACTION} CreditCardAccountRef BankAccountRef Amount PrintStatus
        CheckNum Memo VendorRef CreditCardPaymentEx""",
    "Budget": f"{BASE} Name StartDate EndDate BudgetType BudgetEntryType BudgetDetail Active",
    "InventoryAdjustment": f"{TRANSACTION} AdjustAccountRef CustomerRef InventoryAdjustmentEx",
    "JournalCode": f"{BASE} Name Type Description Active",
    "ReimburseCharge": f"""{TRANSACTION} CustomerRef Amount HasBeenInvoiced TotalAmt
        HomeTotalAmt""",
    "TaxClassification": f"{BASE} Code Name Description Level ParentRef ApplicableTo Active",
    "TaxPayment": f"""{BASE} PaymentDate PaymentAccountRef PaymentAmount Refund Description
        TaxAgencyRef""",
    "RecurringTransaction": f"{BASE} {RECURRING} Type",
    "Attachable": f"""{BASE} FileName FileAccessUri TempDownloadUri Size ContentType Category Lat
        Long PlaceName Note Tag ThumbnailFileAccessUri ThumbnailTempDownloadUri AttachableEx""",
    "JournalEntry": f"""{TRANSACTION} Adjustment HomeCurrencyAdjustment EnteredInHomeCurrency
        GlobalTaxCalculation TotalAmt HomeTotalAmt TotalTax JournalEntryEx""",
    "TimeActivity": f"""{BASE} TimeZone TxnDate NameOf EmployeeRef VendorRef OtherNameRef
        CustomerRef DepartmentRef ItemRef ClassRef PayrollItemRef ProjectRef TimeChargeId
        BillableStatus Taxable HourlyRate CostRate Hours Minutes Seconds BreakHours BreakMinutes
        BreakSeconds StartTime EndTime Description TimeActivityEx HoursInEmployeeTimeZone
        TransactionLocationType""",
}

PARTS: Mapping[str, str] = {
    "Line": """Id LineNum Description Amount Received LinkedTxn DetailType PaymentLineDetail
        DiscountLineDetail TaxLineDetail SalesItemLineDetail DescriptionLineDetail
        ItemBasedExpenseLineDetail AccountBasedExpenseLineDetail ReimburseLineDetail
        DepositLineDetail PurchaseOrderItemLineDetail SalesOrderItemLineDetail
        ItemReceiptLineDetail JournalEntryLineDetail GroupLineDetail SubTotalLineDetail
        TDSLineDetail ItemAdjustmentLineDetail CustomField LineEx ProjectRef CostAmount
        HomeCostAmount""",
    "SalesItemLineDetail": """ItemRef ClassRef UnitPrice UnitCostPrice RatePercent PriceLevelRef
        MarkupInfo Qty UOMRef ItemAccountRef InventorySiteRef TaxCodeRef TaxClassificationRef
        ServiceDate TaxInclusiveAmt DiscountRate DiscountAmt DeferredRevenue
        SalesItemLineDetailEx""",
    "DiscountLineDetail": """Discount DiscountRef PercentBased DiscountPercent DiscountAccountRef
        ServiceDate ClassRef TaxCodeRef DiscountLineDetailEx""",
    "DescriptionLineDetail": "ServiceDate TaxCodeRef DescriptionLineDetailEx",
    "GroupLineDetail": "GroupItemRef Quantity UOMRef ServiceDate Line GroupLineDetailEx",
    "TxnTaxDetail": """DefaultTaxCodeRef TxnTaxCodeRef TotalTax TaxReviewStatus TaxLine
        UseAutomatedSalesTax""",
    "TaxLineDetail": """TaxRateRef PercentBased TaxPercent NetAmountTaxable TaxInclusiveAmount
        OverrideDeltaAmount ServiceDate TaxLineDetailEx""",
    "LinkedTxn": "TxnId TxnType TxnLineId",
    "PhysicalAddress": """Id Line1 Line2 Line3 Line4 Line5 City Country CountryCode County
        CountrySubDivisionCode PostalCode PostalCodeSuffix Lat Long Tag Note""",
    "TelephoneNumber": """Id DeviceType CountryCode AreaCode ExchangeCode Extension FreeFormNumber
        Default Tag""",
    "EmailAddress": "Id Address Default Tag",
    "WebSiteAddress": "Id URI Default Tag",
    "CustomField": """DefinitionId Name Type StringValue BooleanValue DateValue NumberValue
        CustomField""",
    "MemoRef": "id value name",
    "ReferenceType": "value name type",
}

PART_OF_MEMBER: Mapping[str, str] = {
    **dict.fromkeys(("Line", "TaxLine"), "Line"),
    **dict.fromkeys(
        _words("BillAddr ShipAddr OtherAddr PrimaryAddr ShipFromAddr CompanyAddr LegalAddr"),
        "PhysicalAddress",
    ),
    **dict.fromkeys(_words("PrimaryPhone AlternatePhone Mobile Fax"), "TelephoneNumber"),
    **dict.fromkeys(_words("PrimaryEmailAddr BillEmail BillEmailCc BillEmailBcc"), "EmailAddress"),
    **{name: name for name in PARTS if name.endswith("Detail")},
    "WebAddr": "WebSiteAddress",
    "CustomField": "CustomField",
    "LinkedTxn": "LinkedTxn",
    "CustomerMemo": "MemoRef",
}

MONEY = frozenset(
    _words(
        """Amount TotalAmt Balance BalanceWithJobs TotalTax NetAmountTaxable UnappliedAmt Deposit
        HomeTotalAmt HomeBalance RemainingCredit TaxInclusiveAmt DiscountAmt CurrentBalance
        CurrentBalanceWithSubAccounts OpeningBalance CreditLimit TaxInclusiveAmount
        OverrideDeltaAmount CostAmount HomeCostAmount TotalCostAmount HomeTotalCostAmount"""
    )
)
NUMBERS = frozenset(
    _words(
        """UnitPrice Qty Quantity ExchangeRate Rate RateValue TaxPercent DiscountPercent
        DiscountRate PurchaseCost QtyOnHand ReorderPoint AvgCost HourlyRate BillRate CostRate
        DueDays DiscountDays DayOfMonthDue DueNextMonthDays DiscountDayOfMonth LineNum Level Hours
        Minutes Seconds BreakHours BreakMinutes RatePercent Percent UnitCostPrice NumInterval
        MaxOccurrences DaysBefore RemindDays DayOfMonth WeekOfMonth QtyDiff"""
    )
)
BOOLEANS = frozenset(
    _words(
        """Active Taxable Job BillWithParent sparse PercentBased ApplyTaxAfterDiscount SubItem
        SubClass SubDepartment SubAccount TrackQtyOnHand AllowIPNPayment AllowOnlinePayment
        AllowOnlineCreditCardPayment AllowOnlineACHPayment Vendor1099 BillableTime IsProject
        FreeFormAddress ProcessPayment SalesTaxIncluded PurchaseTaxIncluded TaxGroup Organization
        Adjustment Credit PrintGroupedItems"""
    )
)
DATES = frozenset(
    _words(
        """TxnDate DueDate ServiceDate ShipDate ExpirationDate AcceptedDate InvStartDate
        OpenBalanceDate AsOfDate BirthDate HiredDate ReleasedDate OpeningBalanceDate StartDate
        EndDate NextDate PreviousDate BudgetDate ExpectedDate"""
    )
)
ENUMERATIONS: Mapping[str, frozenset[str]] = {
    "PrintStatus": frozenset(("NotSet", "NeedToPrint", "PrintComplete")),
    "EmailStatus": frozenset(("NotSet", "NeedToSend", "EmailSent")),
    "GlobalTaxCalculation": frozenset(("TaxExcluded", "TaxInclusive", "NotApplicable")),
    "PreferredDeliveryMethod": frozenset(("Print", "Email", "None")),
    "DetailType": frozenset(name for name in PARTS["Line"].split() if name.endswith("Detail"))
    | {"DescriptionOnly"},
}
LENGTHS: Mapping[str, int] = {
    "Title": 16, "Suffix": 16, "GivenName": 100, "MiddleName": 100, "FamilyName": 100,
    "CompanyName": 100, "DisplayName": 500, "PrintOnCheckName": 110, "Notes": 2000,
    "FreeFormNumber": 30, "ResaleNum": 16, "Address": 100, "URI": 1000, "PostalCode": 30,
    "City": 255, "Country": 255, "CountrySubDivisionCode": 255,
    **{f"Line{n}": 500 for n in range(1, 6)},
    "DocNumber": 21, "PrivateNote": 4000, "PaymentRefNum": 21, "Sku": 100, "PurchaseDesc": 1000,
    "Description": 4000, "AcctNum": 20, "StringValue": 31, "FileName": 1000, "Note": 2000,
    "Category": 100, "ContentType": 100, "PlaceName": 2000, "Tag": 2000, "Lat": 100, "Long": 100,
}  # fmt: skip
NAME_LENGTHS: Mapping[str, int] = {"Term": 31, "PaymentMethod": 31, "CompanyCurrency": 100}

NAMED = "Id Name Active MetaData.CreateTime MetaData.LastUpdatedTime"
NAMED_TREE = f"{NAMED} FullyQualifiedName"
DOCUMENT = "Id DocNumber TxnDate TotalAmt MetaData.CreateTime MetaData.LastUpdatedTime"
SALE_FIELDS = f"{DOCUMENT} CustomerRef ProjectRef Balance"
PEOPLE_FIELDS = """Id DisplayName GivenName MiddleName FamilyName PrimaryEmailAddr Active
    MetaData.CreateTime MetaData.LastUpdatedTime"""
FILTERABLE: Mapping[str, str] = {
    "Customer": f"{PEOPLE_FIELDS} FullyQualifiedName",
    "Vendor": PEOPLE_FIELDS,
    "Employee": PEOPLE_FIELDS,
    "Item": f"{NAMED_TREE} Sku Type Taxable SubItem",
    "Invoice": f"{SALE_FIELDS} DueDate SalesTermRef",
    "Payment": """Id CustomerRef TxnDate TotalAmt PaymentMethodRef PaymentRefNum ProjectRef
        MetaData.CreateTime MetaData.LastUpdatedTime""",
    "CreditMemo": SALE_FIELDS,
    "SalesReceipt": SALE_FIELDS,
    "RefundReceipt": SALE_FIELDS,
    "Estimate": SALE_FIELDS,
    "Account": f"{NAMED_TREE} AccountType AccountSubType Classification CurrentBalance",
    "Class": NAMED_TREE,
    "Department": NAMED_TREE,
    "CustomerType": NAMED_TREE,
    "Term": NAMED,
    "PaymentMethod": NAMED,
    "TaxCode": NAMED,
    "TaxRate": NAMED,
    "TaxAgency": "Id DisplayName MetaData.CreateTime MetaData.LastUpdatedTime",
    "CompanyCurrency": f"{NAMED} Code",
    "ExchangeRate": "SourceCurrencyCode AsOfDate MetaData.LastUpdatedTime",
    "CompanyInfo": "Id CompanyName MetaData.CreateTime MetaData.LastUpdatedTime",
    "Preferences": "Id MetaData.CreateTime MetaData.LastUpdatedTime",
    "TimeActivity": """Id TxnDate CustomerRef EmployeeRef MetaData.CreateTime
        MetaData.LastUpdatedTime""",
    **dict.fromkeys(
        ("Transfer", "CreditCardPayment"),
        "Id TxnDate Amount MetaData.CreateTime MetaData.LastUpdatedTime",
    ),
    "BillPayment": f"{DOCUMENT} VendorRef",
    "Budget": NAMED,
    "Attachable": """Id FileName Note Category ContentType Tag Size PlaceName
        AttachableRef.EntityRef.type AttachableRef.EntityRef.value AttachableRef.IncludeOnSend
        Lat Long
        MetaData.CreateTime MetaData.LastUpdatedTime""",
    "Bill": f"{DOCUMENT} VendorRef Balance DueDate SalesTermRef APAccountRef",
    "VendorCredit": f"{DOCUMENT} VendorRef Balance",
    "PurchaseOrder": f"{DOCUMENT} VendorRef POStatus",
    "Purchase": f"{DOCUMENT} PaymentType AccountRef",
    "Deposit": f"{DOCUMENT} DepositToAccountRef",
    "JournalEntry": DOCUMENT,
    "InventoryAdjustment": DOCUMENT,
    "JournalCode": f"{NAMED} Type",
    "ReimburseCharge": """Id CustomerRef TxnDate Amount HasBeenInvoiced MetaData.CreateTime
        MetaData.LastUpdatedTime""",
    "TaxClassification": "Id Name Code Level MetaData.CreateTime MetaData.LastUpdatedTime",
    "TaxPayment": "Id PaymentDate MetaData.CreateTime MetaData.LastUpdatedTime",
    "RecurringTransaction": "Id Type Name Active MetaData.CreateTime MetaData.LastUpdatedTime",
}
ALSO_SORTABLE: Mapping[str, str] = {"Customer": "Balance CompanyName", "Vendor": "Balance"}

SALES = ("Invoice", "CreditMemo", "RefundReceipt", "SalesReceipt", "Estimate")
PLAIN_TRANSACTIONS = (
    "Bill", "VendorCredit", "PurchaseOrder", "Purchase", "Deposit", "Transfer", "JournalEntry",
    "TimeActivity", "BillPayment", "CreditCardPayment", "InventoryAdjustment", "ReimburseCharge",
)  # fmt: skip
TRANSACTIONS = (*SALES, "Payment", *PLAIN_TRANSACTIONS)
PEOPLE = ("Customer", "Vendor", "Employee")
TREES = ("Customer", "Item", "Account", "Class", "Department", "CustomerType")
LISTS = (
    *PEOPLE, "Item", "Account", "Class", "Department", "Term", "PaymentMethod", "CompanyCurrency",
    "TaxAgency", "TaxCode", "TaxRate", "CustomerType", "Budget", "JournalCode",
)  # fmt: skip
READ_ONLY = (
    "TaxCode", "TaxRate", "CustomerType", "ReimburseCharge", "TaxClassification", "TaxPayment",
)  # fmt: skip
NOT_IN_CDC = (
    "JournalCode", "TaxAgency", "TaxCode", "TaxRate", "CompanyInfo", "Preferences", "ExchangeRate",
    "RecurringTransaction", "TaxClassification", "TaxPayment",
)  # fmt: skip
VOIDABLE = ("Invoice", "Payment", "SalesReceipt", "BillPayment")
SENDABLE = (*SALES, "PurchaseOrder", "Payment")

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Invoice": ("Line", "CustomerRef"),
    "CreditMemo": ("Line", "CustomerRef"),
    "Estimate": ("Line", "CustomerRef"),
    "SalesReceipt": ("Line",),
    "RefundReceipt": ("Line", "DepositToAccountRef"),
    "Payment": ("CustomerRef", "TotalAmt"),
    "Item": ("Name",),
    "Term": ("Name",),
    "PaymentMethod": ("Name",),
    "Account": ("Name",),
    "Class": ("Name",),
    "Department": ("Name",),
    "CompanyCurrency": ("Code",),
    "TaxAgency": ("DisplayName",),
    "Bill": ("VendorRef", "Line"),
    "VendorCredit": ("VendorRef", "Line"),
    "PurchaseOrder": ("VendorRef", "Line"),
    "Purchase": ("AccountRef", "PaymentType", "Line"),
    "Deposit": ("DepositToAccountRef", "Line"),
    "Transfer": ("FromAccountRef", "ToAccountRef", "Amount"),
    "JournalEntry": ("Line",),
    "TimeActivity": ("NameOf",),
    "BillPayment": ("VendorRef", "TotalAmt", "PayType", "Line"),
    "CreditCardPayment": ("CreditCardAccountRef", "BankAccountRef", "Amount"),
    "InventoryAdjustment": ("AdjustAccountRef", "Line"),
    "JournalCode": ("Name",),
    "Budget": ("Name", "StartDate", "EndDate"),
}

REFERENCES: Mapping[str, str] = {
    "CustomerRef": "Customer", "ParentRef": "", "SalesTermRef": "Term", "TermRef": "Term",
    "ClassRef": "Class", "DepartmentRef": "Department", "PaymentMethodRef": "PaymentMethod",
    "DepositToAccountRef": "Account", "IncomeAccountRef": "Account",
    "ExpenseAccountRef": "Account", "AssetAccountRef": "Account", "ARAccountRef": "Account",
    "APAccountRef": "Account", "DiscountAccountRef": "Account", "ItemAccountRef": "Account",
    "BankAccountRef": "Account", "CreditCardAccountRef": "Account",
    "AccountRef": "Account", "FromAccountRef": "Account", "ToAccountRef": "Account",
    "ItemRef": "Item", "GroupItemRef": "Item", "VendorRef": "Vendor", "EmployeeRef": "Employee",
    "AdjustAccountRef": "Account",
    "PrefVendorRef": "Vendor", "CustomerTypeRef": "CustomerType", "AgencyRef": "TaxAgency",
}  # fmt: skip

SALE_ORDER = _words(
    """AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment domain
    sparse Id SyncToken MetaData CustomField DocNumber TxnDate DepartmentRef CurrencyRef
    ExchangeRate PrivateNote TxnStatus LinkedTxn Line TxnTaxDetail CustomerRef CustomerMemo
    BillAddr ShipAddr FreeFormAddress ClassRef SalesTermRef DueDate ExpirationDate AcceptedBy
    AcceptedDate ShipMethodRef ShipDate TrackingNum GlobalTaxCalculation TotalAmt HomeTotalAmt
    ApplyTaxAfterDiscount PrintStatus EmailStatus BillEmail BillEmailCc BillEmailBcc Balance
    HomeBalance RemainingCredit Deposit PaymentMethodRef PaymentRefNum DepositToAccountRef
    DeliveryInfo"""
)
PERSON_ORDER = _words(
    """Taxable BillAddr ShipAddr PrimaryAddr Notes Job BillWithParent ParentRef Level SalesTermRef
    TermRef PaymentMethodRef BillableTime Balance BalanceWithJobs AcctNum Vendor1099
    CurrencyRef PreferredDeliveryMethod IsProject ResaleNum domain sparse Id SyncToken
    MetaData Title GivenName MiddleName FamilyName Suffix FullyQualifiedName CompanyName
    DisplayName PrintOnCheckName Active PrimaryPhone AlternatePhone Mobile Fax
    PrimaryEmailAddr WebAddr DefaultTaxCodeRef"""
)
LIST_ORDER = _words(
    """Name Sku Description Active SubItem SubAccount SubClass SubDepartment ParentRef Level
    FullyQualifiedName Taxable UnitPrice Type IncomeAccountRef PurchaseDesc PurchaseCost
    ExpenseAccountRef AssetAccountRef TrackQtyOnHand QtyOnHand InvStartDate Classification
    AccountType AccountSubType AcctNum CurrentBalance CurrentBalanceWithSubAccounts
    CurrencyRef DiscountPercent DueDays DiscountDays Code SourceCurrencyCode
    TargetCurrencyCode Rate AsOfDate domain sparse Id SyncToken MetaData"""
)


@dataclass(frozen=True)
class Entity:
    """What the sandbox knows of one entity."""

    name: str
    members: tuple[str, ...]
    filterable: Mapping[str, str]
    sortable: Mapping[str, str]
    required: tuple[str, ...] = ()
    is_list: bool = False
    is_transaction: bool = False

    @property
    def answer(self) -> str:
        """What an answer calls it; one entity is called otherwise than its path."""
        return "CreditCardPaymentTxn" if self.name == "CreditCardPayment" else self.name

    @property
    def known(self) -> frozenset[str]:
        """The members as a set."""
        return frozenset(self.members)


def _fields(text: str) -> dict[str, str]:
    return {name.lower(): name for name in text.split()}


def _entity(name: str) -> Entity:
    filterable = _fields(FILTERABLE.get(name, "Id"))
    return Entity(
        name=name,
        members=tuple(MEMBERS[name].split()),
        filterable=filterable,
        sortable={**filterable, **_fields(ALSO_SORTABLE.get(name, ""))},
        required=REQUIRED.get(name, ()),
        is_list=name in LISTS,
        is_transaction=name in TRANSACTIONS,
    )


ENTITIES: Mapping[str, Entity] = {name: _entity(name) for name in MEMBERS}
BY_SEGMENT: Mapping[str, Entity] = {
    **{name.lower(): entity for name, entity in ENTITIES.items()},
    "creditcardpaymenttxn": ENTITIES["CreditCardPayment"],
}
PART_MEMBERS: Mapping[str, tuple[str, ...]] = {k: tuple(v.split()) for k, v in PARTS.items()}
PART_SETS: Mapping[str, frozenset[str]] = {k: frozenset(v) for k, v in PART_MEMBERS.items()}


def part_of(member: str) -> str | None:
    """The type of a structured member, or None where the sandbox does not look inside."""
    if member.endswith("Ref") and member != "AttachableRef":
        return "ReferenceType"
    return PART_OF_MEMBER.get(member)


def id_group(entity: str) -> str:
    """The numbering an entity draws from: transactions share one, so do people."""
    if entity in TRANSACTIONS:
        return "Transaction"
    return "Name" if entity in PEOPLE else entity


def answer_order(entity: str) -> tuple[str, ...]:
    """The order in which the vendor writes an entity's members (recorded)."""
    if entity in PEOPLE:
        return PERSON_ORDER
    return SALE_ORDER if entity in TRANSACTIONS else LIST_ORDER
