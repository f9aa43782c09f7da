-- What both systems would hold of many deals; variables are set by generated_books.py.
create temp macro syllable(n, salt, place) as
    substr('aeiou', 1 + cast(hash(n, salt, place) % 5 as integer), 1)
    || substr('bcdfgklmnprstvz', 1 + cast(hash(place, n, salt) % 15 as integer), 1);
create temp macro word(n, salt) as
    substr('BCDFGHKLMNPRSTVW', 1 + cast(hash(salt, n) % 16 as integer), 1)
    || syllable(n, salt, 1) || syllable(n, salt, 2) || syllable(n, salt, 3);
create temp macro company_of(account) as
    if(account % 10 = 0, getvariable('second_company'), getvariable('first_company'));
create temp macro currency_of(account) as if(account % 10 = 0, 'GBP', 'USD');
create temp macro salesforce_id(prefix, n) as
    prefix || lpad(cast(n as varchar), 12, '0') || 'AAA';
create temp macro code_of(product) as 'P' || lpad(cast(product as varchar), 3, '0');

create temp table account as
select n, word(n, 1) || ' ' || word(n, 2) || ' ' || word(n, 3) as name, 100000 + n as customer
from range(getvariable('accounts')) as numbers (n);

create temp table product as
select n, code_of(n) as code, 5000 + n as item
from range(getvariable('products')) as numbers (n);

create temp table deal as
select
    n,
    cast(hash(n, 11) % getvariable('accounts') as bigint) as account,
    getvariable('today') - cast(30 + hash(n, 12) % 700 as integer) as closed_on,
    1 + cast(hash(n, 13) % (2 * getvariable('lines_a_deal') - 1) as integer) as lines,
    n % 100 as fate
from range(getvariable('deals')) as numbers (n);

create temp table line as
select
    n as deal,
    place,
    cast(hash(n, place, 21) % getvariable('products') as bigint) as product,
    1 + cast(hash(n, place, 22) % 5 as integer) as quantity,
    cast(cast(100 + hash(n, place, 23) % 100000 as decimal(18, 2)) / 100 as decimal(18, 2)) as price
from deal, unnest(range(1, lines + 1)) as numbers (place);

-- The lines of a deal that are billed, as the vendor writes them; the documents around them.
create temp table invoice as
with

billed as (
    select
        line.deal,
        cast(sum(line.quantity * line.price) as decimal(18, 2)) as total,
        string_agg(
            '{"Id":"' || line.place || '","LineNum":' || line.place
            || ',"Amount":' || cast(line.quantity * line.price as decimal(18, 2))
            || ',"DetailType":"SalesItemLineDetail","SalesItemLineDetail":{"ItemRef":{"value":"'
            || 5000 + line.product || '"},"Qty":' || line.quantity
            || ',"UnitPrice":' || line.price || '}}',
            ',' order by line.place
        ) as body
    from line
    inner join deal on line.deal = deal.n
    where not (deal.fate between 4 and 5 and line.place = deal.lines and deal.lines > 1)
    group by line.deal
),

documents as (
    select *, 0 as again from deal where fate >= 4
    union all by name
    select *, 1 as again from deal where fate between 6 and 7
)

select
    company_of(documents.account) as company_id,
    cast(1000000 + 2 * documents.n + documents.again as varchar) as id,
    documents.closed_on + 1 + cast(hash(documents.n, 31) % 4 as integer) as invoice_on,
    documents.account,
    documents.fate between 8 and 9 as is_void,
    if(documents.fate between 8 and 9, 0, billed.total) as total,
    hash(documents.n, 32) % 10 >= 8 as is_open,
    if(documents.fate between 10 and 14, null, salesforce_id('006', documents.n)) as deal_id,
    billed.body
from documents
inner join billed on documents.n = billed.deal;

insert into raw_salesforce.account by name
select
    getvariable('org') as org_id, salesforce_id('001', n) as id, false as is_deleted, name,
    currency_of(n) as currency_iso_code, company_of(n) || ':' || customer as qbo_customer_id__c,
    getvariable('stamp') as created_date, getvariable('stamp') as system_modstamp
from account;

insert into raw_salesforce.product2 by name
select
    getvariable('org') as org_id, salesforce_id('01t', 900000 + n) as id, false as is_deleted,
    code as name, code as product_code, true as is_active,
    getvariable('stamp') as created_date, getvariable('stamp') as system_modstamp
from product;

insert into raw_salesforce.opportunity by name
select
    getvariable('org') as org_id, salesforce_id('006', deal.n) as id, false as is_deleted,
    'Deal ' || deal.n as name, salesforce_id('001', deal.account) as account_id,
    'Closed Won' as stage_name, true as is_won, true as is_closed,
    true as has_opportunity_line_item, deal.closed_on as close_date, told.total as amount,
    currency_of(deal.account) as currency_iso_code,
    cast(deal.closed_on as timestamptz) as created_date,
    cast(deal.closed_on as timestamptz) as system_modstamp
