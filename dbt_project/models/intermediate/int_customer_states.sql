-- Grain: one row per (customer_id, valid_from): what the records of a customer say together from a day on. Personal.
-- Each day on which one of the records changes is a state, whether it changes the customer or not. Attributes are
-- resolved as in dim_customer, from the records that were there by then, so that another spelling in another record is
-- no change; the address is the one that changed last. Deleted: every record that described the customer is.
with versions as (
    select
        *,
        row_number() over (
            partition by customer_id order by version_date asc, valid_from asc, source_record_key desc
        ) as change_number
    from {{ ref('int_customer_history') }}
    where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
),

days as (
    select distinct
        customer_id,
        valid_from
    from versions
)

select
    days.customer_id,
    days.valid_from,
    coalesce(
        max(case when versions.kind = 'organisation' then versions.kind end),
        max(case when versions.record_number = 1 then versions.kind end),
        max_by(versions.kind, versions.record_number) filter (where versions.kind is not null)
    ) as kind,
    coalesce(
        max(case when versions.record_number = 1 then versions.country end),
        max_by(versions.country, versions.record_number) filter (where versions.country is not null)
    ) as country,
    coalesce(
        max(case when versions.record_number = 1 then versions.full_name end),
        max_by(versions.full_name, versions.record_number) filter (where versions.full_name is not null)
    ) as full_name,
    coalesce(
        max(case when versions.record_number = 1 then versions.email end),
        max_by(versions.email, versions.record_number) filter (where versions.email is not null)
    ) as email,
    coalesce(
        max(case when versions.record_number = 1 then versions.phone end),
        max_by(versions.phone, versions.record_number) filter (where versions.phone is not null)
    ) as phone,
    min_by(versions.acquisition_channel, versions.record_number) filter (where versions.acquisition_channel is not null)
        as acquisition_channel,
    max_by(versions.address, versions.change_number) filter (where versions.address is not null) as address,
    min(case when versions.is_deleted then 1 else 0 end) = 1 as is_deleted
from days
inner join versions
    on
        days.customer_id = versions.customer_id
        and days.valid_from >= versions.valid_from
        and days.valid_from < versions.valid_to
group by days.customer_id, days.valid_from
