-- Grain: one row per coupon redemption. The source has days, not times.
with coupon_redemptions as (
    select * from {{ landed('coupon_redemptions') }}
)

{{ stage('campaign_responses', 'coupon_redemptions', columns={
    'response_id': occurrence_key(['household_id', 'coupon_upc', 'campaign_id', 'redemption_date']),
    'campaign_id': 'campaign_id',
    'source_customer_id': 'household_id',
    'kind': "'coupon_redemption'",
    'responded_at': 'cast(redemption_date as date)',
}) }}
