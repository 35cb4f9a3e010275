-- Grain: one row per load (source, table, interval) that this build reads.
-- received = accepted + quarantined + duplicates + excluded; unreadable lines are among the quarantined.
with receipts as (
    select * from {{ planned_receipts() }}
),

fates as (
    select
        landed_file,
        sum(case when fate = 'accepted' then landed_rows else 0 end) as accepted,
        sum(case when fate = 'quarantined' then landed_rows else 0 end) as quarantined,
        sum(case when fate = 'duplicate' then landed_rows else 0 end) as duplicates,
        sum(case when fate = 'excluded' then landed_rows else 0 end) as excluded
    from {{ ref('row_fates') }}
    group by landed_file
),

read_later as (
    select
        landed_file,
        count(*) as landed_rows
    from {{ ref('int_rows_read_later') }}
    where not is_part
    group by landed_file
)

select
    receipts.source,
    receipts."table" as table_name,
    receipts."interval",
    receipts.generation,
    receipts.file as landed_file,
    receipts.load as load_kind,
    receipts.content_hash,
    receipts.received,
    cast(coalesce(fates.accepted, 0) as bigint) as accepted,
    cast(coalesce(fates.quarantined, 0) as bigint) as quarantined,
    cast(coalesce(fates.duplicates, 0) as bigint) as duplicates,
    cast(coalesce(fates.excluded, 0) as bigint) as excluded,
    cast(coalesce(read_later.landed_rows, 0) as bigint) as read_later,
    receipts.unreadable,
    receipts.unchanged,
    receipts.deleted,
    receipts.bytes,
    receipts.seconds,
    receipts.is_scanned,
    {{ joined('receipts.new_columns', ', ') }} as new_columns,
    {{ instant('receipts.interval_start') }} as window_start,
    {{ instant('receipts.interval_end') }} as window_end
from receipts
left join fates on receipts.file = fates.landed_file
left join read_later on receipts.file = read_later.landed_file
