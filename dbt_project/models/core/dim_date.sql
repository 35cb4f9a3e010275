-- Grain: one row per day, from the first of January before the first event to the end of the as-of year, or of the
-- year of the last order, return, campaign contact or response. Other events are known only by what their source says:
-- a slip of a digit in one of them, years ahead, does not stretch the calendar.
{% set text = contract_type('text') %}
{% set weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] %}
{% set first_weekday = weekdays.index(var('week_start')) + 1 %}

with other_events as (
    select contact_date as event_date from {{ ref('fct_contact') }}
    union all
    select opened_date as event_date from {{ ref('fct_case') }}
    union all
    select response_date as event_date from {{ ref('fct_survey_response') }}
    union all
    select changed_date as event_date from {{ ref('fct_consent') }}
    union all
    select session_date as event_date from {{ ref('fct_web_session') }}
    union all
    select start_date as event_date from {{ ref('fct_subscription') }}
    union all
    select payment_date as event_date from {{ ref('fct_payment') }}
    union all
    select opened_date as event_date from {{ ref('fct_opportunity') }}
    union all
    select period_start_date as event_date from {{ ref('fct_cost') }}
),

events as (
    select order_date as event_date from {{ ref('fct_order') }}
    union all
    select return_date as event_date from {{ ref('fct_return') }}
    union all
    select contact_date as event_date from {{ ref('fct_campaign_contact') }}
    union all
    select response_date as event_date from {{ ref('fct_campaign_response') }}
    union all
    select event_date from other_events
    where extract(year from event_date) <= extract(year from {{ as_of_date() }})
    union all
    select {{ as_of_date() }} as event_date
),

bounds as (
    select
        cast(date_trunc('year', min(event_date)) as date) as first_day,
        cast(concat(cast(max(extract(year from event_date)) as {{ text }}), '-12-31') as date) as last_day
    from events
),

days as (
    {{ day_series('(select first_day from bounds)', '(select last_day from bounds)') }}
),

-- Monday is weekday 1; 1 January 1900 was one.
weekdays as (
    select
        date_day,
        cast(extract(year from date_day) as int) as year_number,
        cast(extract(month from date_day) as int) as month_of_year,
        {{ days_between("cast('1900-01-01' as date)", 'date_day') }} % 7 + 1 as day_of_week,
        (cast(extract(month from date_day) as int) + 12 - {{ var('fiscal_year_start') }}) % 12 + 1 as fiscal_month
    from days
)

select
    date_day,
    year_number,
    cast(extract(quarter from date_day) as int) as quarter_of_year,
    month_of_year,
    cast(extract(day from date_day) as int) as day_of_month,
    cast(day_of_week as int) as day_of_week,
    case day_of_week
        when 1 then 'monday'
        when 2 then 'tuesday'
        when 3 then 'wednesday'
        when 4 then 'thursday'
        when 5 then 'friday'
        when 6 then 'saturday'
        when 7 then 'sunday'
    end as weekday_name,
    cast(extract(year from {{ add_days('date_day', '(4 - cast(day_of_week as int))') }}) as int) as iso_year,
    cast(extract(week from date_day) as int) as iso_week,
    year_number
    + case when {{ var('fiscal_year_start') }} > 1 and month_of_year >= {{ var('fiscal_year_start') }} then 1 else 0 end
        as fiscal_year,
    cast(ceil(fiscal_month / 3e0) as int) as fiscal_quarter,
    cast(fiscal_month as int) as fiscal_month,
    day_of_week >= 6 as is_weekend,
    cast(date_trunc('month', date_day) as date) as month_start_date,
    {{ add_days('date_day', '-cast((day_of_week + 7 - ' ~ first_weekday ~ ') % 7 as int)') }} as week_start_date
from weekdays
