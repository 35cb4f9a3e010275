-- Grain: one row per stock code of goods. Its name is the description used most often.
with described as (
    select
        stock_code,
        description,
        count(*) as lines,
        {{ lineage_of_group() }}
    from {{ ref('base_online_retail_ii__lines') }}
    where line_type in ({{ text_list(goods_line_types()) }})
    group by stock_code, description
),

named as (
    select * from described
    qualify row_number() over (
        partition by stock_code
        order by (description is null) asc, lines desc, description asc
    ) = 1
)

{{ stage('products', 'named', derived=true, columns={
    'product_id': 'stock_code',
    'product_name': 'description',
}) }}
