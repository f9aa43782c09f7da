-- Of two rows for the same books nobody could say which one decides, a dial of all books stands in
-- dbt_project.yml, and nothing is apart by less than nothing.
select
    dial,
    company_id,
    currency_code
from {{ ref('book_dials') }}
group by dial, company_id, currency_code
having
    count(*) > 1
    or (company_id is null and currency_code is null)
    or min(absolute) < 0
    or min(per_cent) < 0
