-- Grain: one row per (list_id, exported_customer_id, arm): whom an exported list was for, and whom it held back.
-- An export writes both arms (pipeline/campaigns/assigned.py). A list counts once a source names it, in contacts or in
-- responses; whether others were used is unknown. The customer is the one who has the founding record of the
-- exported id now, so that a merged customer keeps the arms of both ids.
-- The lists of a campaign and a month are one campaign, so that small ones are judged together. is_entry: the first
-- list of the campaign that has the customer. Later lists are left to those whom the first has not changed, in one arm
-- more than in the other: their arms are not alike.

with exported as (
    select * from {{ ref('int_exported_arms') }}
),

returned as (
    select campaign_id as list_id from {{ ref('int_campaign_contacts') }}
    union
    select campaign_id as list_id from {{ ref('int_campaign_responses') }}
),

assigned as (
    select
        exported.list_name,
        exported.list_id,
        exported.customer_id as exported_customer_id,
        records.customer_id,
        exported.arm,
        exported.as_of_date,
        max(exported.objective) as objective,
        max(exported.channel) as channel,
        max(exported.offer) as offer,
        max(exported.unit_cost) as unit_cost,
        max(exported.control_share) as control_share,
        max(exported.horizon_days) as horizon_days
    from exported
    inner join returned on exported.list_id = returned.list_id
    inner join {{ ref('int_source_customers') }} as records
        on exported.customer_id = {{ customer_founded_by('records.source_record_key') }}
    group by
        exported.list_name, exported.list_id, exported.customer_id, records.customer_id, exported.arm,
        exported.as_of_date
)

select
    'perennial:' || substr(list_id, 1, length(list_id) - 3) as campaign_id,
    list_id,
    exported_customer_id,
    customer_id,
    arm,
    objective,
    channel,
    offer,
    unit_cost,
    control_share,
    horizon_days,
    as_of_date = min(as_of_date) over (partition by list_name, customer_id) as is_entry,
    {{ add_days('as_of_date', 1) }} as assigned_date
from assigned
