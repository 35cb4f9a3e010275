-- Grain: one row per customer of customer_permission, as an export makes it, its channels side by side.
select
    customer_id,
    max(case when reason in ('deleted at the source', 'deceased', 'objects to profiling') then reason end)
        as withheld_because,
    max(case when channel = 'email' and is_allowed then 1 else 0 end) = 1 as can_email,
    max(case when channel = 'mail' and is_allowed then 1 else 0 end) = 1 as can_post,
    max(case when channel = 'phone' and is_allowed then 1 else 0 end) = 1 as can_call,
    max(case when channel = 'sms' and is_allowed then 1 else 0 end) = 1 as can_text,
    max(case when reason = 'not readable' then 1 else 0 end) = 1 as has_unreadable
from {{ ref('customer_permission') }}
group by customer_id
