-- Grain: one row per customer number. Its country is the one on most of its lines.
with located as (
    select
        source_customer_id,
        country,
        count(*) as lines,
        {{ lineage_of_group() }}
    from {{ ref('base_online_retail_ii__lines') }}
    where source_customer_id is not null
    group by source_customer_id, country
),

placed as (
    select * from located
    qualify row_number() over (partition by source_customer_id order by lines desc, country asc) = 1
)

{{ stage('customers', 'placed', derived=true, columns={
    'source_customer_id': 'source_customer_id',
    'kind': "'organisation'",
    'country': 'country',
}) }}
