-- Grain: one row per customer account of the shop.
-- account_no names the account of the sales system that the buyer buys for.
with customers as (
    select * from {{ landed('customers') }}
)

{{ stage('customers', 'customers', columns={
    'source_customer_id': 'customer_no',
    'kind': "'person'",
    'given_name': 'given_name',
    'family_name': 'family_name',
    'email': 'email',
    'phone': 'phone',
    'loyalty_id': 'loyalty_no',
    'street': 'street',
    'city': 'city',
    'postcode': 'postcode',
    'country': 'country',
    'acquisition_channel': 'signup_channel',
    'referred_by': 'referred_by',
    'account_ref': 'account_no',
    'birth_date': 'birth_date',
    'created_at': 'created_at',
}) }}
