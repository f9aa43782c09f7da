{{ config(tags=['before_scores', 'matched_alone']) }}

-- How the names of each pair relate: of all names that both go by, the two that fit best.
with

names as (
    select * from {{ ref('int_names__weighed') }}
    where name_rank <= 20
),

blocked as (
    select
        account_no,
        customer_no
    from {{ ref('int_customers__blocked') }}
),

-- Twice the shared bits of all bits, in thousandths; parts of a name count less than whole names.
likenesses as (
    select
        blocked.account_no,
        blocked.customer_no,
        account_names.name_rank as account_rank,
        customer_names.name_rank as customer_rank,
        case
            when account_names.joined_name = customer_names.joined_name then 2000
            else cast(floor(
                1000 * coalesce(list_sum(list_transform(
                    list_filter(
                        account_names.words,
                        lambda one: list_contains(customer_names.tokens, one.word)
                    ),
                    lambda one: one.bits
                )), 0) * 2
                / (
                    list_sum(list_transform(account_names.words, lambda one: one.bits))
                    + list_sum(list_transform(customer_names.words, lambda one: one.bits))
                )
                + 1000
                * jaro_winkler_similarity(account_names.joined_name, customer_names.joined_name)
            ) as integer)
        end
        - case when account_names.is_part then 200 else 0 end
        - case when customer_names.is_part then 200 else 0 end as likeness
    from blocked
    inner join names as account_names on blocked.account_no = account_names.record_no
    inner join names as customer_names on blocked.customer_no = customer_names.record_no
),

-- The best likeness and, where several are equal, the first names that have it.
best as (
    select
        account_no,
        customer_no,
        max(
            (1000 + likeness) * 10000 + (99 - account_rank) * 100 + 99 - customer_rank
        ) as best_fit
    from likenesses
    group by account_no, customer_no
),

