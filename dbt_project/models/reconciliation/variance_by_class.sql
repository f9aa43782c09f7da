-- Why net billed is not what was expected, per company and currency: what each class of mismatch
-- adds, and what no mismatch stands behind. The rows add up to the variance, to 0.00.
with

variances as (

    select * from {{ ref('int_reconciliation__variances') }}

),

mismatches as (

    select * from {{ ref('mismatches') }}

),

line_names as (

    select * from {{ ref('variance_reasons') }}

),

explained as (

    select
        variances.company_id,
        variances.currency_code,
        mismatches.mismatch_class,
        case when mismatches.mismatch_class is null then variances.reason end as reason,
        coalesce(mismatches.precedence, 99) as precedence,
        variances.record_key,
        variances.amount
    from variances
    left join mismatches on variances.record_key = mismatches.record_key

),

final as (

    select
        explained.company_id,
        explained.currency_code,
        cast(explained.precedence as integer) as precedence,
        explained.mismatch_class,
        line_names.explanation,
        cast(sum(explained.amount) as decimal(18, 2)) as amount,
        cast(count(distinct explained.record_key) as integer) as records
    from explained
    left join line_names on explained.reason = line_names.reason
    group by
        explained.company_id,
        explained.currency_code,
        explained.precedence,
        explained.mismatch_class,
        line_names.explanation

)

select * from final
