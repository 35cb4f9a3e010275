-- Grain: one row per coupon redemption. A day without a time: noon UTC is the same day in New York.
with coupon_redemptions as (
    select * from {{ landed('coupon_redemptions') }}
)

{{ stage('campaign_responses', 'coupon_redemptions', columns={
    'response_id': occurrence_key(['household_id', 'coupon_upc', 'campaign_id', 'redemption_date']),
    'campaign_id': 'campaign_id',
    'source_customer_id': 'household_id',
    'kind': "'coupon_redemption'",
    'responded_at': "strftime(redemption_date, '%Y-%m-%d 12:00:00')",
}) }}