compared as (
    select
        best.account_no,
        best.customer_no,
        account_names.name_key as account_key,
        customer_names.name_key as customer_key,
        -- The word itself tells nothing; that only one of the names has it says what its rest is.
        list_contains(string_split(account_names.name_key, ' '), 'department')
            as is_account_department,
        list_contains(string_split(customer_names.name_key, ' '), 'department')
            as is_customer_department,
        account_names.token_key as account_token_key,
        customer_names.token_key as customer_token_key,
        account_names.joined_name as account_joined,
        customer_names.joined_name as customer_joined,
        account_names.initials as account_initials,
        customer_names.initials as customer_initials,
        account_names.name_holders as account_name_holders,
        customer_names.name_holders as customer_name_holders,
        account_names.start_holders as account_start_holders,
        customer_names.start_holders as customer_start_holders,
        account_names.is_part as is_account_part,
        customer_names.is_part as is_customer_part,
        account_names.legal_families as account_families,
        customer_names.legal_families as customer_families,
        account_names.legal_form as account_form,
        customer_names.legal_form as customer_form,
        account_names.name_number as account_number,
        customer_names.name_number as customer_number,
        len(account_names.tokens) as account_words,
        len(customer_names.tokens) as customer_words,
        list_sum(list_transform(account_names.words, lambda one: one.bits)) as account_bits,
        list_sum(list_transform(customer_names.words, lambda one: one.bits)) as customer_bits,
        case
            when account_names.joined_name = customer_names.joined_name then []
            else list_filter(
                account_names.words,
                lambda one: not list_contains(customer_names.tokens, one.word)
            )
        end as account_rest,
        case
            when account_names.joined_name = customer_names.joined_name then []
            else list_filter(
                customer_names.words,
                lambda one: not list_contains(account_names.tokens, one.word)
            )
        end as customer_rest
    from best
    inner join names as account_names
        on
            best.account_no = account_names.record_no
            and 99 - (best.best_fit // 100) % 100 = account_names.name_rank
    inner join names as customer_names
        on
            best.customer_no = customer_names.record_no
            and 99 - best.best_fit % 100 = customer_names.name_rank
),

-- What neither an equal nor a similar word of the other name stands for.
left_alone as (
    select
        *,
        case
            when len(account_rest) = 0 or len(customer_rest) = 0 then account_rest
            else list_filter(
                account_rest,
                lambda one: len(list_filter(
                    customer_rest, lambda other: {{ similar_words('one.word', 'other.word') }}
                )) = 0
            )
        end as account_alone,
        case
            when len(account_rest) = 0 or len(customer_rest) = 0 then customer_rest
            else list_filter(
                customer_rest,
                lambda one: len(list_filter(
                    account_rest, lambda other: {{ similar_words('one.word', 'other.word') }}
                )) = 0
            )
        end as customer_alone,
        least(account_words, customer_words) = 2
        and account_form is null
        and customer_form is null as may_be_person
    from compared
),

-- An initial that only one of two names has is no difference where they are a person's otherwise,
-- two words without a legal form: "Ann B. Hall". "Altbel Optics W. LLC" is an office.
told_apart as (
    select
        * exclude (account_alone, customer_alone),
        case
            when len(customer_alone) > 0 or not may_be_person then account_alone
            else list_filter(account_alone, lambda one: not regexp_matches(one.word, '^[a-z]$'))
        end as account_alone,
        case
            when len(account_alone) > 0 or not may_be_person then customer_alone
            else list_filter(customer_alone, lambda one: not regexp_matches(one.word, '^[a-z]$'))
        end as customer_alone
    from left_alone
),

measured as (
    select
        *,
        len(account_families) > 0
        and len(customer_families) > 0
        and not list_has_any(account_families, customer_families) as is_other_legal_family,
        coalesce(account_number != customer_number, false) as is_other_number,
        list_transform(account_alone, lambda one: one.kind) || case
            when
                len(account_alone) > 0
                and is_account_department
                and not is_customer_department
                then ['department']
            else []
        end as account_kinds,
        list_transform(customer_alone, lambda one: one.kind) || case
            when
                len(customer_alone) > 0
                and is_customer_department
                and not is_account_department
                then ['department']
            else []
        end as customer_kinds,
        coalesce(list_sum(list_transform(account_rest, lambda one: one.bits)), 0)
            as account_rest_bits,
        coalesce(list_sum(list_transform(customer_rest, lambda one: one.bits)), 0)
            as customer_rest_bits,
        coalesce(list_sum(list_transform(account_alone, lambda one: one.bits)), 0)
            as account_alone_bits,
        coalesce(list_sum(list_transform(customer_alone, lambda one: one.bits)), 0)
            as customer_alone_bits
    from told_apart
)

select
    account_no,
    customer_no,
    case
        when is_other_number then 'partly'
        when is_other_legal_family and len(account_alone) + len(customer_alone) = 0
            then 'other_form'
        when account_token_key = customer_token_key or account_joined = customer_joined then 'same'
        when len(account_alone) + len(customer_alone) = 0 then 'close'
        when len(account_alone) = 0 or len(customer_alone) = 0 then 'contained'
        when len(account_alone) < account_words then 'partly'
        else 'different'
    end as name_relation,
    list_sort(list_transform(account_alone || customer_alone, lambda one: one.word))
        as telling_words,
    is_other_legal_family,
    is_account_part or is_customer_part as is_part_of_name,
    may_be_person,
    cast(account_bits - account_rest_bits as integer) as shared_word_bits,
    cast(account_alone_bits as integer) as account_alone_bits,
    cast(customer_alone_bits as integer) as customer_alone_bits,
    cast(len(account_alone) as integer) as account_alone_words,
    cast(len(customer_alone) as integer) as customer_alone_words,
    cast(
        len(account_rest) - len(account_alone) + len(customer_rest) - len(customer_alone)
        as integer
    ) as similar_words,
    account_name_holders,
    customer_name_holders,
    account_start_holders,
    customer_start_holders,
    case
        when is_other_number then 3
        when
            list_contains(account_kinds, 'number') and list_contains(customer_kinds, 'number')
            then 2
        when
            list_contains(account_kinds, 'number') or list_contains(customer_kinds, 'number')
            then 1
        else 0
    end as number_alone,
    cast(list_contains(account_kinds, 'department') as integer)
    + 2 * cast(list_contains(customer_kinds, 'department') as integer) as department_alone,
    cast(list_contains(account_kinds, 'branch') as integer)
    + 2 * cast(list_contains(customer_kinds, 'branch') as integer) as branch_alone,
    cast(list_contains(account_kinds, 'town') as integer)
    + 2 * cast(list_contains(customer_kinds, 'town') as integer) as town_alone,
    cast(list_contains(account_kinds, 'sister') as integer)
    + 2 * cast(list_contains(customer_kinds, 'sister') as integer) as sister_alone,
    cast(round(1000 * jaro_winkler_similarity(account_joined, customer_joined)) as integer)
        as joined_likeness,
    cast(round(1000 * jaro_winkler_similarity(account_token_key, customer_token_key)) as integer)
        as sorted_likeness,
    cast(round(1000 * jaccard(account_joined, customer_joined)) as integer) as letter_likeness,
    cast(round(1000 * case
        when len(account_alone) = 0 or len(customer_alone) = 0 then 0
        else jaro_winkler_similarity(
            array_to_string(list_transform(account_alone, lambda one: one.word), ''),
            array_to_string(list_transform(customer_alone, lambda one: one.word), '')
        )
    end) as integer) as alone_likeness,
    cast(
        length(account_initials) >= 3 and account_initials = customer_joined
        or length(customer_initials) >= 3 and customer_initials = account_joined
        as integer
    ) as is_acronym,
    cast(split_part(account_key, ' ', 1) = split_part(customer_key, ' ', 1) as integer)
        as is_same_first_word,
    case
        when is_other_legal_family then 3
        when account_form = customer_form then 0
        when account_form is null or customer_form is null then 1
        else 2
    end as legal_form_difference
from measured
