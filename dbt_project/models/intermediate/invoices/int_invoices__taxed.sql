-- What tax each live invoice should bear, in companies that charge any: the code of each line by
-- the seed `tax_codes`, and the amount that the rates of the code give. Where the service sets the
-- rate by the address (US), or where no rate is known, only the codes can be held against each
-- other.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

documents as (

    select * from {{ ref('stg_quickbooks__invoices') }}

),

lines as (

    select * from {{ ref('stg_quickbooks__invoice_lines') }}
    where line_type in ('item', 'discount', 'shipping')

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}

),

customers as (

    select * from {{ ref('stg_quickbooks__customers') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

codes_expected as (

    select * from {{ ref('tax_codes') }}

),

code_rates as (

    select
        company_id,
        tax_code_id,
        unnest(sales_tax_rate_ids) as tax_rate_id
    from {{ ref('stg_quickbooks__tax_codes') }}

),

code_percents as (

    select
        code_rates.company_id,
        code_rates.tax_code_id,
        case
            when count(*) = count(rates.rate_percent) then sum(rates.rate_percent)
        end as percent
    from code_rates
    left join {{ ref('stg_quickbooks__tax_rates') }} as rates
        on
            code_rates.company_id = rates.company_id
            and code_rates.tax_rate_id = rates.tax_rate_id
    group by code_rates.company_id, code_rates.tax_code_id

),

-- TAX and NON only say whether a line is taxed; how much, the document's own code says, or that of
-- its customer, or that of the company.
invoices_expected as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.net_amount,
        invoices.discount_amount,
        invoices.tax_amount,
        codes_expected.tax_code_id as expected_code,
        codes_expected.tax_code_id in ('TAX', 'NON') as is_yes_or_no,
        documents.is_tax_after_discount,
        case
            when codes_expected.tax_code_id = 'NON' then 0
            when codes_expected.tax_code_id != 'TAX' then own.percent
            when not companies.is_tax_by_address then general.percent
        end as percent
    from invoices
    inner join documents
        on
            invoices.company_id = documents.company_id
            and invoices.invoice_id = documents.invoice_id
    inner join companies
        on invoices.company_id = companies.company_id and companies.is_using_sales_tax
    inner join customers
        on
            invoices.company_id = customers.company_id
            and invoices.customer_id = customers.customer_id
    inner join codes_expected
        on
            invoices.company_id = codes_expected.company_id
            and invoices.currency_code = codes_expected.currency_code
            and customers.taxable = codes_expected.is_customer_taxable
    left join code_percents as own
        on
            codes_expected.company_id = own.company_id
            and codes_expected.tax_code_id = own.tax_code_id
    left join code_percents as general
        on
            invoices.company_id = general.company_id
            and coalesce(
                documents.tax_code_id, customers.default_tax_code_id, companies.default_tax_code_id
            ) = general.tax_code_id

),

-- An item that is never taxed may be so on the invoice of a customer that is.
lines_judged as (

    select
        invoices_expected.company_id,
        invoices_expected.invoice_id,
        lines.line_type,
        lines.amount,
        case
            when not invoices_expected.is_yes_or_no then true
            when lines.line_type = 'item'
                then
                    invoices_expected.expected_code = 'TAX'
                    and (
                        coalesce(items.is_taxable, true)
                        or coalesce(lines.tax_code_id, 'NON') = 'TAX'
                    )
            when lines.line_type = 'shipping'
                then
                    invoices_expected.expected_code = 'TAX'
                    and coalesce(lines.tax_code_id, 'NON') = 'TAX'
            else invoices_expected.is_tax_after_discount
        end as is_base,
        case
            when lines.line_type != 'item' then false
            when not invoices_expected.is_yes_or_no
                then coalesce(lines.tax_code_id, '') != invoices_expected.expected_code
            when invoices_expected.expected_code = 'NON'
                then coalesce(lines.tax_code_id, 'NON') != 'NON'
            else
                coalesce(lines.tax_code_id, 'NON') != 'TAX'
                and coalesce(items.is_taxable, true)
        end as is_other_code
    from lines
    inner join invoices_expected
        on
            lines.company_id = invoices_expected.company_id
            and lines.invoice_id = invoices_expected.invoice_id
    left join items
        on lines.company_id = items.company_id and lines.item_id = items.item_id

),

lines_summed as (

    select
        company_id,
        invoice_id,
        count(*) as line_count,
        count(*) filter (where is_other_code) as lines_differing,
        coalesce(sum(amount) filter (where is_base), 0) as base_amount
    from lines_judged
    group by company_id, invoice_id

),

final as (

    select
        invoices_expected.company_id,
        invoices_expected.invoice_id,
        invoices_expected.expected_code,
        invoices_expected.tax_amount,
        lines_summed.lines_differing,
        lines_summed.line_count,
        cast(
            round(lines_summed.base_amount * invoices_expected.percent / 100, 2)
            as decimal(18, 2)
        ) as expected_tax_amount
    from invoices_expected
    inner join lines_summed
        on
            invoices_expected.company_id = lines_summed.company_id
            and invoices_expected.invoice_id = lines_summed.invoice_id

)

select * from final
