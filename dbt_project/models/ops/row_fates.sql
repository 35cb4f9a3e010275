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

-- Rows of a whole table that were delivered again and are as they were: they are counted, and not landed again.
unchanged as (
    select
        source as source_system,
        "table" as table_name,
        file as landed_file,
        'none' as entity,
        'duplicate' as fate,
        'unchanged since the load before' as reason,
        unchanged as landed_rows
    from {{ planned_receipts() }}
    where unchanged > 0
),

-- Rows that models join, such as the names of categories, are of no entity.
lookups as (
    select
        source as source_system,
        "table" as table_name,
        file as landed_file,
        'lookup' as entity,
        'accepted' as fate,
        cast(null as {{ contract_type('text') }}) as reason,
        received - unreadable - unchanged as landed_rows
    from {{ planned_receipts() }}
    where
        received - unreadable - unchanged > 0
        and (
            1 = 0
            {%- for source, tables in var('lookups').items() %}
            or (source = '{{ source }}' and "table" in ({{ text_list(tables) }}))
            {%- endfor %}
        )
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
union all
select * from unchanged
union all
select * from lookups
