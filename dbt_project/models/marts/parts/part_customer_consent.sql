-- Grain: one row per customer with a marketing consent on the as-of date: what each channel's last change says.
-- Where records of a customer disagree, the later change wins; of changes at one instant, the withdrawal.
with changes as (
    select
        customer_id,
        channel,
        is_granted,
        row_number() over (
            partition by customer_id, channel
            order by changed_at desc, is_granted asc, consent_id asc
        ) as change_number
    from {{ ref('fct_consent') }}
    where purpose = 'marketing' and customer_id <> 'unknown' and {{ by_as_of('changed_date') }}
)

select
    customer_id,
    max(case when channel = 'email' and is_granted then 1 else 0 end) = 1 as can_email,
    max(case when channel = 'mail' and is_granted then 1 else 0 end) = 1 as can_post,
    max(case when channel = 'phone' and is_granted then 1 else 0 end) = 1 as can_call,
    max(case when channel = 'sms' and is_granted then 1 else 0 end) = 1 as can_text
from changes
where change_number = 1
group by customer_id
