-- Grain: one row per row of marts.customer_360.
select
    customer_id,
    tier,
    segment_name,
    lifecycle_stage,
    as_of_date - getvariable('as_of') as days_from_as_of
from marts.customer_360
