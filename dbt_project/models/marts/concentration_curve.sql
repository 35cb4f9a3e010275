-- Grain: one row per (member, measure, point): the Lorenz curve, from point 0 (nobody) to everybody. Members stand
-- from the lowest value to the highest; point n has the members of the first n steps. Where values are negative, the
-- curve falls below zero first, and a value_share may be anything up to 1; where the sum is not positive there are
-- no shares.
with steps as (
    select
        member,
        measure,
        step,
        max(members) as members,
        max(place) as cumulative_members,
        sum(value) as value
    from {{ ref('part_concentration_member') }}
    where members >= fewest and not has_unknown
    group by member, measure, step
),

points as (
    select
        *,
        sum(value) over (
            partition by member, measure order by step rows between unbounded preceding and current row
        ) as cumulative,
        sum(value) over (partition by member, measure) as total
    from steps
),

starts as (
    select
        member,
        measure,
        0 as point,
        0 as cumulative_members,
        max(members) as members,
        0 as cumulative,
        sum(value) as total
    from steps
    group by member, measure
),

all_points as (
    select
        member,
        measure,
        step as point,
        cumulative_members,
        members,
        cumulative,
        total
    from points
    union all
    select * from starts
)

select
    member,
    measure,
    cast(point as bigint) as point,
    {{ as_of_date() }} as as_of_date,
    cast(cumulative_members as bigint) as cumulative_members,
    cast(cumulative as {{ contract_type('total') }}) as cumulative_value,
    {{ quotient('cumulative_members', 'members', 6) }} as member_share,
    case when total > 0 then {{ quotient('cumulative', 'total', 6) }} end as value_share
from all_points
