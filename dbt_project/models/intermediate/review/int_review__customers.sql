-- Customer links that wait for a person, each with the reason and the money that hangs on it.
with

waiting as (
    select * from {{ ref('matched_customers') }}
    where match_state in ('suggested', 'ambiguous')
),

decided as (
    select * from {{ ref('int_customers__decided') }}
),

won_deals as (
    select
        org_id,
        account_id,
        currency_code,
        sum(amount) as won_amount
    from {{ judged(ref('stg_salesforce__opportunities')) }}
    where is_won and not is_deleted
    group by all
),

-- One currency is shown, the one with the most money; currencies are never added up.
stakes as (
    select
        org_id,
        account_id,
        currency_code,
        won_amount
    from won_deals
    qualify row_number() over (
        partition by org_id, account_id order by won_amount desc nulls last, currency_code
    ) = 1
),

evidence as (
    {{ customer_evidence('waiting') }}
),

explained as (
    select
        waiting.*,
        decided.is_left_over,
        decided.returned_because,
        concat_ws(
            ', ',
            case decided.name_relation
                when 'same' then 'same name'
                when 'close' then 'nearly the same name'
                when 'other_form' then 'same name with a legal form of another country'
                when 'contained' then 'one name has more words: ' || decided.telling_words_text
                when 'partly' then 'names differ in: ' || decided.telling_words_text
                else 'different names'
            end,
            case decided.mail_relation
                when 'same' then 'same mailbox'
                when 'shared' then 'a mailbox that several records share'
                when 'domain' then 'same company domain'
                when 'shared_domain' then 'a domain that several records share'
                when 'other_domain' then 'other domain'
                when 'other_mailbox' then 'other mailbox'
            end,
            case decided.phone_relation
                when 'same' then 'same telephone'
                when 'shared' then 'a telephone that several records share'
                when 'different' then 'other telephone'
            end,
            case decided.address_relation
                when 'same' then 'same address'
                when 'postcode' then 'same postal code'
                when 'city' then 'same city'
                when 'different' then 'other place'
            end,
            case when decided.is_other_currency then 'other currency' end
        ) as facts
    from waiting
    inner join (
        select
            *,
            array_to_string(telling_words, ' ') as telling_words_text
        from decided
    ) as decided
        on
            waiting.org_id = decided.org_id
            and waiting.account_id = decided.account_id
            and waiting.company_id = decided.company_id
            and waiting.customer_id = decided.customer_id
)

select
    md5(concat_ws(
        '|', 'customer', explained.org_id, explained.account_id, explained.company_id,
        explained.customer_id
    )) as review_id,
    'customer' as subject,
    explained.org_id,
    explained.account_id as left_id,
    explained.account_name as left_name,
    explained.company_id,
    explained.customer_id as right_id,
    explained.customer_name as right_name,
    explained.match_state,
    explained.confidence,
    explained.method as rule,
    {{ review_band('explained.match_state', 'explained.confidence', 'explained.returned_because') }}
        as band,
    case
        when explained.returned_because is not null then explained.returned_because || '. Now: '
        when explained.is_left_over then 'Maybe a second record of one organisation: '
        when explained.match_state = 'ambiguous' then 'Two or more fit equally well: '
        when explained.facts = 'same name' then 'Only the name speaks for it: '
        else ''
    end || explained.facts as reason,
    cast(row_number() over (
        partition by explained.org_id, explained.account_id, explained.company_id
        order by explained.candidate_rank
    ) as integer) as candidate_rank,
    cast(count(*) over (
        partition by explained.org_id, explained.account_id, explained.company_id
    ) as integer) as candidates,
    stakes.won_amount as amount_at_stake,
    stakes.currency_code,
    case
        when stakes.won_amount is null then 'no deal is won yet; later ones go to the wrong company'
        else 'billed to the wrong company'
    end as if_wrongly_confirmed,
    case
        when explained.is_left_over then 'what is invoiced to it is not seen: billed twice'
        else 'a second customer is made: what was invoiced by hand is billed twice'
    end as if_wrongly_rejected,
    evidence.evidence
from explained
left join evidence
    on
        explained.org_id = evidence.org_id
        and explained.account_id = evidence.account_id
        and explained.company_id = evidence.company_id
        and explained.customer_id = evidence.customer_id
left join stakes
    on explained.org_id = stakes.org_id and explained.account_id = stakes.account_id
