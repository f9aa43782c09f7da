with

raw_schedules as (
    {{ rows_of(source('raw_salesforce', 'opportunity_line_item_schedule'), {
        'org_id': 'varchar',
        'id': 'varchar',
        'opportunity_line_item_id': 'varchar',
        'schedule_date': 'date',
        'type': 'varchar',
        'revenue': 'decimal(18, 2)',
        'quantity': 'decimal(28, 10)',
        'is_deleted': 'boolean',
    }) }}
)

select
    org_id,
    id as schedule_id,
    opportunity_line_item_id as line_id,
    schedule_date as scheduled_on,
    type as schedule_type,
    revenue,
    quantity,
    {{ is_deleted_or_gone('OpportunityLineItemSchedule') }} as is_deleted
from raw_schedules
