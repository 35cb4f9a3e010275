-- Grain: one row per (customer_id, channel, week_start_date): who got in touch with whom, and what nobody has answered.
-- A contact in is answered at once where somebody worked on it; else by the next contact out to the customer, in any
-- channel, or the next contact in that was answered, within seven days. Until then it waits. Known customers only.
{% set days = 7 %}

with contacts as (
    select
        customer_id,
        contact_id,
        channel,
        direction,
        contact_date,
        contacted_at,
        coalesce(direction = 'out', false) as is_out,
        coalesce(direction = 'in', false)
        and not coalesce(is_abandoned, false)
        and (coalesce(handle_seconds, 0) > 0 or coalesce(not is_abandoned, false) and handle_seconds is null)
            as is_answered_at_once
    from {{ ref('fct_contact') }}
    where customer_id <> 'unknown' and {{ by_as_of('contact_date') }}
),

followed as (
    select
        *,
        min(case when is_out or is_answered_at_once then contact_date end) over (
            partition by customer_id order by contacted_at asc, contact_id asc
            rows between 1 following and unbounded following
        ) as next_answer_date
    from contacts
),

judged as (
    select
        *,
        case
            when direction <> 'in' or is_answered_at_once then null
            when {{ days_between('contact_date', 'next_answer_date') }} <= {{ days }} then 'later'
            when {{ days_between('contact_date', as_of_date()) }} <= {{ days }} then 'waiting'
            else 'never'
        end as answered
    from followed
)

select
    judged.customer_id,
    judged.channel,
    weeks.week_start_date,
    {{ as_of_date() }} as as_of_date,
    count(case when judged.direction = 'in' then 1 end) as inbound_contacts,
    count(case when judged.is_out then 1 end) as outbound_contacts,
    count(case when judged.answered = 'later' then 1 end) as answered_later_contacts,
    count(case when judged.answered = 'waiting' then 1 end) as waiting_contacts,
    count(case when judged.answered = 'never' then 1 end) as unanswered_contacts,
    max(judged.contact_date) as last_contact_date
from judged
inner join {{ ref('dim_date') }} as weeks on judged.contact_date = weeks.date_day
group by judged.customer_id, judged.channel, weeks.week_start_date
