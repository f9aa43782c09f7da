-- The lines of each opportunity that is made from an estimate, or whose lines have to be written
-- anew because the estimate's were changed.
with

estimates as (

    select * from {{ ref('sync_estimates') }}
    where
        action = 'create'
        or (action = 'update' and is_value_different)

),

lines as (

    select * from {{ ref('int_estimates__lines') }}

),

entries as (

    select * from {{ judged(ref('stg_salesforce__pricebook_entries')) }}
    where is_active and not is_deleted

),

final as (

    select
        estimates.org_id,
        estimates.company_id,
        estimates.estimate_id,
        lines.line_number,
        lines.product_id,
        min(entries.pricebook_entry_id) as pricebook_entry_id,
        left(lines.description, 255) as description,
        lines.quantity,
        lines.unit_price,
        lines.amount,
        lines.service_on
    from estimates
    inner join lines
        on
            estimates.company_id = lines.company_id
            and estimates.estimate_id = lines.estimate_id
    left join entries
        on
            lines.org_id = entries.org_id
            and lines.product_id = entries.product_id
            and estimates.pricebook_id = entries.pricebook_id
            and coalesce(entries.currency_code, estimates.currency_code)
            = estimates.currency_code
    group by all

)

select * from final
