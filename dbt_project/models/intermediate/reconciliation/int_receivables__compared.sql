-- The latest report of aged receivables of each company, customer by customer, beside what is held.
--
-- The report stands where it was asked; the books go on. A customer of whom something was read
-- after the report has moved on: the next report compares it.
{%- set buckets = ['current_amount', 'days_1_to_30', 'days_31_to_60', 'days_61_to_90',
                   'days_91_and_over'] %}
with

reported as (

    select * from {{ ref('stg_quickbooks__aged_receivables') }}
    qualify rank() over (partition by company_id order by asked_at desc) = 1

),

reports as (

    select
        company_id,
        any_value(currency_code) as currency_code,
        any_value(as_of_on) as as_of_on,
        any_value(asked_at) as asked_at
    from reported
    group by company_id

),

documents as (

    select
        documents.*,
        reports.asked_at,
        documents.dated_on <= reports.as_of_on as is_in_report,
        reports.as_of_on - documents.due_on as days_late
    from {{ ref('int_receivables__documents') }} as documents
    inner join reports on documents.company_id = reports.company_id

),

-- Which column a credit stands in is not documented: the first, or that of its date.
documents_placed as (

    select
        *,
        case
            when not is_in_report then null
            when days_late <= 0 or home_amount < 0 then 0
            else least((days_late + 29) // 30, 4)
        end as bucket,
        case
            when not is_in_report then null
            when days_late <= 0 then 0
            else least((days_late + 29) // 30, 4)
        end as dated_bucket
    from documents

),

held as (

    select
        company_id,
        customer_id,
        max(read_at) as read_at,
        {%- for name in buckets %}
        sum(home_amount) filter (where bucket = {{ loop.index0 }}) as {{ name }},
        sum(home_amount) filter (where dated_bucket = {{ loop.index0 }}) as dated_{{ name }},
        {%- endfor %}
        sum(home_amount) filter (where is_in_report and document_type = 'Invoice')
            as invoice_amount,
        sum(home_amount) filter (where is_in_report and document_type != 'Invoice')
            as credit_amount
    from documents_placed
    group by company_id, customer_id

),

customers_reported as (

    select * from reported
    where not is_total

),

joined as (

    select
        coalesce(customers_reported.company_id, held.company_id) as company_id,
        coalesce(customers_reported.customer_id, held.customer_id) as customer_id,
        customers_reported.customer_name,
        held.read_at,
        {%- for name in buckets %}
        coalesce(customers_reported.{{ name }}, 0) as reported_{{ name }},
        coalesce(held.{{ name }}, 0) as held_{{ name }},
        coalesce(held.dated_{{ name }}, 0) as dated_{{ name }},
        {%- endfor %}
        coalesce(held.invoice_amount, 0) as invoice_amount,
        coalesce(held.credit_amount, 0) as credit_amount
    from customers_reported
    full outer join held
        on
            customers_reported.company_id = held.company_id
            and customers_reported.customer_id = held.customer_id

),

judged as (

    select
        joined.*,
        reports.currency_code,
        reports.as_of_on,
        reports.asked_at,
        [
            {%- for name in buckets %}
            cast(reported_{{ name }} as decimal(18, 2)){{ ',' if not loop.last }}
            {%- endfor %}
        ] as reported_amounts,
        [
            {%- for name in buckets %}
            cast(held_{{ name }} as decimal(18, 2)){{ ',' if not loop.last }}
            {%- endfor %}
        ] as held_amounts,
        [
            {%- for name in buckets %}
            cast(dated_{{ name }} as decimal(18, 2)){{ ',' if not loop.last }}
            {%- endfor %}
        ] as dated_amounts
    from joined
    inner join reports on joined.company_id = reports.company_id

),

final as (

    select
        company_id,
        currency_code,
        customer_id,
        customer_name,
        as_of_on,
        asked_at,
        case
            when reported_amounts = held_amounts or reported_amounts = dated_amounts then 'agrees'
            when read_at > asked_at then 'moved_on'
            else 'differs'
        end as comparison,
        {%- for name in buckets %}
        reported_{{ name }},
        if(reported_amounts = dated_amounts, dated_{{ name }}, held_{{ name }}) as held_{{ name }},
        {%- endfor %}
        invoice_amount,
        credit_amount
    from judged

)

select * from final
