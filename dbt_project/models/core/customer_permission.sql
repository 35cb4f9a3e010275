-- Grain: one row per (customer_id, channel) of customers who have said something of marketing, or were deleted.
-- The last readable word about marketing counts, of words at one instant the one that grants nothing; what cannot be
-- read is no. Nobody is contacted who was deleted at one of their sources, who has died, or who objects to profiling,
-- since lists are made of scores.
-- An export asks again, of all that has landed: it makes this model of models/export/list_words.
with said as (
    select * from {{ ref('int_customer_words') }}
),

deleted as (
    select distinct customer_id
    from said
    where is_deleted
),

statements as (
    select
        *,
        row_number() over (
            partition by customer_id, channel, purpose, is_readable
            order by changed_at desc, is_granted asc, status asc
        ) as statement_number
    from said
    where not is_deleted
),

words as (
    select
        customer_id,
        channel,
        purpose,
        max(case when is_readable and statement_number = 1 and is_granted then 1 else 0 end) = 1 as is_granted,
        max(case when is_readable and statement_number = 1 then status end) as status,
        max(case when not is_readable then 1 else 0 end) = 1 as is_unreadable
    from statements
    group by customer_id, channel, purpose
),

objecting as (
    select distinct customer_id
    from words
    where purpose = 'profiling' and (is_unreadable or not is_granted)
),

deceased as (
    select distinct customer_id
    from words
    where status = 'deceased'
),

customers as (
    select customer_id from words
    union
    select customer_id from deleted
)

select
    customers.customer_id,
    channels.channel,
    case
        when deleted.customer_id is not null then 'deleted at the source'
        when deceased.customer_id is not null then 'deceased'
        when objecting.customer_id is not null then 'objects to profiling'
        when words.is_unreadable then 'not readable'
        when words.is_granted then 'granted'
        when words.customer_id is null then 'never asked'
        when words.status in ('suppressed', 'bounced') then words.status
        else 'withdrawn'
    end as reason,
    reason = 'granted' as is_allowed
from customers
cross join (values ('email'), ('phone'), ('sms'), ('mail')) as channels (channel)
left join words
    on
        customers.customer_id = words.customer_id
        and channels.channel = words.channel
        and words.purpose = 'marketing'
left join deceased on customers.customer_id = deceased.customer_id
left join objecting on customers.customer_id = objecting.customer_id
left join deleted on customers.customer_id = deleted.customer_id
