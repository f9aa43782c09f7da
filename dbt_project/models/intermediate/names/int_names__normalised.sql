{{ config(tags=['before_scores']) }}

-- Every name that a live account or customer goes by, reduced to the words that tell it apart.
with

account_names as (
    select
        'account' as side,
        org_id as scope_id,
        account_id as record_id,
        account_name as written_name
    from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted
),

customers as (
    select * from {{ ref('stg_quickbooks__customers') }}
    where not is_deleted
),

customer_names as (
    select
        'customer' as side,
        company_id as scope_id,
        customer_id as record_id,
        unnest(list_distinct([
            display_name,
            company_name,
            -- 'Parent:Child': the child is known by both names together as well.
            case when is_sub_customer then replace(fully_qualified_name, ':', ' ') end,
            case when company_name is null then concat_ws(' ', given_name, family_name) end
        ])) as written_name
    from customers
),

plain_names as (
    select
        side,
        scope_id,
        record_id,
        regexp_replace(
            {{ plain_letters('written_name') }}, {{ name_notes_pattern() }}, ' ', 'g'
        ) as plain_name,
        -- A number that was a note still keeps two shops of one chain apart.
        nullif(regexp_extract(written_name, '\s-\s*(\d{3,})\s*$', 1), '') as name_number
    from (
        select * from account_names
        union all
        select * from customer_names
    ) as names
    where trim(written_name) != ''
),

single_names as (
    select
        side,
        scope_id,
        record_id,
        name_number,
        unnest(string_split_regex(plain_name, {{ other_name_pattern() }})) as single_name
    from plain_names
),

worded as (
    select distinct
        side,
        scope_id,
        record_id,
        name_number,
        single_name,
        {{ name_words('single_name') }} as words
    from single_names
    where len({{ name_words('single_name') }}) > 0
),

name_list as (
    select
        *,
        row_number() over (order by side, scope_id, record_id, single_name, name_number)
            as name_id
    from worded
),

-- A legal form is what ends the name: the longest that fits, and then once more ("Holding AG KG").
first_forms as (
    select
        name_list.name_id,
        max_by(forms.family, len(string_split(forms.form, ' '))) as family,
        max(len(string_split(forms.form, ' '))) as form_length
    from name_list
    cross join range(1, 6) as lengths (word_count)
    inner join {{ ref('legal_forms') }} as forms
        on
            array_to_string(
                list_slice(name_list.words, -lengths.word_count, -1), ' '
            ) = forms.form
            and lengths.word_count < len(name_list.words)
    group by name_list.name_id
),

first_cut as (
    select
        name_list.*,
        first_forms.family as first_family,
        list_slice(
            name_list.words, 1, len(name_list.words) - coalesce(first_forms.form_length, 0)
        ) as words_left
    from name_list
    left join first_forms on name_list.name_id = first_forms.name_id
),

second_forms as (
    select
        first_cut.name_id,
        max_by(forms.family, len(string_split(forms.form, ' '))) as family,
        max(len(string_split(forms.form, ' '))) as form_length
    from first_cut
    cross join range(1, 6) as lengths (word_count)
    inner join {{ ref('legal_forms') }} as forms
        on
            array_to_string(
                list_slice(first_cut.words_left, -lengths.word_count, -1), ' '
            ) = forms.form
            and lengths.word_count < len(first_cut.words_left)
    where first_cut.first_family is not null
    group by first_cut.name_id
),

second_cut as (
    select
        first_cut.* exclude (words, words_left),
        list_filter(
            list_distinct([first_cut.first_family, second_forms.family]),
            lambda family: family is not null and family != 'any'
        ) as legal_families,
        list_slice(
            first_cut.words_left,
            1,
            len(first_cut.words_left) - coalesce(second_forms.form_length, 0)
        ) as words_left
    from first_cut
    left join second_forms on first_cut.name_id = second_forms.name_id
),

numbered_words as (
    select
        name_id,
        unnest(words_left) as word,
        generate_subscripts(words_left, 1) as word_position
    from second_cut
),

long_words as (
    select
        numbered_words.name_id,
        list(
            -- "Müller" and "Mueller" are written by the same people.
            regexp_replace(
                coalesce(abbreviations.long, numbered_words.word), '([aou])e', '\1', 'g'
            )
            order by numbered_words.word_position
        ) as words
    from numbered_words
    left join {{ ref('name_abbreviations') }} as abbreviations
        on numbered_words.word = abbreviations.short
    group by numbered_words.name_id
)

select
    second_cut.side,
    second_cut.scope_id,
    second_cut.record_id,
    array_to_string(long_words.words, ' ') as name_key,
    {{ token_key('long_words.words') }} as token_key,
    string_split({{ token_key('long_words.words') }}, ' ') as tokens,
    second_cut.legal_families,
    second_cut.name_number
from second_cut
inner join long_words on second_cut.name_id = long_words.name_id
where {{ token_key('long_words.words') }} is not null
