-- Grain: one row per statement of a customer about marketing or profiling in a channel, and one per deleted customer.
-- What was said, and known, by the as-of date (core.customer_permission judges it).
{{ config(materialized='view') }}

with records as (
    select * from {{ ref('int_source_customers') }}
),

said as (
    select
        records.customer_id,
        statements.channel,
        statements.purpose,
        statements.is_readable,
        statements.is_granted,
        statements.status,
        statements.changed_at,
        false as is_deleted
    from {{ ref('int_consent_statements') }} as statements
    inner join records
        on
            statements.source_system = records.source_system
            and statements.source_customer_id = records.source_customer_id
    where
        coalesce(statements.changed_date, {{ beginning_of_time() }}) <= {{ as_of_date() }}
        and coalesce(statements.known_date, {{ beginning_of_time() }}) <= {{ as_of_date() }}
),

record_states as (
    select
        source_system,
        source_customer_id,
        max_by(_op, _version) <> 'upsert' as is_deleted
    from {{ ref('int_customers__rows') }}
    where _fate in ('accepted', 'excluded') and {{ seen_by_as_of('_known_from') }}
    group by source_system, source_customer_id
),

deleted as (
    select distinct records.customer_id
    from records
    inner join record_states
        on
            records.source_system = record_states.source_system
            and records.source_customer_id = record_states.source_customer_id
    where record_states.is_deleted
)

select * from said
union all
select
    customer_id,
    null as channel,
    null as purpose,
    null as is_readable,
    null as is_granted,
    null as status,
    null as changed_at,
    true as is_deleted
from deleted
