-- How each company's invoices show a deal's discounts (seed invoice_discounts): the item of a
-- discount line or the account of a discount on the whole (of all discounts, or of the deal's own
-- alone), or why it cannot be shown so. One row per company.
with

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

policies as (

    select * from {{ ref('invoice_discounts') }}

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}

),

accounts as (

    select * from {{ ref('stg_quickbooks__accounts') }}

),

-- Of two items of a name the one in use.
items_named as (

    select
        policies.company_id,
        items.item_id,
        items.item_name,
        items.item_type,
        items.is_active
    from policies
    inner join items
        on
            policies.company_id = items.company_id
            and (
                lower(policies.item_sku) = lower(items.sku)
                or lower(policies.item_name) = lower(items.item_name)
            )
    where policies.shown_as = 'line'
    qualify row_number() over (
        partition by policies.company_id order by items.is_active desc, items.item_id
    ) = 1

),

accounts_named as (

    select
        policies.company_id,
        accounts.account_id,
        accounts.account_name,
        accounts.is_active
    from policies
    inner join companies on policies.company_id = companies.company_id
    inner join accounts
        on
            policies.company_id = accounts.company_id
            and case
                when policies.account_name is null
                    then companies.default_discount_account_id = accounts.account_id
                else lower(policies.account_name) = lower(accounts.account_name)
            end
    where policies.shown_as in ('total', 'deal')
    qualify row_number() over (
        partition by policies.company_id order by accounts.is_active desc, accounts.account_id
    ) = 1

),

joined as (

    select
        companies.company_id,
        companies.company_name,
        companies.is_discount_allowed,
        coalesce(policies.shown_as, 'unit_price') as shown_as,
        coalesce(policies.item_sku, policies.item_name) as wanted_item,
        policies.account_name as wanted_account,
        items_named.item_id,
        items_named.item_name,
        items_named.item_type,
        items_named.is_active as is_item_active,
        accounts_named.account_id,
        accounts_named.account_name,
        accounts_named.is_active as is_account_active
    from companies
    left join policies on companies.company_id = policies.company_id
    left join items_named on companies.company_id = items_named.company_id
    left join accounts_named on companies.company_id = accounts_named.company_id

),

final as (

    select
        company_id,
        shown_as,
        item_id,
        account_id,
        case
            when shown_as = 'line' and item_id is null then 'discount_item_unknown'
            when shown_as = 'line' and not is_item_active then 'discount_item_inactive'
            when shown_as = 'line' and item_type in ('Group', 'Category')
                then 'discount_item_unfit'
            when shown_as in ('total', 'deal') and not is_discount_allowed
                then 'discounts_not_allowed'
            when shown_as in ('total', 'deal') and account_id is null
                then 'discount_account_unknown'
            when shown_as in ('total', 'deal') and not is_account_active
                then 'discount_account_inactive'
        end as blocked_reason,
        case
            when shown_as = 'line' and item_id is null
                then 'The company has no item ' || wanted_item || ' for discounts'
            when shown_as = 'line' and not is_item_active
                then 'The item ' || item_name || ' for discounts is not active'
            when shown_as = 'line' and item_type in ('Group', 'Category')
                then
                    'The item ' || item_name || ' is a ' || lower(item_type)
                    || '; a discount line needs a service'
            when shown_as in ('total', 'deal') and not is_discount_allowed
                then
                    company_name || ' does not allow discounts on sales forms; switch them on in '
                    || 'QuickBooks (Account and settings, Sales), or show them as '
                    || 'unit_price or line'
            when shown_as in ('total', 'deal') and account_id is null
                then
                    case
                        when wanted_account is null
                            then 'The company has no default account for discounts'
                        else 'The company has no account ' || wanted_account || ' for discounts'
                    end
            when shown_as in ('total', 'deal') and not is_account_active
                then 'The account ' || account_name || ' for discounts is not active'
        end as blocked_detail
    from joined

)

select * from final
