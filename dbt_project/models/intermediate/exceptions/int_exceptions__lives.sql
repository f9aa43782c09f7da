{{ config(tags=['closing']) }}

-- Every exception of now and of the recorded runs: when it was first seen, whether it was gone
-- meanwhile, and what people said in its present life.
with

runs as (

    select * from {{ source('raw_state', 'recorded_run') }}

),

sightings as (

    select
        recorded.exception_id,
        runs.run_number,
        runs.week,
        runs.as_of_at,
        recorded.value_at_stake
    from {{ source('raw_state', 'recorded_exception') }} as recorded
    inner join runs on recorded.run_number = runs.run_number

),

opening_run as (

    select * from {{ ref('int_weeks__opening') }}

),

first_sightings as (

    select
        exception_id,
        min(run_number) as run_number,
        min(as_of_at) as first_seen_at
    from sightings
    group by exception_id

),

-- A run that no longer found it ended its life; what was said before is about that one.
gaps as (

    select
        first_sightings.exception_id,
        max(runs.recorded_at) as gone_at
    from first_sightings
    inner join runs on first_sightings.run_number < runs.run_number
    left join sightings
        on
            first_sightings.exception_id = sightings.exception_id
            and runs.run_number = sightings.run_number
    where sightings.exception_id is null
    group by first_sightings.exception_id

),

events as (

    select
        events.*,
        gaps.gone_at
    from {{ source('raw_state', 'exception_event') }} as events
    left join gaps on events.exception_id = gaps.exception_id

),

said as (

    select
        exception_id,
        arg_max(owner, event_number) filter (where event = 'assign' and owner is not null) as owner,
        arg_max(
            struct_pack(
                event := event,
                decided_by := decided_by,
                decided_at := decided_at,
                reason := reason,
                accepted_amount := accepted_amount,
                accepted_until := accepted_until
            ),
            event_number
        ) filter (where event != 'assign') as word
    from events
    where gone_at is null or decided_at > gone_at
    group by exception_id

),

-- A root cause may also be given after the exception is gone.
causes as (

    select
        exception_id,
        arg_max(root_cause, event_number) as root_cause
    from events
    where root_cause is not null
    group by exception_id

),

everything as (

    select exception_id from {{ ref('int_exceptions__found') }}
    union distinct
    select exception_id from first_sightings

),

final as (

    select
        everything.exception_id,
        first_sightings.first_seen_at,
        gaps.gone_at,
        opening.value_at_stake as opening_amount,
        opening.exception_id is not null as is_opening,
        said.owner,
        said.word,
        causes.root_cause
    from everything
    cross join opening_run
    left join first_sightings on everything.exception_id = first_sightings.exception_id
    left join gaps on everything.exception_id = gaps.exception_id
    left join said on everything.exception_id = said.exception_id
    left join causes on everything.exception_id = causes.exception_id
    left join sightings as opening
        on
            everything.exception_id = opening.exception_id
            and opening_run.run_number = opening.run_number

)

select * from final
