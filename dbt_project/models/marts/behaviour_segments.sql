-- Grain: one row per customer_id with a purchase in the last three years. Key: customer_id.
-- Groups by when, at what price, how often and for how much customers buy (mining/behaviour).
select
    customer_id,
    cast(as_of_date as date) as as_of_date,
    run_id,
    model_version,
    behaviour_id,
    behaviour_name,
    behaviour_probability,
    unavailable_reason
from {{ scores('behaviour') }}
