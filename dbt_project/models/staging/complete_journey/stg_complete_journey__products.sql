-- Grain: one row per product.
with products as (
    select * from {{ landed('products') }}
)

{{ stage('products', 'products', columns={
    'product_id': 'product_id',
    'product_name': 'product_type',
    'department': 'department',
    'category': 'product_category',
    'brand': 'brand',
}) }}
