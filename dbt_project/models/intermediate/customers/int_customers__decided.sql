-- What becomes of each candidate: people's decisions, then deterministic rules in order of their
-- precision, then the score. Identity is a gate: without a key that one account and one customer
-- alone hold, nothing is confirmed.
with

candidates as (
    select
        candidates.*,
        scores.match_probability,
        scores.evidence as contributions
    from {{ ref('int_customers__candidates') }} as candidates
    left join {{ source('matching', 'customer_scores') }} as scores
        on
            candidates.org_id = scores.org_id
            and candidates.account_id = scores.account_id
            and candidates.company_id = scores.company_id
            and candidates.customer_id = scores.customer_id
),

decisions as (
    select * from {{ ref('int_decisions__customers') }}
),

-- A person may link what no rule would ever have proposed.
pairs as (
    select
        candidates.* exclude (org_id, account_id, company_id, customer_id),
        coalesce(candidates.org_id, decisions.org_id) as org_id,
        coalesce(candidates.account_id, decisions.account_id) as account_id,
        coalesce(candidates.company_id, decisions.company_id) as company_id,
        coalesce(candidates.customer_id, decisions.customer_id) as customer_id,
        decisions.decision,
        decisions.decided_by,
        decisions.decided_at,
        decisions.reason as decision_reason,
        decisions.link_role,
        decisions.applies_to,
        decisions.returned_because
    from candidates
    full outer join decisions
        on
            candidates.org_id = decisions.org_id
            and candidates.account_id = decisions.account_id
            and candidates.company_id = decisions.company_id
            and candidates.customer_id = decisions.customer_id
),

-- Names that tell the two apart, another currency or another legal family forbid every rule below
-- the external id; so does another record whose name fits better.
gated as (
    select
        *,
        coalesce(
            name_relation in ('same', 'close')
            and not is_other_currency
            and standing != 'beaten',
            false
        ) as is_open_to_rules,
        coalesce(is_own_mailbox, false)
        or coalesce(is_own_domain, false)
        or coalesce(is_same_name_postcode, false)
        or coalesce(is_same_name_phone, false)
        or coalesce(is_own_phone and is_own_address, false) as has_identity
    from pairs
),

ruled as (
    select
        *,
        case
            when decision = 'confirmed' then 'manual'
            when decision = 'rejected' then 'manual'
            -- What a person has rejected is asked again, never linked, when the evidence changes.
            when returned_because is not null then null
            when has_external_id then 'external_id'
            when not is_open_to_rules then null
            when is_own_mailbox then 'email'
            when is_own_domain then 'domain'
            when is_same_name_postcode then 'name_postcode'
            when is_same_name_phone then 'name_phone'
            when has_identity and match_probability >= {{ var('confirm_probability', 0.99) }}
                then 'score'
        end as rule
    from gated
),

settled as (
    select
        *,
        coalesce(decision = 'confirmed', false)
        or coalesce(rule = 'external_id' and decision is null, false) as is_settled
    from ruled
),

taken as (
    select
        *,
        bool_or(is_settled) over (partition by org_id, account_id, company_id) as is_account_taken,
        bool_or(is_settled) over (partition by company_id, customer_id) as is_customer_taken,
        bool_or(is_settled and decision = 'confirmed')
            over (partition by company_id, customer_id) as is_customer_declared
    from settled
),

-- Rules speak only among what is still free, and only when they speak for one pair.
claimed as (
    select
        *,
        decision is null
        and not is_settled
        and not is_account_taken
        and not is_customer_taken
        and rule is not null as has_claim
    from taken
),

counted as (
    select
        *,
        count(*) filter (where has_claim)
            over (partition by org_id, account_id, company_id) as claims_of_account,
        count(*) filter (where has_claim)
            over (partition by company_id, customer_id) as claims_of_customer
    from claimed
),

linked as (
    select
        *,
        has_claim and claims_of_account = 1 and claims_of_customer = 1 as is_linked
    from counted
),

surrounded as (
    select
        *,
        bool_or(is_linked or is_settled)
            over (partition by org_id, account_id, company_id) as has_account_link,
        bool_or(is_linked or is_settled)
            over (partition by company_id, customer_id) as has_customer_link
    from linked
),

-- What is left over beside a link: a second record of the same organisation, or nobody.
left_over as (
    select
        *,
        not is_linked
        and not is_settled
        and decision is null
        and (has_account_link or has_customer_link) as is_left_over,
        name_relation = 'same'
        and address_relation in ('same', 'unknown')
        and mail_relation in ('same', 'shared')
        and phone_relation in ('same', 'shared', 'unknown') as looks_doubled
    from surrounded
),

banded as (
    select
        *,
        decision is null
        and not is_linked
        and not is_settled
        and (
            returned_because is not null
            or (is_left_over and looks_doubled)
            or (
                not is_left_over
                and (
                    has_claim
                    or rule is not null
                    or name_relation = 'same'
                    or match_probability >= {{ var('review_probability', 0.2) }}
                )
            )
        ) as is_proposed
    from left_over
),

ranked as (
    select
        *,
        case
            when is_proposed then row_number() over (
                partition by org_id, account_id, company_id, is_proposed
                order by match_probability desc nulls last, agreement desc nulls last, customer_id
            )
        end as proposal_rank,
        max(match_probability) filter (where is_proposed)
            over (partition by org_id, account_id, company_id) as best_for_account,
        max(match_probability) filter (where is_proposed)
            over (partition by company_id, customer_id) as best_for_customer
    from banded
),

near_the_best as (
    select
        *,
        coalesce(
            is_proposed
            and match_probability >= best_for_account - {{ var('ambiguity_margin', 0.1) }},
            false
        ) as is_near_for_account,
        coalesce(
            is_proposed
            and match_probability >= best_for_customer - {{ var('ambiguity_margin', 0.1) }},
            false
        ) as is_near_for_customer
    from ranked
),

weighed as (
    select
        *,
        (
            is_near_for_account
            and count(*) filter (where is_near_for_account)
                over (partition by org_id, account_id, company_id)
            > 1
        )
        or (
            is_near_for_customer
            and count(*) filter (where is_near_for_customer)
                over (partition by company_id, customer_id)
            > 1
        ) as is_ambiguous
    from near_the_best
)

select
    org_id,
    account_id,
    company_id,
    customer_id,
    case
        when decision = 'confirmed' then 'manual'
        when decision = 'rejected' then 'rejected'
        when is_settled or is_linked then 'confirmed'
        when is_proposed and is_ambiguous then 'ambiguous'
        when is_proposed then 'suggested'
        else 'rejected'
    end as match_state,
    case
        when decision is not null then 'manual'
        when is_settled or is_linked or has_claim then rule
        when is_left_over and not is_proposed and has_customer_link then 'customer_taken'
        when is_left_over and not is_proposed then 'account_linked'
        when rule is not null then rule
        when
            name_relation = 'same' and coalesce(match_probability, 0)
            < {{ var('review_probability', 0.2) }} then 'name'
        else 'score'
    end as method,
    cast(
        case
            when decision = 'confirmed' or is_settled then 1
            when decision = 'rejected' then 0
            else coalesce(match_probability, 0)
        end as decimal(9, 6)
    ) as confidence,
    name_relation,
    telling_words,
    mail_relation,
    phone_relation,
    address_relation,
    standing,
    is_other_currency,
    is_left_over,
    contributions,
    decided_by,
    decided_at,
    decision_reason,
    link_role,
    applies_to,
    returned_because,
    proposal_rank
from weighed
where
    decision is not null
    or is_settled
    or is_linked
    or is_proposed
    or (is_left_over and name_relation in ('same', 'close'))
