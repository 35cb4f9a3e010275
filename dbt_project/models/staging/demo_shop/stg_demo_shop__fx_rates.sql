-- Grain: one row per (day, from currency, to currency).
with fx_rates as (
    select * from {{ landed('fx_rates') }}
)

{{ stage('fx_rates', 'fx_rates', columns={
    'from_currency': 'from_currency',
    'to_currency': 'to_currency',
    'rate': 'rate',
    'rate_date': 'rate_date',
}) }}
