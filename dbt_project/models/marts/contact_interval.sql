-- Grain: one row per (queue, interval_start_at): half hours (UTC) in which customers got in touch. Queue: the channel.
-- Agents needed: with fewer, more than 5 % would give up, if the half hour went on. By Erlang A (Palm; Garnett,
-- Mandelbaum and Reiman 2002, Manufacturing & Service Operations Management 4): arrivals and handling at random, and
-- patience, estimated as the waiting of everybody per contact given up (Brown et al. 2005, JASA 100).
-- Its states j have weights w(j) = product over i to j of load / (min(i, n) + max(i - n, 0) * impatience);
-- impatience: mean time of handling over that of patience. P(abandon) = impatience * sum((j - n) w) / (load * sum(w)).
{% set most_lost = 0.05 %}

with contacts as (
    select
        channel as queue,
        date_trunc('hour', contacted_at)
        + case when extract(minute from contacted_at) >= 30 then interval 30 minute else interval 0 minute end
            as interval_start_at,
        contact_date,
        coalesce(is_abandoned, false) as is_abandoned,
        wait_seconds,
        case when not coalesce(is_abandoned, false) then handle_seconds end as handle_seconds
    from {{ ref('fct_contact') }}
    where direction = 'in' and {{ by_as_of('contact_date') }}
),

intervals as (
    select
        queue,
        interval_start_at,
        min(contact_date) as interval_date,
        count(*) as offered,
        count(case when not is_abandoned then 1 end) as answered,
        count(case when is_abandoned then 1 end) as abandoned,
        sum(wait_seconds) as wait_total,
        count(wait_seconds) as wait_known,
        max(wait_seconds) as longest_wait_seconds,
        sum(handle_seconds) as handle_total,
        count(handle_seconds) as handle_known
    from contacts
    group by queue, interval_start_at
),

queues as (
    select
        queue,
        cast(sum(handle_total) as double) / nullif(sum(handle_known), 0) as handle_seconds,
        cast(sum(wait_total) as double) / nullif(sum(abandoned), 0) as patience_seconds,
        case
            when coalesce(sum(handle_total), 0) = 0 then 'the time of handling is not known'
            when sum(abandoned) = 0 then 'nobody has given up, so patience is not known'
            when coalesce(sum(wait_total), 0) = 0 then 'waits are not known'
        end as unavailable_reason
    from intervals
    group by queue
),

loads as (
    select distinct
        intervals.queue,
        intervals.offered,
        intervals.offered * queues.handle_seconds / 1800 as erlangs,
        queues.handle_seconds / queues.patience_seconds as impatience
    from intervals
    inner join queues on intervals.queue = queues.queue
    where queues.unavailable_reason is null
),

numbers as (
    select row_number() over (order by date_day) as number
    from {{ ref('dim_date') }}
),

staffs as (
    select
        loads.*,
        numbers.number as agents
    from loads
    inner join numbers on numbers.number <= ceil(loads.erlangs + 4 * sqrt(loads.erlangs)) + 2
),

weights as (
    select
        staffs.queue,
        staffs.offered,
        staffs.agents,
        staffs.erlangs,
        staffs.impatience,
        states.number as state,
        sum(
            ln(
                staffs.erlangs
                / (least(states.number, staffs.agents) + greatest(states.number - staffs.agents, 0) * staffs.impatience)
            )
        ) over (partition by staffs.queue, staffs.offered, staffs.agents order by states.number) as log_weight
    from staffs
    inner join numbers as states on states.number <= 2 * staffs.agents + 100
),

losses as (
    select
        queue,
        offered,
        agents,
        max(impatience) * sum(greatest(state - agents, 0) * exp(log_weight))
        / (max(erlangs) * (1 + sum(exp(log_weight)))) as lost_share
    from weights
    group by queue, offered, agents
),

needed as (
    select
        queue,
        offered,
        min(agents) as agents_needed
    from losses
    where {{ rounded('lost_share', 9) }} <= {{ most_lost }}
    group by queue, offered
),

final as (
    select
        intervals.queue,
        intervals.interval_start_at,
        intervals.interval_date,
        case
            when queues.unavailable_reason is not null then queues.unavailable_reason
            when needed.agents_needed is null then 'more agents than the model counts'
        end as unavailable_reason,
        intervals.offered,
        intervals.answered,
        intervals.abandoned,
        {{ quotient('intervals.wait_total', 'intervals.wait_known', 2) }} as wait_seconds,
        intervals.longest_wait_seconds,
        {{ quotient('intervals.handle_total', 'intervals.handle_known', 2) }} as handle_seconds,
        cast(needed.agents_needed as bigint) as agents_needed
    from intervals
    inner join queues on intervals.queue = queues.queue
    left join needed on intervals.queue = needed.queue and intervals.offered = needed.offered
)

select * from final
