{{ config(tags=['before_scores', 'matched_alone']) }}

-- Every name that a live account or customer goes by, reduced to the words that tell it apart.
with

accounts as (
    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted
),

account_names as (
    select
        'account' as side,
        accounts.org_id as scope_id,
        accounts.account_id as record_id,
        unnest(list_distinct([
            accounts.account_name,
            -- A branch that says its town only is known by its parent's name and its own.
            case
                when len(string_split(accounts.account_name, ' ')) <= 3
                    then parents.account_name || ' ' || accounts.account_name
            end
        ])) as written_name
    from accounts
    left join accounts as parents
        on
            accounts.org_id = parents.org_id
            and accounts.parent_account_id = parents.account_id
            and not starts_with(accounts.account_name, split_part(parents.account_name, ' ', 1))
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
            regexp_replace(
                regexp_replace(
                    {{ plain_letters('written_name') }},
                    '\br\s?(?:&|and|\+)\s?d\b',
                    'research development',
                    'g'
                ),
                {{ shop_number_pattern() }},
                ' \1',
                'g'
            ),
            {{ name_notes_pattern() }},
            ' ',
            'g'
        ) as plain_name,
        -- A number that was a note still keeps two shops of one chain apart.
        nullif(regexp_extract(written_name, '\s[-#]\s*(\d{3,})\s*$', 1), '') as name_number
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

-- What stands in brackets or behind a dash or a slash may be a second name, or a town: such a part
-- is kept as a name of its own beside the whole.
name_parts as (
    select
        side,
        scope_id,
        record_id,
        name_number,
        single_name as name_text,
        false as is_part
    from single_names
    union all
    select
        side,
        scope_id,
        record_id,
        name_number,
        unnest(string_split_regex(single_name, {{ part_of_name_pattern() }})) as name_text,
        true as is_part
    from single_names
    where regexp_matches(single_name, {{ part_of_name_pattern() }})
),

worded as (
    select distinct
        side,
        scope_id,
        record_id,
        name_number,
        is_part,
        {{ name_words('name_text') }} as words
    from name_parts
),

-- A number behind the legal form does not hide it: "Altbel Ltd #2".
name_list as (
    select
        * exclude (words),
        row_number() over () as name_id,
        case when ends_in_number then words[:-2] else words end as words,
        case when ends_in_number then words[-1:] else [] end as last_number
    from (
        select
            *,
            len(words) > 2 and regexp_matches(words[-1], '^\d+$') as ends_in_number
        from worded
        where len(words) > 0
    ) as whole
),

-- The forms by the word that ends them, longest first.
forms_by_last_word as (
    select
        split_part(form, ' ', -1) as last_word,
        list(
            {
                'form': ' ' || form,
                'family': family,
                'words': len(string_split(form, ' '))
            }
            order by len(string_split(form, ' ')) desc, form
        ) as forms
    from {{ ref('legal_forms') }}
    group by last_word
),

-- Forms that are long enough to be known when they are cut off or misspelled; of the short ones
-- only those that no word looks like.
long_forms as (
    select list({ 'form': ' ' || form, 'family': family, 'words': 1 } order by form) as forms
    from {{ ref('legal_forms') }}
    where length(form) >= 5 and not contains(form, ' ')
),

-- A legal form is what ends the name: the longest that fits, and then once more ("Holding AG KG").
first_forms as (
    select
        name_list.*,
        coalesce(
            list_filter(
                forms_by_last_word.forms,
                lambda one: one.words < len(name_list.words)
                and ends_with(array_to_string(name_list.words, ' '), one.form)
            )[1],
            case
                when
                    len(name_list.words) > 1
                    and regexp_matches(name_list.words[-1], '^[bcdfghjklmnpqrstvwxz]{2,5}$')
                    then list_filter(
                        [
                            { 'form': ' llc', 'family': 'us', 'words': 1 },
                            { 'form': ' ltd', 'family': 'british', 'words': 1 },
                            { 'form': ' gmbh', 'family': 'german', 'words': 1 }
                        ],
                        lambda one: damerau_levenshtein(one.form, ' ' || name_list.words[-1]) = 1
                    )[1]
                when len(name_list.words) > 1 and length(name_list.words[-1]) >= 5
                    then list_filter(
                        long_forms.forms,
                        lambda one: starts_with(one.form, ' ' || name_list.words[-1])
                        or length(name_list.words[-1]) >= 6
                        and damerau_levenshtein(one.form, ' ' || name_list.words[-1]) = 1
                    )[1]
            end
        ) as first_form
    from name_list
    cross join long_forms
    left join forms_by_last_word on name_list.words[-1] = forms_by_last_word.last_word
),

first_cut as (
    select
        *,
        list_slice(words, 1, len(words) - coalesce(first_form.words, 0)) as words_left
    from first_forms
),

second_forms as (
    select
        first_cut.*,
        list_filter(
            forms_by_last_word.forms,
            lambda one: one.words < len(first_cut.words_left)
            and ends_with(array_to_string(first_cut.words_left, ' '), one.form)
        )[1] as second_form
    from first_cut
    left join forms_by_last_word
        on
            first_cut.words_left[-1] = forms_by_last_word.last_word
            and first_cut.first_form is not null
),

second_cut as (
    select
        name_id,
        side,
        scope_id,
        record_id,
        name_number,
        is_part,
        last_number,
        list_filter(
            list_distinct([first_form.family, second_form.family]),
            lambda family: family is not null and family != 'any'
        ) as legal_families,
        trim(first_form.form) as legal_form,
        list_slice(words_left, 1, len(words_left) - coalesce(second_form.words, 0)) as words_left
    from second_forms
),

numbered_words as (
    select
        name_id,
        unnest(words_left || last_number) as word,
        generate_subscripts(words_left || last_number, 1) as word_position
    from second_cut
),

long_words as (
    select
        numbered_words.name_id,
        list(
            -- "Müller" and "Mueller" are written by the same people.
            regexp_replace(
                coalesce(abbreviations.long, nicknames.given_name, numbered_words.word),
                '([aou])e', '\1', 'g'
            )
            order by numbered_words.word_position
        ) as words
    from numbered_words
    left join {{ ref('name_abbreviations') }} as abbreviations
        on numbered_words.word = abbreviations.short
    left join {{ ref('nicknames') }} as nicknames
        on numbered_words.word = nicknames.nickname
    group by numbered_words.name_id
),

keyed as (
    select
        second_cut.*,
        array_to_string(long_words.words, ' ') as name_key,
        {{ token_key('long_words.words') }} as token_key
    from second_cut
    inner join long_words on second_cut.name_id = long_words.name_id
)

select
    side,
    scope_id,
    record_id,
    name_key,
    any_value(token_key) as token_key,
    string_split(any_value(token_key), ' ') as tokens,
    list_sort(list_distinct(flatten(list(legal_families)))) as legal_families,
    max(legal_form) as legal_form,
    max(name_number) as name_number,
    bool_and(is_part) as is_part
from keyed
where token_key is not null
group by side, scope_id, record_id, name_key
