-- Grain: one row per (customer_id of any release, the customer that it is today, valid_from).
-- An id means the customers of today that have its records: one, or several where it was split.
-- A list of a past day: valid_from <= day < valid_to. Of a day with several releases, an id means what it meant in any
-- of them, and in the one before.
{% set days = of_build('releases') | map(attribute='as_of_date') | map('string') | list + [of_build('as_of_date')] %}
{% set repeated = [] %}
{% for day in days if days.count(day) > 1 and day not in repeated %}{% do repeated.append(day) %}{% endfor %}
with held as (
    select distinct
        history.customer_id,
        coalesce(today.customer_id, 'unknown') as current_customer_id,
        history.valid_from,
        case
            when
                history.valid_to > history.valid_from
                {{ 'and history.valid_to not in (' ~ text_list(repeated) ~ ')' if repeated }}
                then history.valid_to
            else {{ add_days('history.valid_to', 1) }}
        end as valid_to
    from {{ ref('int_identity_history') }} as history
    left join {{ ref('int_source_customers') }} as today on history.source_record_key = today.source_record_key
),

-- Records come and go while others stay: what overlaps or follows at once is one span.
marked as (
    select
        *,
        max(valid_to) over (
            partition by customer_id, current_customer_id
            order by valid_from, valid_to
            rows between unbounded preceding and 1 preceding
        ) as known_to
    from held
),

numbered as (
    select
        *,
        sum(case when known_to >= valid_from then 0 else 1 end) over (
            partition by customer_id, current_customer_id
            order by valid_from, valid_to
            rows between unbounded preceding and current row
        ) as span_number
    from marked
),

spans as (
    select
        customer_id,
        current_customer_id,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from numbered
    group by customer_id, current_customer_id, span_number
),

meanings as (
    select
        customer_id,
        count(distinct case when current_customer_id <> 'unknown' then current_customer_id end) as customers
    from spans
    group by customer_id
)

select
    spans.customer_id,
    spans.current_customer_id,
    case
        when spans.current_customer_id = 'unknown' then 'gone'
        when spans.current_customer_id = spans.customer_id then 'current'
        when meanings.customers > 1 then 'split'
        else 'merged'
    end as kind,
    meanings.customers as current_customers,
    spans.valid_from,
    spans.valid_to
from spans
inner join meanings on spans.customer_id = meanings.customer_id
-- A record that is gone says nothing, where others of the customer are there.
where spans.current_customer_id <> 'unknown' or meanings.customers = 0
