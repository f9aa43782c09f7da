-- What becomes of each candidate: people's decisions, then deterministic rules in order of their
-- precision, then the score. Identity is a gate: without a key that both carry nothing is
-- confirmed, and no rule speaks against the score.
with

candidates as (
    select
        candidates.org_id,
        candidates.account_id,
        candidates.company_id,
        candidates.customer_id,
        {% for column in [
            'has_external_id', 'is_other_currency', 'is_active_customer', 'name_relation',
            'is_part_of_name', 'may_be_person', 'number_alone', 'department_alone', 'branch_alone',
            'town_alone', 'sister_alone', 'shared_word_bits', 'account_name_holders',
            'customer_name_holders', 'is_own_mailbox', 'is_own_domain', 'is_own_phone',
            'is_own_address',
            'is_same_name_postcode', 'is_same_name_phone', 'account_domain_group',
            'customer_domain_group', 'account_phone_group', 'customer_phone_group', 'standing',
            'agreement', 'agreements', 'conflicts', 'is_named_after_person', 'person_agreement',
            'mailbox_account_holders', 'legal_form_difference', 'city_likeness', 'telling_words',
            'mail_relation', 'phone_relation', 'address_relation', 'is_same_first_word'
        ] %}
        candidates.{{ column }},
        {% endfor %}
        scores.match_probability,
        scores.match_weight,
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
-- the external id; so does another record whose name fits better, and a score that doubts the pair.
gated as (
    select
        *,
        not is_other_currency and is_active_customer as is_billable,
        name_relation in ('same', 'close') and not is_part_of_name as has_one_name,
        -- One name is the other and something more: what a group calls its members.
        name_relation = 'contained' or is_part_of_name as has_longer_name,
        -- Two shops by their numbers; a department or a branch that only one of the names has,
        -- where the names are no two names of one company that have nothing in common.
        name_relation != 'different'
        and (number_alone > 1 or department_alone > 0 or branch_alone > 0) as is_member_of_group,
        -- What only one of the names has is a word that tells no member of a group, nor an initial.
        name_relation = 'contained'
        and not is_part_of_name
        and town_alone = 0
        and sister_alone = 0
        and len(list_filter(telling_words, lambda word: length(word) = 1)) = 0 as has_plain_rest,
        -- The name as registers have it, with its legal form, on one record of either side.
        name_relation in ('same', 'close')
        and not is_part_of_name
        and legal_form_difference = 0
        and account_name_holders = 1
        and customer_name_holders = 1
        and conflicts = 0
        and shared_word_bits >= {{ var('registered_name_bits', 1000) }} as has_registered_name,
        -- The whole name, which tells enough and is no person's, on one record of either side and
        -- under no other legal form.
        name_relation in ('same', 'close')
        and not is_part_of_name
        and not may_be_person
        and not is_named_after_person
        and legal_form_difference <= 1
        and account_name_holders = 1
        and customer_name_holders = 1
        and conflicts <= 1
        and shared_word_bits >= {{ var('registered_name_bits', 1000) }} as has_lone_name,
        account_name_holders > 1 or customer_name_holders > 1 as has_namesakes,
        -- A name that is the contact's own is one ground with the contact, not two.
        agreements - cast(is_named_after_person as integer) as grounds,
        coalesce(person_agreement = 4 or mailbox_account_holders is not null, false)
            as has_one_person,
        is_own_mailbox
        or is_own_domain
        or is_same_name_postcode
        or is_same_name_phone
        or (is_own_phone and is_own_address) as has_identity,
        -- A domain or a telephone that several hold proves the group, not the member.
        greatest(
            account_domain_group, customer_domain_group, account_phone_group, customer_phone_group
        ) > 1 as is_in_group,
        is_in_group
        and not (
            is_own_mailbox
            or is_own_domain
            or is_same_name_postcode
            or (is_own_phone and is_own_address)
        ) as has_only_group_keys,
        -- So does a domain that nobody else here has, under names that begin alike and then each go
        -- on with a word of their own: of the group's members these two may be all that is known.
        name_relation = 'partly'
        and is_same_first_word = 1
        and is_own_domain
        and agreements = 1
        and not has_one_person as has_only_group_domain,
        (has_only_group_keys or has_only_group_domain)
        and coalesce(match_probability, 0) < {{ var('member_of_group_probability', 0.998) }}
            as may_be_group_mate,
        -- A household shares house and telephone: under two names these are no identity.
        has_identity
        and (name_relation != 'partly' or is_own_mailbox or is_own_domain) as has_own_key
    from pairs
),

-- How sure the score must be of a pair with one name: the less agrees and the more contradicts,
-- the surer. People share names; sisters of a group differ in their legal forms alone.
weighed_names as (
    select
        *,
        case
            when legal_form_difference > 1 and not has_one_person
                then {{ var('confirm_other_form_probability', 0.999) }}
            when conflicts > 0 and legal_form_difference > 1
                then {{ var('confirm_against_form_probability', 0.998) }}
            when is_named_after_person then {{ var('confirm_person_probability', 0.995) }}
            -- The group's keys tell none of its members: less still where several bear the name, or
            -- where something contradicts.
            when has_only_group_keys and (has_namesakes or conflicts > 0) and not is_same_name_phone
                then {{ var('confirm_namesake_probability', 0.998) }}
            when has_only_group_keys then {{ var('confirm_by_group_key_probability', 0.995) }}
            when conflicts > 0 then {{ var('confirm_against_conflict_probability', 0.99) }}
            when grounds > 1 then {{ var('confirm_by_two_probability', 0.97) }}
            else {{ var('confirm_probability', 0.98) }}
        end as needed_probability
    from gated
),

-- The score links by itself what has one name and a shared key, or the town where it is surer
-- still; under different names what has a key that nobody else holds, or two shared ones, or one
-- where it is surer; and what has a longer name only where the same person is behind both or where
-- what is more tells no member of a group.
opened as (
    select
        *,
        coalesce(
            is_billable
            and has_one_name
            and standing != 'beaten'
            and coalesce(match_probability, 1) >= needed_probability,
            false
        ) as is_open_to_rules,
        coalesce(
            is_billable
            and name_relation != 'other_form'
            and not is_member_of_group
            and case
                when has_one_name and grounds > 0 then match_probability >= needed_probability
                when has_registered_name
                    then match_probability >= {{ var('confirm_by_name_probability', 0.99) }}
                when has_lone_name
                    then match_probability >= case
                        when is_in_group or name_relation = 'close'
                            then {{ var('confirm_namesake_probability', 0.998) }}
                        else {{ var('confirm_by_lone_name_probability', 0.993) }}
                    end
                when has_one_name
                    then
                        city_likeness = 1000
                        and match_probability
                        >= {{ var('confirm_by_place_probability', 0.995) }}
                when may_be_group_mate then false
                when has_longer_name
                    then
                        (has_one_person or has_plain_rest)
                        and number_alone = 0
                        and match_probability
                        >= case
                            when grounds > 1 then {{ var('confirm_longer_name_probability', 0.99) }}
                            when has_plain_rest and grounds = 1
                                then {{ var('confirm_plain_rest_probability', 0.995) }}
                        end
                else
                    agreements > 0
                    and match_probability
                    >= case
                        when has_own_key or (agreements > 1 and name_relation != 'partly')
                            then {{ var('confirm_by_key_probability', 0.99) }}
                        else {{ var('confirm_by_one_key_probability', 0.995) }}
                    end
            end,
            false
        ) as is_linked_by_score
    from weighed_names
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
            when is_open_to_rules and is_own_mailbox then 'email'
            when is_open_to_rules and is_own_domain then 'domain'
            when is_open_to_rules and is_same_name_postcode then 'name_postcode'
            when is_open_to_rules and is_same_name_phone then 'name_phone'
            when is_linked_by_score then 'score'
        end as rule
    from opened
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

-- Rules speak only among what is still free, and only for one pair: where they speak for several,
-- for the one that the score puts clearly before the others.
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

-- The weights of all claims on either side; a claim without a score equals every other.
counted as (
    select
        *,
        list(coalesce(match_weight, 0)) filter (where has_claim)
            over (partition by org_id, account_id, company_id) as claims_of_account,
        list(coalesce(match_weight, 0)) filter (where has_claim)
            over (partition by company_id, customer_id) as claims_of_customer
    from claimed
),

linked as (
    select
        *,
        has_claim
        and len(list_filter(
            claims_of_account || claims_of_customer,
            lambda weight: weight
            > coalesce(match_weight, 0) - {{ var('ambiguity_margin_bits', 0.5) }}
        )) = 2 as is_linked
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
            or (
                is_left_over
                and (
                    looks_doubled
                    or (
                        not is_account_taken
                        and not is_customer_taken
                        and match_probability >= {{ var('doubled_probability', 0.2) }}
                    )
                )
            )
            or (
                not is_left_over
                and (
                    has_claim
                    or rule is not null
                    or (name_relation = 'same' and match_probability is null)
                    or match_probability >= {{ var('review_probability', 0.1) }}
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
            < {{ var('review_probability', 0.1) }} then 'name'
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
