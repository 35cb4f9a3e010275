-- Grain: one row per day, from the first of January before the first event to the end of the as-of year, or of the
-- year of the last order, return, campaign contact or response. Other events are known only by what their source says:
-- a slip of a digit in one of them, years ahead, does not stretch the calendar.
{% set other_events = {
    'fct_contact': 'contact_date',
    'fct_case': 'opened_date',
    'fct_survey_response': 'response_date',
    'fct_consent': 'changed_date',
    'fct_web_session': 'session_date',
    'fct_subscription': 'start_date',
    'fct_payment': 'payment_date',
    'fct_opportunity': 'opened_date',
    'fct_cost': 'period_start_date',
} %}

with events as (
    select order_date as event_date from {{ ref('fct_order') }}
    union all
    select return_date as event_date from {{ ref('fct_return') }}
    union all
    select contact_date as event_date from {{ ref('fct_campaign_contact') }}
    union all
    select response_date as event_date from {{ ref('fct_campaign_response') }}
    {%- for fact, date in other_events.items() %}
    union all
    select {{ date }} as event_date from {{ ref(fact) }}
    where {{ date }} <= {{ end_of_year(as_of_date()) }}
    {%- endfor %}
    union all
    select {{ as_of_date() }} as event_date
),

bounds as (
    select
        cast(date_trunc('year', min(event_date)) as date) as first_day,
        {{ end_of_year('max(event_date)') }} as last_day
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
        {%- for name in weekday_names() %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end as weekday_name,
    cast(extract(year from {{ add_days('date_day', '(4 - cast(day_of_week as int))') }}) as int) as iso_year,
    cast(extract(week from date_day) as int) as iso_week,
    year_number
    + case when {{ var('fiscal_year_start') }} > 1 and month_of_year >= {{ var('fiscal_year_start') }} then 1 else 0 end
        as fiscal_year,
    cast(ceil(fiscal_month / 3.0) as int) as fiscal_quarter,
    cast(fiscal_month as int) as fiscal_month,
    day_of_week >= 6 as is_weekend,
    cast(date_trunc('month', date_day) as date) as month_start_date,
    {{ add_days(
        'date_day',
        '-cast((day_of_week + 7 - ' ~ (weekday_names().index(var('week_start')) + 1) ~ ') % 7 as int)'
    ) }} as week_start_date
from weekdays
