-- One row per deal: what it is worth, who bills it, and whether it is in scope.
-- Nothing is left out: a deal that is not billable says by which rule.
with

deals as (

    select * from {{ judged(ref('stg_salesforce__opportunities')) }}

),

lines as (

    select * from {{ ref('int_deals__lines') }}

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}

),

stages as (

    select * from {{ ref('stages') }}

),

routing as (

    select
        currency_code,
        arg_min(company_id, priority) as company_id
    from {{ ref('company_routing') }}
    group by currency_code

),

exclusions as (

    select * from {{ ref('exclusions') }}

),

-- Lines are priced and summed before they meet the deal, so that no deal is counted twice.
lines_summed as (

    select
        org_id,
        deal_id,
        count(*) as line_count,
        cast(sum(total_price) as decimal(18, 2)) as line_amount,
        cast(sum(discount_amount) as decimal(18, 2)) as discount_amount,
        cast(sum(amount) as decimal(18, 2)) as net_amount
    from lines
    group by org_id, deal_id

),

deals_valued as (

    select
        deals.org_id,
        deals.deal_id,
        deals.deal_name,
        deals.account_id,
        accounts.account_name,
        accounts.account_type,
        deals.stage_name,
        coalesce(stages.is_won, false) and not deals.is_deleted as is_won,
        deals.is_deleted,
        deals.closed_on,
        deals.currency_code,
        routing.company_id,
        deals.billing_plan,
        deals.po_number,
        deals.owner_id,
        deals.invoice_key,
        deals.invoice_number,
        deals.estimate_key,
        deals.amount as header_amount,
        coalesce(lines_summed.line_count, 0) as line_count,
        lines_summed.line_amount,
        cast(coalesce(lines_summed.discount_amount, 0) as decimal(18, 2)) as discount_amount,
        case when lines_summed.line_count > 0 then 'lines' else 'amount' end as basis_source,
        cast(coalesce(lines_summed.net_amount, deals.amount, 0) as decimal(18, 2)) as basis_amount,
        coalesce(lines_summed.net_amount, deals.amount) is not null as is_basis_known
    from deals
    left join lines_summed
        on deals.org_id = lines_summed.org_id and deals.deal_id = lines_summed.deal_id
    left join accounts
        on deals.org_id = accounts.org_id and deals.account_id = accounts.account_id
    left join stages on deals.stage_name = stages.stage_name
    left join routing on deals.currency_code = routing.currency_code

),

-- The first rule by name wins when several fit one deal.
deals_excluded as (

    select
        deals_valued.org_id,
        deals_valued.deal_id,
        min(exclusions.rule_code) as exclusion_rule
    from deals_valued
    inner join exclusions
        on (
            exclusions.subject = 'account_type'
            and deals_valued.account_type = exclusions.matched_value
        )
        or (
            exclusions.subject = 'basis_amount'
            and deals_valued.is_basis_known
            and try_cast(exclusions.matched_value as decimal(18, 2)) = deals_valued.basis_amount
        )
    group by deals_valued.org_id, deals_valued.deal_id

),

final as (

    select
        deals_valued.*,
        deals_excluded.exclusion_rule,
        deals_valued.is_won and deals_excluded.exclusion_rule is null as is_billable
    from deals_valued
    left join deals_excluded
        on
            deals_valued.org_id = deals_excluded.org_id
            and deals_valued.deal_id = deals_excluded.deal_id

)

select * from final
