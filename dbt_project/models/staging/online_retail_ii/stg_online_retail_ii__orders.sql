-- Grain: one row per invoice that is no cancellation. 41 invoices were keyed over two minutes: the first counts.
with invoices as (
    select
        invoice,
        min(source_customer_id) as source_customer_id,
        min(invoiced_at) as invoiced_at,
        {{ lineage_of_group() }}
    from {{ ref('base_online_retail_ii__lines') }}
    where not is_cancellation
    group by invoice
)

{{ stage('orders', 'invoices', derived=true, columns={
    'order_id': 'invoice',
    'source_customer_id': 'source_customer_id',
    'currency': "'GBP'",
    'ordered_at': 'invoiced_at',
}) }}
