-- Grain: one row per article.
-- list_price and unit_cost are in SGD, without tax.
with products as (
    select * from {{ landed('products') }}
)

{{ stage('products', 'products', columns={
    'product_id': 'sku',
    'product_name': 'title',
    'department': 'department',
    'category': 'category',
    'brand': 'brand',
    'list_price': 'list_price',
    'unit_cost': 'unit_cost',
}) }}