from deal
inner join (
    select deal, sum(quantity * price) as total from line group by deal
) as told on deal.n = told.deal;

insert into raw_salesforce.opportunity_line_item by name
select
    getvariable('org') as org_id, salesforce_id('00k', deal * 10 + place) as id,
    false as is_deleted, salesforce_id('006', deal) as opportunity_id,
    salesforce_id('01t', 900000 + product) as product2_id, code_of(product) as product_code,
    quantity, price as unit_price, quantity * price as total_price, place as sort_order,
    getvariable('stamp') as created_date, getvariable('stamp') as system_modstamp
from line;

insert into raw_quickbooks.item by name
select
    companies.company_id, cast(item as varchar) as id, 0 as sync_token,
    getvariable('stamp') as created_at, getvariable('stamp') as last_updated_at,
    getvariable('read_at') as extracted_at,
    '{"Id":"' || item || '","Name":"' || code || '","Sku":"' || code || '","Type":"Service"}'
        as payload
from product
cross join (
    select unnest([getvariable('first_company'), getvariable('second_company')]) as company_id
) as companies;

insert into raw_quickbooks.customer by name
select
    company_of(n) as company_id, cast(customer as varchar) as id, 0 as sync_token,
    getvariable('stamp') as created_at, getvariable('stamp') as last_updated_at,
    getvariable('read_at') as extracted_at,
    '{"Id":"' || customer || '","DisplayName":"' || name || '","Active":true,'
    || '"CurrencyRef":{"value":"' || currency_of(n) || '"},"SalesTermRef":{"value":"3"}}' as payload
from account;

insert into raw_quickbooks.invoice by name
select
    company_id, id, 0 as sync_token,
    cast(invoice_on as timestamptz) as created_at,
    cast(invoice_on as timestamptz) as last_updated_at,
    getvariable('read_at') as extracted_at,
    '{"Id":"' || id || '","SyncToken":"0","DocNumber":"D' || id
    || '","CustomerRef":{"value":"' || 100000 + account
    || '"},"TxnDate":"' || invoice_on || '","DueDate":"' || invoice_on + 30
    || '","CurrencyRef":{"value":"' || currency_of(account) || '"},"ExchangeRate":1,'
    || '"TxnTaxDetail":{"TotalTax":0},"TotalAmt":' || total
    || ',"Balance":' || if(is_open, total, 0)
    || ',"SalesTermRef":{"value":"3"},"LinkedTxn":[]'
    || if(is_void, ',"PrivateNote":"Voided"', '')
    || coalesce(
        ',"CustomField":[{"Name":"Salesforce Deal","StringValue":"' || deal_id || '"}]', ''
    )
    || ',"Line":[' || if(is_void, '', body) || ']}' as payload
from invoice;

insert into raw_quickbooks.payment by name
select
    company_id, cast(50000000 + cast(id as bigint) as varchar) as id, 0 as sync_token,
    cast(invoice_on + 20 as timestamptz) as created_at,
    cast(invoice_on + 20 as timestamptz) as last_updated_at,
    getvariable('read_at') as extracted_at,
    '{"Id":"' || 50000000 + cast(id as bigint) || '","CustomerRef":{"value":"' || 100000 + account
    || '"},"TxnDate":"' || invoice_on + 20
    || '","CurrencyRef":{"value":"' || currency_of(account) || '"},"TotalAmt":' || total
    || ',"UnappliedAmt":0,"Line":[{"Amount":' || total
    || ',"LinkedTxn":[{"TxnId":"' || id || '","TxnType":"Invoice"}]}]}' as payload
from invoice
where not is_open and not is_void;

-- A run says how many rows were read and how many the vendor has: here the same.
create temp table held as
select org_id as source_id, 'Account' as object, count(*) as held from raw_salesforce.account group by all
union all
select org_id, 'Product2', count(*) from raw_salesforce.product2 group by all
union all
select org_id, 'Opportunity', count(*) from raw_salesforce.opportunity group by all
union all
select org_id, 'OpportunityLineItem', count(*) from raw_salesforce.opportunity_line_item group by all
union all
select company_id, 'Item', count(*) from raw_quickbooks.item group by all
union all
select company_id, 'Customer', count(*) from raw_quickbooks.customer group by all
union all
select company_id, 'Invoice', count(*) from raw_quickbooks.invoice group by all
union all
select company_id, 'Payment', count(*) from raw_quickbooks.payment group by all;

update raw_salesforce.extract_run as run set rows_read = held.held, rows_vendor = held.held
from held where run.source_id = held.source_id and run.object = held.object;
update raw_quickbooks.extract_run as run set rows_read = held.held, rows_vendor = held.held
from held where run.source_id = held.source_id and run.object = held.object;
