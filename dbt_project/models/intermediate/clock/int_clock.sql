-- One row: the moment the books are judged at, by the vendors' clocks and not by ours.
with

salesforce_runs as (

    select max(server_time) as server_time from {{ source('raw_salesforce', 'extract_run') }}

),

quickbooks_runs as (

    select max(server_time) as server_time from {{ source('raw_quickbooks', 'extract_run') }}

),

moments as (

    select server_time from salesforce_runs
    union all
    select server_time from quickbooks_runs

),

final as (

    select
        {% if var('as_of', none) %}
        max(cast('{{ var("as_of") }}' as timestamptz)) as as_of_at,
        {% else %}
        max(server_time) as as_of_at,
        {% endif %}
        cast(timezone('UTC', as_of_at) as date) as as_of_on,
        -- A Monday closes the week before it.
        strftime(as_of_on - 1, '%G-W%V') as closing_week
    from moments

)

select * from final
