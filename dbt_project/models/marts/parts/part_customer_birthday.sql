-- Grain: one row per customer whose birth date is known: what a campaign may know of it. Personal, so not published.
{% set adult_years = 18 %}
{% set birthday_days = 14 %}

with days as (
    select
        {{ as_of_date() }} as first_date,
        {{ add_days(as_of_date(), birthday_days) }} as last_date
),

-- Month and day as one number: 1231 for 31 December.
numbered as (
    select
        described.customer_id,
        extract(year from days.first_date) - extract(year from described.birth_date) as years,
        extract(month from described.birth_date) * 100 + extract(day from described.birth_date) as birth_day,
        extract(month from days.first_date) * 100 + extract(day from days.first_date) as first_day,
        extract(month from days.last_date) * 100 + extract(day from days.last_date) as last_day
    from {{ ref('dim_customer_contact') }} as described
    cross join days
    where described.birth_date is not null
)

select
    customer_id,
    case
        when first_day <= last_day then birth_day >= first_day and birth_day <= last_day
        else birth_day >= first_day or birth_day <= last_day
    end as has_birthday_soon,
    years * 10000 + first_day - birth_day < {{ adult_years }} * 10000 as is_minor
from numbered
