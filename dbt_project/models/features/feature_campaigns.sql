-- Grain: one row per (customer_id, as_of_date) of feature_purchases: campaigns received and answered. Key: both.
-- The control group of a campaign received nothing.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

received as (
    select
        contacts.customer_id,
        feature_dates.as_of_date,
        1 as received,
        0 as responses
    from {{ ref('fct_campaign_contact') }} as contacts
    inner join feature_dates
        on
            contacts.contact_date <= feature_dates.as_of_date
            and contacts.known_date <= feature_dates.as_of_date
            and contacts.contact_date > {{ add_days('feature_dates.as_of_date', -84) }}
    where contacts.arm <> 'control'
),

answered as (
    select
        responses.customer_id,
        feature_dates.as_of_date,
        0 as received,
        1 as responses
    from {{ ref('fct_campaign_response') }} as responses
    inner join feature_dates
        on
            responses.response_date <= feature_dates.as_of_date
            and responses.known_date <= feature_dates.as_of_date
            and responses.response_date > {{ add_days('feature_dates.as_of_date', -84) }}
),

counted as (
    select
        customer_id,
        as_of_date,
        sum(received) as campaigns_received_84d,
        sum(responses) as campaign_responses_84d
    from (
        select * from received
        union all
        select * from answered
    ) as events
    group by customer_id, as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('campaigns_received_84d', 'campaign_contacts') }},
        {{ feature('campaign_responses_84d', 'campaign_responses') }}
    from {{ ref('feature_purchases') }} as purchases
    left join counted
        on purchases.customer_id = counted.customer_id and purchases.as_of_date = counted.as_of_date
)

select * from final
