-- Grain: one row per pair of records of a source whose numbers differ in leading zeros alone, as 1001 and 001001:
-- exports keep them or drop them. `other_record_key` is the record that the list of customers has.
-- verdict: 'link' where the list has one of the spellings; 'review' where it has several, or none. Few.
with records as (
    select
        records.source_system,
        records.source_record_key,
        records.source_customer_id,
        trim(leading '0' from records.source_customer_id) as number,
        case when known.source_record_key is not null then 1 else 0 end as is_listed
    from {{ ref('int_customer_records') }} as records
    left join {{ ref('int_customers__known') }} as known on records.source_record_key = known.source_record_key
    where {{ without('records.source_customer_id', '[0-9]') }} = '' and {{ seen_by_as_of('records.first_seen_at') }}
),

spelt as (
    select
        *,
        count(*) over (partition by source_system, number) as spellings,
        sum(is_listed) over (partition by source_system, number) as listed,
        first_value(source_record_key) over (
            partition by source_system, number
            order by is_listed desc, length(source_customer_id) desc
        ) as first_record_key
    from records
    where number <> ''
)

select
    source_record_key,
    first_record_key as other_record_key,
    case when listed = 1 then 'link' else 'review' end as verdict,
    case
        when listed > 1 then 'both are in the list of customers'
        when listed = 0 then 'no list of customers has one of them'
    end as reason
from spelt
where spellings > 1 and source_record_key <> first_record_key
