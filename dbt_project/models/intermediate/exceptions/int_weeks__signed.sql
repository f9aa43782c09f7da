{{ config(tags=['closing']) }}

-- Every recorded week with its last run, what the last word of each signer was about, and from
-- which moment on a change of its records is a change under the signature.
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

withdrawals as (

    select
        week,
        max(sign_off_number) as sign_off_number
    from {{ source('raw_state', 'sign_off') }}
    where step = 'withdraw'
    group by week

),

signatures as (

    select sign_offs.*
    from {{ source('raw_state', 'sign_off') }} as sign_offs
    left join withdrawals on sign_offs.week = withdrawals.week
    where
        sign_offs.step != 'withdraw'
        and sign_offs.sign_off_number > coalesce(withdrawals.sign_off_number, 0)

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
    from signatures
    group by week, step

),

-- What the last reviewer had before him.
prepared_for_review as (

    select
        reviews.week,
        reviews.word.run_number,
        max(signatures.sign_off_number) as sign_off_number,
        arg_max(signatures.signed_at, signatures.sign_off_number) as prepared_at
    from words as reviews
    inner join signatures
        on
            reviews.week = signatures.week
            and reviews.sign_off_number > signatures.sign_off_number
    where reviews.step = 'review' and signatures.step = 'prepare'
    group by reviews.week, reviews.word.run_number

),

-- Whoever signs the same run a second time signs what had changed under the first signature.
watched as (

    select
        prepared_for_review.week,
        prepared_for_review.run_number,
        case
            when count(earlier.sign_off_number) > 0 then prepared_for_review.prepared_at
            else any_value(runs.known_at)
        end as watched_since
    from prepared_for_review
    inner join runs on prepared_for_review.run_number = runs.run_number
    left join signatures as earlier
        on
            prepared_for_review.week = earlier.week
            and prepared_for_review.run_number = earlier.run_number
            and prepared_for_review.sign_off_number > earlier.sign_off_number
            and earlier.step = 'review'
    group by
        prepared_for_review.week,
        prepared_for_review.run_number,
        prepared_for_review.prepared_at

),

final as (

    select
        weeks.week,
        weeks.last_on,
        weeks.last_run_number,
        prepared.word as prepared,
        case
            when
                reviewed.sign_off_number > prepared.sign_off_number
                and reviewed.word.run_number = prepared.word.run_number
                then reviewed.word
        end as reviewed,
        watched.watched_since
    from weeks
    left join words as prepared on weeks.week = prepared.week and prepared.step = 'prepare'
    left join words as reviewed on weeks.week = reviewed.week and reviewed.step = 'review'
    left join watched on weeks.week = watched.week

)

select * from final
