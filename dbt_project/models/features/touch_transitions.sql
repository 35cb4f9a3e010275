-- Grain: one row per (from_state, to_state). Key: both.
-- How often one touchpoint followed another, or a way began or ended with it: the mining job attribution reads it.
-- Ways without a purchase count once their 30 days are over.
with touches as (
    select * from {{ ref('touchpoint') }}
    where order_id is not null or cast(touched_at as date) <= {{ add_days(as_of_date(), -30) }}
),

steps as (
    select
        coalesce(lag(state) over (partition by journey_id order by touched_at, touchpoint_id), '(start)') as from_state,
        state as to_state
    from touches
    union all
    select
        max_by(state, touch_number) as from_state,
        case when max(order_id) is not null then '(purchase)' else '(none)' end as to_state
    from touches
    group by journey_id
)

select
    {{ as_of_date() }} as as_of_date,
    from_state,
    to_state,
    count(*) as transitions
from steps
group by from_state, to_state
