-- What becomes of each pair: people first (a rejection only while what the person saw is still so:
-- then the pair is asked again, never linked by a rule), then the item's key on the product, then
-- the code, then the name, each only where it names one product and one item. A code whose names
-- tell two variants, and names that are one but for their order, wait for a person.
with

latest_decisions as (
    select
        org_id,
        left_id as product_id,
        company_id,
        right_id as item_id,
        decision,
        decided_by,
        decided_at,
        nullif(evidence, '') as evidence_then
    from {{ source('raw_state', 'match_decision') }}
    where subject = 'product'
    qualify row_number() over (
        partition by org_id, left_id, company_id, right_id order by decided_at desc, decision
    ) = 1
),

pairs as (
    select
        candidates.* exclude (org_id, product_id, company_id, item_id),
        coalesce(candidates.org_id, decisions.org_id) as org_id,
        coalesce(candidates.product_id, decisions.product_id) as product_id,
        coalesce(candidates.company_id, decisions.company_id) as company_id,
        coalesce(candidates.item_id, decisions.item_id) as item_id,
        decisions.decision as last_decision,
        decisions.decided_by,
        decisions.decided_at,
        case
            when decisions.decision = 'rejected'
                then {{ evidence_changes(
                    'decisions.evidence_then', product_evidence('candidates'),
                    product_evidence_keys()
                ) }}
        end as changes
    from {{ ref('int_products__candidates') }} as candidates
    full outer join latest_decisions as decisions
        on
            candidates.org_id = decisions.org_id
            and candidates.product_id = decisions.product_id
            and candidates.company_id = decisions.company_id
            and candidates.item_id = decisions.item_id
),

asked as (
    select
        *,
        case when changes is null then last_decision end as decision,
        case
            when changes is not null
                then
                    'Rejected by ' || decided_by || ' on ' || strftime(decided_at, '%Y-%m-%d')
                    || '; since then ' || changes
        end as returned_because
    from pairs
),

ruled as (
    select
        *,
        case
            when decision is not null then 'manual'
            when returned_because is not null then null
            when has_external_id then 'external_id'
            when is_same_code and code_holders = 1 and not is_other_variant then 'sku'
            when is_same_name and name_holders = 1 and not is_other_code and not is_other_variant
                then 'name'
        end as rule
    from asked
),

preferred as (
    select
        *,
        case
            when decision = 'confirmed' then 1
            when decision is null and rule = 'external_id' then 2
            when decision is null and rule = 'sku' then 3
            when decision is null and rule = 'name' then 4
        end as precedence
    from ruled
),

best as (
    select
        *,
        min(precedence) over (partition by org_id, product_id, company_id) as best_of_product,
        min(precedence) over (partition by company_id, item_id) as best_of_item
    from preferred
),

claimed as (
    select
        *,
        coalesce(precedence = best_of_product and precedence = best_of_item, false) as has_claim
    from best
),

counted as (
    select
        *,
        count(*) filter (where has_claim)
            over (partition by org_id, product_id, company_id) as claims_of_product,
        bool_or(has_claim) over (partition by company_id, item_id) as is_item_claimed,
        count(*) filter (where decision is null)
            over (partition by org_id, product_id, company_id) as candidates_of_product
    from claimed
)

select
    org_id,
    product_id,
    company_id,
    item_id,
    case
        when decision = 'confirmed' then 'manual'
        when decision = 'rejected' then 'rejected'
        when has_claim and claims_of_product = 1 then 'confirmed'
        when claims_of_product > 0 or is_item_claimed then 'rejected'
        when candidates_of_product > 1 then 'ambiguous'
        else 'suggested'
    end as match_state,
    case
        when rule is not null then rule
        when is_same_code then 'sku'
        when is_same_name then 'name'
        else 'words'
    end as method,
    cast(
        case
            when decision = 'rejected' then 0
            when decision = 'confirmed' then 1
            when has_claim and rule in ('external_id', 'sku') then 1
            when has_claim then 0.99
            when is_other_variant then 0.2
            when is_same_code then 0.8
            when is_other_code and price_relation = 'same' then 0.5
            when is_other_code then 0.3
            when price_relation = 'different' then 0.4
            else 0.6
        end as decimal(9, 6)
    ) as confidence,
    coalesce(is_same_code, false) as is_same_code,
    coalesce(is_same_name, false) as is_same_name,
    coalesce(is_other_code, false) as is_other_code,
    coalesce(is_other_variant, false) as is_other_variant,
    coalesce(description_relation, 'unknown') as description_relation,
    coalesce(price_relation, 'unknown') as price_relation,
    returned_because,
    decided_by
from counted
