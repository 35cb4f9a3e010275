-- Grain: one row per customer who has used a channel of marketing: the one that the customer has used most often, by
-- getting in touch, or by clicking or responding. Of equals, the one used last.
with used as (
    select
        customer_id,
        channel,
        contact_date as used_date
    from {{ ref('fct_contact') }}
    where direction = 'in' and {{ by_as_of('contact_date') }}
    union all
    select
        contacts.customer_id,
        campaigns.channel,
        {{ local_date('coalesce(contacts.responded_at, contacts.clicked_at)') }} as used_date
    from {{ ref('fct_campaign_contact') }} as contacts
    inner join {{ ref('dim_campaign') }} as campaigns on contacts.campaign_id = campaigns.campaign_id
    where
        contacts.arm <> 'control'
        and coalesce(contacts.responded_at, contacts.clicked_at) is not null
        and {{ by_as_of('contact_date') }}
),

counted as (
    select
        customer_id,
        case channel
            when 'email' then 'email' when 'mail' then 'post' when 'phone' then 'call' else 'text'
        end as channel,
        count(*) as times,
        max(used_date) as last_used_date
    from used
    where
        customer_id <> 'unknown'
        and channel in ('email', 'mail', 'phone', 'sms')
        and used_date <= {{ as_of_date() }}
    group by customer_id, channel
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id order by times desc, last_used_date desc, channel asc) as place
    from counted
)

select
    customer_id,
    channel,
    times
from ranked
where place = 1
