-- The lines of each invoice to be sent. A step takes its share of every line of the deal, by
-- largest remainder, so that the lines add up to the step to the cent; a step of a schedule has the
-- parts of its day. A line whose item is a bundle has a row for each of the bundle's parts, which
-- share the line's amount by their prices in the same way. Quantity and price are kept where their
-- product is the amount, rounded half up; otherwise one piece costs it all. What a deal's line has
-- less than quantity × price is its discount, its part of the deal's own discount too: the price
-- bears it, or the line stands at the full amount and a line behind it, or one for the whole
-- invoice, takes the discount off; or only the deal's own is such a one for the whole invoice.
with

invoices as (

    select * from {{ ref('sync_invoices') }}
    where line_count > 0

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

lines_worth as (

    select * from {{ ref('int_deals__lines') }}

),

deal_discounts as (

    select * from {{ ref('int_deals__discounted') }}

),

products as (

    select * from {{ judged(ref('stg_salesforce__products')) }}

),

lines_linked as (

    select * from {{ ref('int_lines__linked') }}

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}

),

components as (

    select * from {{ ref('stg_quickbooks__item_components') }}

),

line_classes as (

    select * from {{ ref('int_invoices__ruled') }}
    where target = 'class'

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

discounts as (

    select * from {{ ref('int_discounts__ruled') }}

),

customers as (

    select * from {{ ref('int_customers__routed') }}

),

tax_codes as (

    select * from {{ ref('tax_codes') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

parts as (

    select * from {{ ref('int_billing_plan__schedules') }}

),

lines_weighed as (

    select
        invoices.org_id,
        invoices.deal_id,
        invoices.company_id,
        invoices.currency_code,
        invoices.account_id,
        invoices.plan_step,
        steps.step_number,
        invoices.step_count,
        {{ cents('invoices.amount') }} as step_cents,
        case
            when steps.billing_plan = 'Schedule' then {{ cents('invoices.amount') }}
            else {{ cents('deals.basis_amount') }}
        end as basis_cents,
        case
            when steps.billing_plan = 'Schedule' then {{ cents('parts.amount') }}
            else {{ cents('lines_worth.amount') }}
        end as line_cents,
        lines.line_id,
        lines.product_id,
        coalesce(nullif(trim(lines.description), ''), products.product_name, lines.product_code)
            as line_description,
        cast(lines.quantity as decimal(28, 10)) as line_quantity,
        cast(lines.unit_price as decimal(28, 10)) as line_unit_price,
        coalesce(discounts.shown_as, 'unit_price') as shown_as,
        lines.discount_percent,
        lines_worth.discount_amount != 0 as is_deal_discounted,
        deal_discounts.discount_percent as deal_discount_percent,
        case
            when lines_worth.discount_amount != 0 and discounts.shown_as = 'deal'
                then {{ cents('lines_worth.total_price') }}
            when
                (lines.discount_percent > 0 or lines_worth.discount_amount != 0)
                and discounts.shown_as in ('line', 'total')
                then {{ cents('round(
                    cast(lines.quantity as decimal(20, 6))
                    * cast(lines.unit_price as decimal(18, 7)), 2
                )') }}
        end as full_cents,
        case
            when steps.billing_plan = 'Schedule' then {{ cents('lines_worth.amount') }}
            else {{ cents('deals.basis_amount') }}
        end as whole_cents,
        case
            when steps.billing_plan = 'Schedule' then {{ cents('parts.amount') }}
            else {{ cents('invoices.amount') }}
        end as share_cents,
        lines.service_on,
        row_number() over (
            partition by invoices.org_id, invoices.deal_id, invoices.plan_step
            order by lines.sort_order nulls last, lines.line_id
        ) as line_number
    from invoices
    inner join deals
        on invoices.org_id = deals.org_id and invoices.deal_id = deals.deal_id
    inner join lines
        on invoices.org_id = lines.org_id and invoices.deal_id = lines.deal_id
    inner join lines_worth
        on lines.org_id = lines_worth.org_id and lines.line_id = lines_worth.line_id
    inner join steps
        on
            invoices.org_id = steps.org_id
            and invoices.deal_id = steps.deal_id
            and invoices.plan_step = steps.plan_step
    left join parts
        on
            lines.org_id = parts.org_id
            and lines.line_id = parts.line_id
            and invoices.plan_step = parts.plan_step
    left join products
        on lines.org_id = products.org_id and lines.product_id = products.product_id
    left join discounts on invoices.company_id = discounts.company_id
    left join deal_discounts
        on lines.org_id = deal_discounts.org_id and lines.deal_id = deal_discounts.deal_id
    where
        deals.basis_amount != 0
        and (steps.billing_plan != 'Schedule' or parts.line_id is not null)

),

-- The step's share of the full amount stands beside; a line is discounted where it is more.
lines_shared as (

    select
        * rename (shared_cents as net_cents),
        case
            when whole_cents != 0
                then {{ in_proportion('full_cents', 'share_cents', 'whole_cents') }}
        end as full_share_cents
    from (
        {{ shared_by_remainder(
            'lines_weighed', 'step_cents', 'line_cents', 'basis_cents',
            'org_id, deal_id, plan_step', 'line_number'
        ) }}
    ) as lines

),

lines_discounted as (

    select
        * exclude (full_cents, whole_cents, share_cents, full_share_cents),
        case when full_share_cents > net_cents then full_share_cents else net_cents end
            as amount_cents,
        case when full_share_cents > net_cents then full_share_cents - net_cents else 0 end
            as discount_cents
    from lines_shared

),

lines_itemised as (

    select
        lines_discounted.*,
        lines_linked.item_id,
        items.item_type = 'Group' as is_bundle
    from lines_discounted
    left join lines_linked
        on
            lines_discounted.org_id = lines_linked.org_id
            and lines_discounted.line_id = lines_linked.line_id
            and lines_discounted.company_id = lines_linked.company_id
    left join items
        on lines_linked.company_id = items.company_id and lines_linked.item_id = items.item_id

),

-- Parts share by their prices; where none has one, alike.
parts_weighed as (

    select
        lines_itemised.* exclude (line_quantity, line_unit_price, item_id),
        lines_itemised.item_id as bundle_item_id,
        case
            when
                round(lines_itemised.line_quantity, 6) = lines_itemised.line_quantity
                and lines_itemised.line_quantity > 0
                then cast(lines_itemised.line_quantity as decimal(18, 6))
            else cast(1 as decimal(18, 6))
        end as bundle_quantity,
        components.component_number as part_number,
        components.component_item_id as item_id,
        coalesce(nullif(trim(items.description), ''), items.item_name) as part_description,
        cast(round(coalesce(components.quantity, 1), 6) as decimal(18, 6)) as part_quantity,
        cast(round(coalesce(items.unit_price, 0), 7) as decimal(18, 7)) as part_unit_price,
        {{ cents('round(
            cast(round(coalesce(components.quantity, 1), 6) as decimal(18, 6))
            * cast(round(greatest(coalesce(items.unit_price, 0), 0), 7) as decimal(18, 7)), 2
        )') }} as price_cents
    from lines_itemised
    inner join components
        on
            lines_itemised.company_id = components.company_id
            and lines_itemised.item_id = components.item_id
    left join items
        on
            components.company_id = items.company_id
            and components.component_item_id = items.item_id
    where lines_itemised.is_bundle

),

parts_priced as (

    select
        * exclude (price_cents),
        cast(case when sum(price_cents) over line = 0 then 1 else price_cents end as hugeint)
            as weight,
        cast(
            case
                when sum(price_cents) over line = 0 then count(*) over line
                else sum(price_cents) over line
            end as hugeint
        ) as weight_sum
    from parts_weighed
    window line as (partition by org_id, deal_id, plan_step, line_id)

),

parts_shared as (

    select
        * exclude (amount_cents, shared_cents, weight, weight_sum),
        shared_cents as amount_cents,
        cast(bundle_quantity * part_quantity as decimal(28, 10)) as line_quantity,
        cast(part_unit_price as decimal(28, 10)) as line_unit_price
    from (
        {{ shared_by_remainder(
            'parts_priced', 'amount_cents', 'weight', 'weight_sum',
            'org_id, deal_id, plan_step, line_id', 'part_number'
        ) }}
    ) as parts

),

-- What is taken off one line.
discount_lines as (

    select
        * exclude (item_id, amount_cents, line_quantity, line_unit_price, is_bundle),
        'line_discount' as line_kind,
        -- Behind every part there may be.
        1000 as part_number,
        'Discount'
        || coalesce(' ' || {{ plain_number('nullif(discount_percent, 0)') }} || ' %', '')
        || case
            when not is_deal_discounted then ''
            else
                case when discount_percent > 0 then ' and' else '' end || ' on the whole order'
                || coalesce(' ' || deal_discount_percent || ' %', '')
        end
        || ': ' || line_description as discount_description,
        -discount_cents as amount_cents,
        cast(1 as decimal(28, 10)) as line_quantity,
        cast(-discount_cents * 0.01 as decimal(28, 10)) as line_unit_price
    from lines_itemised
    where shown_as = 'line' and discount_cents > 0

),

-- One for the whole invoice, behind all its lines.
discount_totals as (

    select
        org_id,
        deal_id,
        company_id,
        currency_code,
        plan_step,
        max(line_number) + 1 as line_number,
        'discount' as line_kind,
        1 as part_number,
        -sum(discount_cents) as amount_cents,
        cast(1 as decimal(28, 10)) as line_quantity,
        cast(-sum(discount_cents) * 0.01 as decimal(28, 10)) as line_unit_price
    from lines_itemised
    where shown_as in ('total', 'deal')
    group by org_id, deal_id, company_id, currency_code, plan_step
    having sum(discount_cents) > 0

),

lines_and_parts as (

    select
        *,
        'item' as line_kind,
        1 as part_number
    from lines_itemised
    where not coalesce(is_bundle, false)

    union all by name

    select
        *,
        'item' as line_kind
    from parts_shared

    union all by name

    select
        discount_lines.* exclude (line_description),
        discount_lines.discount_description as line_description,
        discounts.item_id
    from discount_lines
    inner join discounts on discount_lines.company_id = discounts.company_id

    union all by name

    select
        discount_totals.*,
        discounts.account_id as discount_account_id
    from discount_totals
    inner join discounts on discount_totals.company_id = discounts.company_id

),

lines_priced as (

    select
        *,
        cast(amount_cents * 0.01 as decimal(18, 2)) as amount,
        cast(round(line_unit_price, 7) as decimal(18, 7)) as own_price,
        cast(round(line_quantity, 6) as decimal(18, 6)) as own_quantity,
        cast(round(line_quantity, 6) * 1000000 as hugeint) as millionths,
        round(line_quantity, 6) = line_quantity and line_quantity > 0 as is_quantity_exact
    from lines_and_parts

),

-- The price that the amount implies, to seven decimals, in whole numbers only.
lines_implied as (

    select
        *,
        case
            when is_quantity_exact then
                sign(amount) * cast(
                    (2 * abs(amount_cents) * cast(100000000000 as hugeint) + millionths)
                    // (2 * millionths) * 0.0000001
                    as decimal(18, 7)
                )
        end as implied_price
    from lines_priced

),

lines_chosen as (

    select
        *,
        case
            when
                is_quantity_exact
                and own_price = line_unit_price
                and round(cast(own_quantity as decimal(38, 6)) * own_price, 2) = amount
                then 'own'
            when
                is_quantity_exact
                and round(cast(own_quantity as decimal(38, 6)) * implied_price, 2) = amount
                then 'implied'
            else 'whole'
        end as pricing
    from lines_implied

),

final as (

    select
        lines_chosen.org_id,
        lines_chosen.deal_id,
        lines_chosen.company_id,
        lines_chosen.plan_step,
        cast(lines_chosen.line_number as integer) as line_number,
        cast(lines_chosen.part_number as integer) as part_number,
        lines_chosen.line_kind,
        lines_chosen.line_id as source_line_id,
        lines_chosen.item_id,
        lines_chosen.bundle_item_id,
        lines_chosen.bundle_quantity,
        lines_chosen.part_description,
        lines_chosen.line_description
        || case
            when lines_chosen.step_count > 1
                then
                    ' (step ' || lines_chosen.step_number || ' of '
                    || lines_chosen.step_count || ')'
            else ''
        end as description,
        cast(case lines_chosen.pricing
            when 'whole' then 1 else lines_chosen.own_quantity
        end as decimal(18, 6)) as quantity,
        cast(case lines_chosen.pricing
            when 'own' then lines_chosen.own_price
            when 'implied' then lines_chosen.implied_price
            else lines_chosen.amount
        end as decimal(18, 7)) as unit_price,
        lines_chosen.amount,
        lines_chosen.discount_account_id,
        case when lines_chosen.line_kind != 'discount' then tax_codes.tax_code_id end
            as tax_code_id,
        case when companies.has_class_per_line then line_classes.remote_id end as class_id,
        case when companies.has_class_per_line then line_classes.remote_name end as class_name,
        lines_chosen.service_on
    from lines_chosen
    left join companies on lines_chosen.company_id = companies.company_id
    left join line_classes
        on
            lines_chosen.org_id = line_classes.org_id
            and lines_chosen.line_id = line_classes.line_id
            and lines_chosen.company_id = line_classes.company_id
    left join customers
        on
            lines_chosen.org_id = customers.org_id
            and lines_chosen.deal_id = customers.deal_id
            and lines_chosen.company_id = customers.company_id
            and lines_chosen.currency_code = customers.currency_code
    left join tax_codes
        on
            lines_chosen.company_id = tax_codes.company_id
            and lines_chosen.currency_code = tax_codes.currency_code
            and coalesce(customers.is_taxable, false) = tax_codes.is_customer_taxable

)

select * from final
