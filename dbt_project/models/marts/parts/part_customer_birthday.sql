-- Grain: one row per customer whose birth date is known: what a campaign may know of it. Personal, so not published.
{% set adult_years = 18 %}
{% set birthday_days = 14 %}
{% set first_day = day_of_year(as_of_date()) %}
{% set last_day = day_of_year(add_days(as_of_date(), birthday_days)) %}

with described as (
    select
        customer_id,
        extract(year from birth_date) as birth_year,
        {{ day_of_year('birth_date') }} as birth_day
    from {{ ref('dim_customer_contact') }}
    where birth_date is not null
)

select
    customer_id,
    case
        when {{ first_day }} <= {{ last_day }} then birth_day >= {{ first_day }} and birth_day <= {{ last_day }}
        else birth_day >= {{ first_day }} or birth_day <= {{ last_day }}
    end as has_birthday_soon,
    (extract(year from {{ as_of_date() }}) - birth_year) * 10000 + {{ first_day }} - birth_day
    < {{ adult_years }} * 10000 as is_minor
from described
