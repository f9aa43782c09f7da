{{ config(tags=['closing']) }}

-- Every recorded week with its last run and what the last word of each signer was about.
with

runs as (

    select * from {{ source('raw_state', 'recorded_run') }}

),

weeks as (

    select
        week,
        max(run_number) as last_run_number,
        -- An ISO week ends on its Sunday.
        cast(strptime(week || '-7', '%G-W%V-%u') as date) as last_on
    from runs
    group by week

),

words as (

    select
        week,
        step,
        arg_max(
            struct_pack(run_number := run_number, who := signed_by, at := signed_at),
            sign_off_number
        ) as word,
        max(sign_off_number) as sign_off_number
    from {{ source('raw_state', 'sign_off') }}
    group by week, step

),

final as (

    select
        weeks.week,
        weeks.last_on,
        weeks.last_run_number,
        case
            when prepared.sign_off_number > coalesce(withdrawn.sign_off_number, 0)
                then prepared.word
        end as prepared,
        case
            when
                reviewed.sign_off_number > coalesce(withdrawn.sign_off_number, 0)
                and reviewed.sign_off_number > prepared.sign_off_number
                and reviewed.word.run_number = prepared.word.run_number
                then reviewed.word
        end as reviewed
    from weeks
    left join words as prepared on weeks.week = prepared.week and prepared.step = 'prepare'
    left join words as reviewed on weeks.week = reviewed.week and reviewed.step = 'review'
    left join words as withdrawn on weeks.week = withdrawn.week and withdrawn.step = 'withdraw'

)

select * from final
