-- Grain: one row per (record, change_number): the customers that a record was published as, and the one that it is now.
-- What the first release says holds from 0001-01-01 on; a change, from the as-of date of the release that says so.
-- An identity that a release of the same as-of date replaced holds from its valid_from until the same day.
with published as (
    select * from {{ ref('int_identity_ledger') }}
),

numbered as (
    select
        *,
        row_number() over (partition by source_record_key order by release_number desc) as from_the_last
    from published
),

last_published as (
    select * from numbered
    where from_the_last = 1
),

-- What this build changes is a change like those before it.
of_this_build as (
    select
        coalesce(records.source_record_key, last_published.source_record_key) as source_record_key,
        coalesce(records.source_system, last_published.source_system) as source_system,
        records.customer_id,
        records.match_rule,
        records.matched_to,
        records.match_weight,
        records.evidence,
        records.model_version,
        {{ as_of_date() }} as as_of_date,
        cast(null as bigint) as release_number
    from last_published
    full outer join {{ ref('int_source_customers') }} as records
        on last_published.source_record_key = records.source_record_key
    where records.customer_id is distinct from last_published.customer_id
),

changes as (
    select * from published
    union all
    select * from of_this_build
),

dated as (
    select
        *,
        row_number() over (
            partition by source_record_key order by release_number asc nulls last
        ) as change_number,
        max(as_of_date) over (
            partition by source_record_key
            order by release_number asc nulls last
            rows between unbounded preceding and current row
        ) as changed_on
    from changes
),

final as (
    select
        *,
        case
            when coalesce(release_number, 0) = coalesce((select min(release_number) from published), 0)
                then {{ beginning_of_time() }}
            else changed_on
        end as valid_from,
        lead(changed_on) over (partition by source_record_key order by change_number) as next_from
    from dated
)

select
    source_record_key,
    change_number,
    source_system,
    customer_id,
    match_rule,
    matched_to,
    match_weight,
    evidence,
    model_version,
    valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to,
    next_from is null as is_current
from final
where customer_id is not null
