-- Grain: one row per (source, table, landed file, entity, fate, reason). Sums of rows equal what was received.
with unreadable as (
    select
        source as source_system,
        "table" as table_name,
        file as landed_file,
        'none' as entity,
        'quarantined' as fate,
        'line: not readable' as reason,
        unreadable as landed_rows
    from {{ planned_receipts() }}
    where unreadable > 0
),

judged as (
    select
        source_system,
        table_name,
        landed_file,
        entity,
        fate,
        reason,
        count(*) as landed_rows
    from {{ ref('int_row_fates') }}
    group by source_system, table_name, landed_file, entity, fate, reason
)

select * from judged
union all
select * from unreadable
