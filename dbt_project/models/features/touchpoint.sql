-- Grain: one row per touchpoint of a known customer by the as-of date. Key: touchpoint_id.
-- A touchpoint is what a campaign sent (control groups were sent nothing), what was answered, or a web session.
-- It belongs to the customer's next purchase, where that came within 30 days, else to none. journey_id: touchpoints
-- with the same end. state: the campaign or, without one, the channel.
-- A contact without a time counts from the beginning of its day.
with touched as (
    select
        'contact:' || contacts.campaign_contact_id as touchpoint_id,
        contacts.customer_id,
        campaigns.channel,
        contacts.campaign_id,
        coalesce(contacts.sent_at, cast(contacts.contact_date as timestamp)) as touched_at
    from {{ ref('fct_campaign_contact') }} as contacts
    inner join {{ ref('dim_campaign') }} as campaigns on contacts.campaign_id = campaigns.campaign_id
    where contacts.arm <> 'control' and {{ by_as_of('contacts.contact_date') }}
    union all
    select
        'response:' || responses.response_id as touchpoint_id,
        responses.customer_id,
        campaigns.channel,
        responses.campaign_id,
        responses.responded_at as touched_at
    from {{ ref('fct_campaign_response') }} as responses
    inner join {{ ref('dim_campaign') }} as campaigns on responses.campaign_id = campaigns.campaign_id
    where {{ by_as_of('responses.response_date') }}
    union all
    select
        'session:' || session_id as touchpoint_id,
        customer_id,
        'web' as channel,
        campaign_id,
        started_at as touched_at
    from {{ ref('fct_web_session') }}
    where {{ by_as_of('session_date') }}
),

happened as (
    select
        touchpoint_id,
        customer_id,
        channel,
        campaign_id,
        cast(null as {{ contract_type('text') }}) as order_id,
        touched_at as happened_at
    from touched
    where customer_id <> 'unknown'
    union all
    select
        null as touchpoint_id,
        customer_id,
        null as channel,
        null as campaign_id,
        order_id,
        ordered_at as happened_at
    from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown' and {{ by_as_of('order_date') }}
),

-- Purchases so far, the row's own left out: a purchase has the number of the touchpoints that lead to it.
numbered as (
    select
        *,
        count(order_id) over (
            partition by customer_id
            order by
                happened_at,
                case when order_id is null then 0 else 1 end,
                coalesce(order_id, touchpoint_id)
        ) - case when order_id is null then 0 else 1 end as journey_number
    from happened
),

led as (
    select
        touches.*,
        purchases.order_id as purchase_id,
        purchases.happened_at as ordered_at
    from numbered as touches
    left join numbered as purchases
        on
            touches.customer_id = purchases.customer_id
            and touches.journey_number = purchases.journey_number
            and touches.happened_at >= purchases.happened_at - interval 30 day
            and purchases.order_id is not null
    where touches.touchpoint_id is not null
)

select
    touchpoint_id,
    customer_id,
    channel,
    campaign_id,
    case when campaign_id <> 'unknown' then campaign_id else channel end as state,
    purchase_id as order_id,
    coalesce(purchase_id, customer_id || ':' || cast(journey_number as {{ contract_type('text') }})) as journey_id,
    row_number() over (
        partition by customer_id, journey_number, purchase_id order by happened_at, touchpoint_id
    ) as touch_number,
    count(*) over (partition by customer_id, journey_number, purchase_id) as touches,
    happened_at as touched_at,
    ordered_at
from led
