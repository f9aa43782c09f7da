{#- Lower case, without accents and with the letters that have no accent to lose written out. -#}
{% macro plain_letters(text) -%}
    translate(
        replace(replace(replace(replace(replace(
            lower(strip_accents({{ text }})), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'
        ), 'ﬁ', 'fi'),
        'øłđðı', 'olddi'
    )
{%- endmacro %}

{#-
    What bookkeepers add to a name and what is no part of it: notes on payment, customer numbers,
    who is to read the invoice, the suffix a deactivated record gets.
-#}
{% macro name_notes_pattern() -%}
    '\s\*[^*]+(?:\*|$)|\*|^\s*(?:zz+|xx+)(?:\s|-)*|^\s*(?:z{2,}|x{2,})'
    || '|^\s*(?:mr|mrs|ms|miss|messrs|herr|frau|mme|mlle)\.?\s|,\s*(?:mr|mrs|ms|miss)\.?\s'
    || '|[(\[]\s*(?:deleted|inactive|old|new|dup(?:licate)?|main|cod|c|(?:net\s*)?\d+\s*(?:days)?'
    || '|closed|merged|hold|prepaid|edi|vip|wholesale|retail|usd|eur|gbp|cad|aud)\s*[)\]]'
    || '|\bnet\s?\d+\b|\bdo not use\b|\bdnu\b|\buse this one\b|\bsee notes?\b'
    || '|\btax.exempt\b|\bpo req.?d\b|\b(?:credit|on) hold\b|\bcash only\b'
    || '|\b(?:accounts|acct|accts)\.? payable\b|\be?-?mail invoices?\b'
    || '|\bsole (?:trader|proprietor)\b|\battn:?\s.*$|\bc/o\s.*$|\bcare of\s.*$'
    || '|\s-\s*\d{3,}\s*$|^\s*\d{3,}\s+-\s|\s(?:-\s*)?a/?p\s*$'
    || '|\s(?:-\s*)?edi\s*$|\s-\s*(?:inactive|deleted|closed|old|new|customer|dup(?:licate)?'
    || '|wholesale|retail|vip|cod|usd|eur|gbp|cad|aud|(?:19|20)\d\d)\s*$'
    -- Legal forms that are written without a space before or after them.
    || '|(?:股份)?有限(?:责任)?公司|株式会社|有限会社|주식회사'
{%- endmacro %}

{#- The number of a shop in brackets: it is no second name, but tells this one from its sisters. -#}
{% macro shop_number_pattern() -%}
    '[(\[]\s*(?:no|nr|num|number|nummer|numero|store|shop|branch|unit|filiale|#)[\s.:#]*(\d+)\s*[)\]]'
{%- endmacro %}

{#- Between the two names of one organisation. -#}
{% macro other_name_pattern() -%}
    '[\s,(]+(?:d/?b/?a|d\.b\.a\.|doing business as|t/a|trading as|f/?k/?a|formerly known as'
    || '|formerly|previously|a/?k/?a|also known as)\.?:?\s'
{%- endmacro %}

{#- Before and after what may be a second name and may be a town or a department: brackets, a dash, a
    slash. -#}
{% macro part_of_name_pattern() -%}
    '[()\[\]]|\s-\s|\s/\s|\s\|\s'
{%- endmacro %}

{#- Words in order; dots and apostrophes join ("S.p.A." is "spa"), all other signs part. -#}
{% macro name_words(text) -%}
    list_filter(
        string_split_regex(
            regexp_replace(
                regexp_replace({{ text }}, '[&+]', ' and ', 'g'), '[.''’`´]', '', 'g'
            ),
            '[^\p{L}\p{N}]+'
        ),
        lambda word: word != ''
    )
{%- endmacro %}

{#- Words that join others and tell nothing, slips of the pen among them; what follows
    "department" names it. -#}
{% macro joining_words() -%}
    ['and', 'of', 'the', 'for', 'in', 'at', 'de', 'der', 'die', 'das', 'des', 'di', 'du', 'del',
     'la', 'le', 'les', 'el', 'los', 'van', 'von', 'y', 'e', 'et', 'und', 'department',
     'fo', 'teh', 'adn']
{%- endmacro %}

{#- One key for a name whatever the order of its words: "Hall, Ann" and "Ann Hall". A word that stands
    there twice tells more than once: "Altbel Holdings Holdings" is a sister of "Altbel Holdings". -#}
{% macro token_key(words) -%}
    nullif(array_to_string(list_sort(
        list_distinct(list_filter(
            {{ words }}, lambda word: not list_contains({{ joining_words() }}, word)
        ))
        || list_transform(
            list_filter(
                list_distinct({{ words }}),
                lambda word: length(word) > 2
                and not list_contains({{ joining_words() }}, word)
                and len(list_filter({{ words }}, lambda other: other = word)) > 1
            ),
            lambda word: word || '2'
        )
    ), ' '), '')
{%- endmacro %}

{#- Two words that may be one: a slip of the pen, an abbreviation, an initial. Never numbers.
    The slow distance is asked only where the quick likeness does not rule it out. -#}
{% macro similar_words(left_word, right_word) -%}
    case
        when {{ left_word }} = {{ right_word }} then true
        when regexp_matches({{ left_word }} || {{ right_word }}, '\d') then false
        when
            least(length({{ left_word }}), length({{ right_word }})) != 2
            and (
                starts_with({{ left_word }}, {{ right_word }})
                or starts_with({{ right_word }}, {{ left_word }})
            )
            then true
        when least(length({{ left_word }}), length({{ right_word }})) < 5 then false
        when jaro_winkler_similarity({{ left_word }}, {{ right_word }}) < 0.86 then false
        else damerau_levenshtein({{ left_word }}, {{ right_word }}) <= 1
    end
{%- endmacro %}

{#- How two names relate, best first. -#}
{% macro name_rank(relation) -%}
    case {{ relation }}
        when 'same' then 1 when 'close' then 2 when 'other_form' then 3 when 'contained' then 4
        when 'partly' then 5 else 6
    end
{%- endmacro %}
