-- The latest list of invoices of each company, invoice by invoice, beside what is held.
--
-- The list stands where it was asked; the books go on. An invoice of which something was read after
-- it has moved on: the next list compares it.
with

listed as (

    select * from {{ ref('stg_quickbooks__listed_invoices') }}
    qualify rank() over (partition by company_id order by asked_at desc) = 1

),

lists as (

    -- Amounts of a list without a currency are in that of each document.
    select
        company_id,
        max(currency_code) filter (where is_total) as currency_code,
        coalesce(bool_and(currency_code is null) filter (where not is_total), false)
            as is_in_own_currencies,
        max(from_on) as from_on,
        max(to_on) as to_on,
        max(asked_at) as asked_at
    from listed
    group by company_id

),

reported as (

    select * from listed
    where not is_total

),

held as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.invoice_on,
        invoices.document_number,
        invoices.customer_name,
        invoices.currency_code,
        invoices.is_deleted,
        not invoices.is_deleted
        and invoices.invoice_on between lists.from_on and lists.to_on as is_in_list,
        invoices.total_amount,
        cast(
            round(invoices.total_amount * coalesce(nullif(invoices.exchange_rate, 0), 1), 2)
            as decimal(18, 2)
        ) as home_amount,
        greatest(invoices.extracted_at, invoices.deleted_at) as read_at
    from {{ ref('stg_quickbooks__invoices') }} as invoices
    inner join lists on invoices.company_id = lists.company_id

),

joined as (

    select
        coalesce(reported.company_id, held.company_id) as company_id,
        coalesce(reported.invoice_id, held.invoice_id) as invoice_id,
        coalesce(reported.invoice_on, held.invoice_on) as invoice_on,
        coalesce(reported.document_number, held.document_number) as document_number,
        coalesce(reported.customer_name, held.customer_name) as customer_name,
        reported.invoice_on as reported_on,
        reported.amount as reported_amount,
        held.currency_code as own_currency_code,
        case when not held.is_deleted then held.invoice_on end as held_on,
        case when held.is_in_list then held.total_amount end as own_amount,
        case when held.is_in_list then held.home_amount end as home_amount,
        coalesce(held.is_in_list, false) as is_held,
        held.read_at
    from reported
    full outer join held
        on
            reported.company_id = held.company_id
            and reported.invoice_id = held.invoice_id
    where reported.invoice_id is not null or held.is_in_list

),

told as (

    -- In which currency the amount is: the one in which it is what is held, else that of the list.
    select
        *,
        case
            when reported_amount = own_amount and coalesce(reported_amount != home_amount, true)
                then true
            when reported_amount = home_amount and coalesce(reported_amount != own_amount, true)
                then false
        end as is_own
    from joined

),

final as (

    select
        joined.company_id,
        case
            when coalesce(joined.is_own, lists.is_in_own_currencies) then joined.own_currency_code
            else lists.currency_code
        end as currency_code,
        joined.invoice_id,
        joined.invoice_on,
        joined.reported_on,
        joined.held_on,
        joined.document_number,
        joined.customer_name,
        lists.from_on,
        lists.to_on,
        lists.asked_at,
        -- By the column's type the amount is in the company's currency or in the document's; what
        -- is right in either agrees.
        case
            when
                joined.reported_on = joined.held_on
                and joined.reported_amount in (joined.own_amount, joined.home_amount)
                then 'agrees'
            when joined.read_at > lists.asked_at then 'moved_on'
            else 'differs'
        end as comparison,
        coalesce(joined.reported_amount, 0) as reported_amount,
        cast(
            coalesce(
                case
                    when coalesce(joined.is_own, lists.is_in_own_currencies)
                        then joined.own_amount
                    else joined.home_amount
                end, 0
            ) as decimal(18, 2)
        ) as held_amount,
        joined.is_held
    from told as joined
    inner join lists on joined.company_id = lists.company_id

)

select * from final
