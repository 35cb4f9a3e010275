-- Grain: one row per record of customers: the version known on the as-of date; of a record that came later, its newest.
-- Personal. Also of a record that nothing current names: int_customer_records says which records there are.
{% set columns = contract('customers').columns.keys() | list + ['_interval', '_generation', '_position'] %}
{% set record = ['source_system', 'source_customer_id'] %}

with versions as (
    select
        *,
        {{ seen_by_as_of('_known_from') }} as is_known
    from {{ ref('int_customers__rows') }}
    where
        _fate in ('accepted', 'excluded')
        and _version is not null
        and {{ only_changed(ref('int_record_history_changed'), record) }}
),

-- Most records: the newest version of all is known.
newest as (
    select
        source_system,
        {{ columns | join(',\n        ') }},
        coalesce(_known_from, created_at) as changed_at
    from versions
    where _is_current and is_known
),

earlier as (
    select
        versions.*,
        row_number() over (
            partition by versions.source_system, versions.source_customer_id
            order by versions.is_known desc, versions._version desc
        ) as version_number
    from versions
    left join newest
        on
            versions.source_system = newest.source_system
            and versions.source_customer_id = newest.source_customer_id
    where newest.source_customer_id is null and not (versions._is_current and versions.is_known)
),

known as (
    select * from newest
    union all
    select
        source_system,
        {{ columns | join(',\n        ') }},
        coalesce(_known_from, created_at) as changed_at
    from earlier
    where version_number = 1 and _op = 'upsert'
)

select
    {{ record_key('source_system', 'source_customer_id') }} as source_record_key,
    *
from known
