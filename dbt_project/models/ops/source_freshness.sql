-- Grain: one row per (source, table) that this build reads: how far it reaches, beside the newest of all sources.
with receipts as (
    select
        *,
        -- A corrected date brings the end back: the interval keeps its name.
        least({{ instant('interval_end') }}, {{ compact_instant('known_end') }}) as window_end,
        {{ instant('last_event_at') }} as event_at
    from {{ planned_receipts() }}
),

newest as (
    select max(window_end) as newest_end from receipts
),

tables as (
    select
        source,
        "table" as table_name,
        count(*) as loads,
        max(window_end) as landed_until,
        max(case when received > unchanged then window_end end) as changed_until,
        max(event_at) as last_event_at
    from receipts
    group by source, "table"
),

placed as (
    select
        tables.*,
        cast(
            floor({{ seconds_between('tables.landed_until', 'newest.newest_end') }} / 3600) as bigint
        ) as hours_behind,
        cast(
            case
                when tables.source is null then null
                {%- for name, hours in var('fresh_within_hours').items() %}
                when tables.source = '{{ name }}' then {{ hours }}
                {%- endfor %}
            end as bigint
        ) as fresh_within_hours
    from tables
    cross join newest
)

select
    source,
    table_name,
    loads,
    hours_behind,
    fresh_within_hours,
    coalesce(hours_behind > fresh_within_hours, false) as is_late,
    landed_until,
    changed_until,
    last_event_at
from placed
