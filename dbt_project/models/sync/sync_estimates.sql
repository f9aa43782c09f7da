-- One row per estimate: the opportunity that should exist or look so, or why there is none to
-- write. An opportunity made from an estimate carries its key; what was written last stands beside
-- it as a version, so that a change by a person in Salesforce is told from one in QuickBooks.
with

estimates as (

    select * from {{ ref('stg_quickbooks__estimates') }}

),

priced as (

    select * from {{ ref('int_estimates__priced') }}

),

invoiced as (

    select * from {{ ref('int_estimates__invoiced') }}

),

estimate_stages as (

    select * from {{ ref('estimate_stages') }}

),

stages as (

    select * from {{ ref('stages') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

-- Salesforce gives nothing to a user who is not active any more.
users as (

    select * from {{ judged(ref('stg_salesforce__users')) }}
    where is_active

),

deals as (

    select * from {{ judged(ref('stg_salesforce__opportunities')) }}

),

deals_valued as (

    select * from {{ ref('int_deals__billable') }}

),

deal_lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

clock as (

    select * from {{ ref('int_clock') }}

),

account_links as (

    select
        links.company_id,
        links.customer_id,
        min(accounts.org_id) as org_id,
        min(accounts.account_id) as account_id,
        min(accounts.account_name) as account_name,
        min(users.user_id) as owner_id,
        count(distinct accounts.account_id) as account_count
    from links
    inner join accounts
        on links.org_id = accounts.org_id and links.account_id = accounts.account_id
    left join users
        on accounts.org_id = users.org_id and accounts.owner_id = users.user_id
    group by links.company_id, links.customer_id

),

deal_lines_summed as (

    select
        org_id,
        deal_id,
        sum(total_price) as amount,
        string_agg(line_id, ',' order by line_id) as line_ids,
        md5(string_agg(
            product_id || '|' || cast(quantity as decimal(18, 2)) || '|' || total_price, '/'
            order by product_id, cast(quantity as decimal(18, 2)), total_price
        )) as lines_print
    from deal_lines
    group by org_id, deal_id

),

-- The opportunities that carry an estimate's key.
deals_made as (

    select
        deals.estimate_key,
        count(*) as deal_count,
        min(deals.org_id) as org_id,
        min(deals.deal_id) as deal_id,
        min(deals.account_id) as account_id,
        min(deals.stage_name) as stage_name,
        min(deals.closed_on) as closed_on,
        min(deals.currency_code) as currency_code,
        min(deals.estimate_version) as estimate_version,
        cast(coalesce(min(deal_lines_summed.amount), min(deals.amount), 0) as decimal(18, 2))
            as amount,
        min(deal_lines_summed.line_ids) as line_ids,
        min(deal_lines_summed.lines_print) as lines_print
    from deals
    left join deal_lines_summed
        on deals.org_id = deal_lines_summed.org_id and deals.deal_id = deal_lines_summed.deal_id
    where deals.estimate_key is not null and not deals.is_deleted
    group by deals.estimate_key

),

-- The deal that the estimate itself names, in its custom field.
deals_named as (

    select
        estimates.company_id,
        estimates.estimate_id,
        min(deals.deal_id) as deal_id
    from estimates
    inner join deals on left(trim(estimates.deal_reference), 15) = left(deals.deal_id, 15)
    where not deals.is_deleted
    group by estimates.company_id, estimates.estimate_id

),

estimates_joined as (

    select
        estimates.*,
        coalesce(deals_made.org_id, account_links.org_id) as org_id,
        estimates.company_id || ':' || estimates.estimate_id as estimate_key,
        priced.amount,
        priced.line_count,
        priced.items_unmapped,
        priced.pricebook_id,
        coalesce(priced.lines_print, '') as lines_print,
        account_links.account_id,
        account_links.account_name,
        account_links.owner_id,
        account_links.account_count,
        coalesce(invoiced.invoices, 0) > 0 as is_invoiced,
        invoiced.invoice_id,
        invoiced.invoiced_on,
        invoiced.deal_id as invoiced_deal_id,
        coalesce(invoiced.is_in_review, false) as is_invoice_in_review,
        deals_made.deal_count,
        deals_made.deal_id,
        deals_made.stage_name as current_stage_name,
        deals_made.amount as current_amount,
        deals_made.closed_on as current_closes_on,
        deals_made.currency_code as current_currency_code,
        deals_made.estimate_version as current_version,
        deals_made.line_ids as current_line_ids,
        coalesce(deals_made.lines_print, '') as current_lines_print,
        deals_named.deal_id as named_deal_id,
        case when estimates.is_deleted then 'Deleted' else estimates.estimate_status end
            as estimate_state,
        clock.as_of_at
    from estimates
    cross join clock
    inner join priced
        on
            estimates.company_id = priced.company_id
            and estimates.estimate_id = priced.estimate_id
    left join invoiced
        on
            estimates.company_id = invoiced.company_id
            and estimates.estimate_id = invoiced.estimate_id
    left join account_links
        on
            estimates.company_id = account_links.company_id
            and estimates.customer_id = account_links.customer_id
    left join deals_made
        on estimates.company_id || ':' || estimates.estimate_id = deals_made.estimate_key
    left join deals_named
        on
            estimates.company_id = deals_named.company_id
            and estimates.estimate_id = deals_named.estimate_id

),

-- A deal of the same account over the same amount that nobody has tied to the estimate.
deals_alike as (

    select
        estimates_joined.company_id,
        estimates_joined.estimate_id,
        min(deals_valued.deal_name) as deal_name
    from estimates_joined
    inner join deals_valued
        on
            estimates_joined.org_id = deals_valued.org_id
            and estimates_joined.account_id = deals_valued.account_id
            and estimates_joined.currency_code = deals_valued.currency_code
            and estimates_joined.amount = deals_valued.basis_amount
    inner join deals
        on deals_valued.org_id = deals.org_id and deals_valued.deal_id = deals.deal_id
    where
        estimates_joined.amount != 0
        and deals.estimate_key is null
        and not deals.is_deleted
        and (deals_valued.is_won or not deals.is_closed)
        and abs(deals.closed_on - estimates_joined.estimated_on)
        <= {{ var('estimate_alike_days', 90) }}
    group by estimates_joined.company_id, estimates_joined.estimate_id

),

estimates_wanted as (

    select
        estimates_joined.*,
        estimate_stages.stage_name,
        deals_alike.deal_name as alike_deal_name,
        case
            when estimates_joined.is_invoiced then estimates_joined.invoiced_on
            when estimates_joined.estimate_state = 'Pending'
                then coalesce(estimates_joined.expires_on, estimates_joined.estimated_on + 30)
            when estimates_joined.accepted_on is not null then estimates_joined.accepted_on
            else cast(estimates_joined.modified_at as date)
        end as closes_on,
        -- What is said of the value, and what is said of stage and date.
        left(md5(
            estimates_joined.amount || '|' || estimates_joined.currency_code || '|'
            || estimates_joined.lines_print
        ), 16) as value_print,
        left(md5(
            coalesce(estimates_joined.current_amount, 0) || '|'
            || coalesce(estimates_joined.current_currency_code, '') || '|'
            || estimates_joined.current_lines_print
        ), 16) as current_value_print
    from estimates_joined
    left join estimate_stages
        on
            estimates_joined.estimate_state = estimate_stages.estimate_status
            and estimates_joined.is_invoiced = estimate_stages.is_invoiced
    left join deals_alike
        on
            estimates_joined.company_id = deals_alike.company_id
            and estimates_joined.estimate_id = deals_alike.estimate_id

),

estimates_versioned as (

    select
        *,
        value_print || '-' || left(md5(coalesce(stage_name, '') || '|' || closes_on), 16)
            as version,
        split_part(coalesce(current_version, ''), '-', 1) as written_value_print
    from estimates_wanted

),

estimates_decided as (

    select
        estimates_versioned.*,
        case
            when deal_id is not null and current_version is not null then 'update'
            when deal_id is not null then 'none'
            when named_deal_id is not null then 'none'
            when invoiced_deal_id is not null then 'none'
            when is_deleted then 'none'
            else 'create'
        end as action,
        case
            when deal_id is not null and current_version is null then 'deal_of_sales'
            when deal_id is not null then null
            when named_deal_id is not null then 'deal_named'
            when invoiced_deal_id is not null then 'invoice_has_deal'
            when is_deleted then 'estimate_deleted'
        end as none_because,
        current_value_print != value_print as is_value_different
    from estimates_versioned

),

estimates_judged as (

    select
        estimates_decided.*,
        case
            when action = 'none' then false
            when action = 'create' then true
            else version != current_version or is_value_different
        end as is_changed,
        case
            when
                not {{ has_column(source('raw_salesforce', 'opportunity'), 'qbo_estimate_id__c') }}
                or not {{ has_column(
                    source('raw_salesforce', 'opportunity'), 'qbo_estimate_version__c'
                ) }}
                then 'salesforce_field_missing'
            when deal_count > 1 then 'estimate_on_several_deals'
            when wanted_stages.stage_name is null then 'stage_unknown'
            when action = 'update' and is_value_different and written_value_print = value_print
                then 'edited_in_salesforce'
            when
                action = 'update' and is_value_different
                and written_value_print != current_value_print
                then 'edited_in_both'
            when
                action = 'update' and stages.is_closed
                and estimates_decided.stage_name != current_stage_name
                then 'stage_decided_in_salesforce'
            when action = 'create' and estimated_on < date '{{ var("go_live_on", "2026-10-01") }}'
                then 'before_go_live'
            when coalesce(account_count, 0) = 0 and action = 'create' then 'account_not_matched'
            when account_count > 1 and action = 'create' then 'customer_linked_twice'
            when is_invoice_in_review and action = 'create' then 'invoice_in_review'
            when alike_deal_name is not null and action = 'create' then 'deal_may_exist'
            when not (action = 'create' or is_value_different) then null
            when line_count = 0 then 'estimate_without_lines'
            when line_count > 200 then 'too_many_lines'
            when items_unmapped is not null then 'product_not_mapped'
            when pricebook_id is null then 'no_price_book'
        end as reason
    from estimates_decided
    left join stages on estimates_decided.current_stage_name = stages.stage_name
    left join stages as wanted_stages
        on estimates_decided.stage_name = wanted_stages.stage_name

),

final as (

    select
        org_id,
        company_id,
        estimate_id,
        estimate_key,
        document_number,
        customer_name,
        action,
        none_because,
        deal_id,
        account_id,
        account_name,
        owner_id,
        left(
            coalesce(account_name, customer_name, '') || ' - Estimate '
            || coalesce(document_number, estimate_id), 120
        ) as deal_name,
        estimate_state,
        stage_name,
        amount,
        currency_code,
        closes_on,
        pricebook_id,
        po_reference as po_number,
        line_count,
        is_value_different,
        version,
        current_stage_name,
        current_amount,
        current_closes_on,
        current_version,
        current_line_ids,
        is_changed,
        case when is_changed then reason end as blocked_reason,
        case
            when is_changed
                then
                    case reason
                        when 'salesforce_field_missing'
                            then
                                'Opportunity has no QBO_Estimate_Id__c or '
                                || 'QBO_Estimate_Version__c that the integration user sees'
                        when 'estimate_on_several_deals'
                            then deal_count || ' opportunities carry the key ' || estimate_key
                        when 'stage_unknown'
                            then 'No stage is set for an estimate that is ' || estimate_state
                        when 'edited_in_salesforce'
                            then
                                'Its value or lines were changed in Salesforce to '
                                || current_amount
                                || '; the estimate is ' || amount
                        when 'edited_in_both'
                            then
                                'Salesforce has '
                                || current_amount
                                || ', the estimate is '
                                || amount
                                || ', and both were changed since'
                        when 'stage_decided_in_salesforce'
                            then
                                'It stands at ' || current_stage_name || '; the estimate is '
                                || estimate_state
                        when
                            'before_go_live'
                            then 'Dated ' || estimated_on || ', before the go-live'
                        when 'account_not_matched'
                            then
                                coalesce(customer_name, 'Its customer')
                                || ' is linked to no account'
                        when 'customer_linked_twice'
                            then account_count || ' accounts are linked to ' || customer_name
                        when
                            'invoice_in_review'
                            then 'Invoice ' || invoice_id || ' waits for a person'
                        when 'deal_may_exist'
                            then alike_deal_name || ' is over the same amount and names no estimate'
                        when 'estimate_without_lines' then 'There is no item line on it'
                        when 'too_many_lines' then line_count || ' lines, at most 200 are written'
                        when 'product_not_mapped' then 'No product for item ' || items_unmapped
                        when 'no_price_book'
                            then 'No active price book has all of its products in ' || currency_code
                    end
        end as blocked_detail,
        as_of_at as data_as_of
    from estimates_judged

)

select * from final
