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
    from {{ ref('int_customer_versions') }}
    where {{ only_changed(ref('int_changed_customers'), ['customer_id']) }}
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
    {%- for column in ['kind', 'country', 'full_name', 'email', 'phone'] %}
    {{ resolved_attribute(column, 'versions.') }} as {{ column }},
    {%- endfor %}
    {{ first_attribute('acquisition_channel', 'versions.') }} as acquisition_channel,
    max_by(versions.address, versions.change_number) filter (where versions.address is not null) as address,
    min(case when versions.is_deleted then 1 else 0 end) = 1 as is_deleted
from days
inner join versions
    on
        days.customer_id = versions.customer_id
        and days.valid_from >= versions.valid_from
        and days.valid_from < versions.valid_to
group by days.customer_id, days.valid_from
