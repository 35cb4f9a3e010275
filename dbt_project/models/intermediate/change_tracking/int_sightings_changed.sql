-- Grain: one row per (source system, its customer id) of which an incremental build looks again when it was seen.
-- Rows of the customer or of its orders are new, or a row of another entity names it: those are read whole. None in a
-- full build.
-- noqa: disable=LT02
{% set orders = ref('int_orders__rows') %}
{% set changed_orders = ref('int_orders_changed') %}
{% set built = as_built('intermediate', 'int_customer_records') %}
{% set others = [] %}
{% set not_row_by_row = [] %}
{%- for entity, spec in contract().items() if 'source_customer_id' in spec.columns %}
    {%- set relation = ref('int_' ~ entity ~ '__rows') %}
    {%- do others.append(relation) if entity not in ['customers', 'orders'] and var('providers').get(entity) %}
{%- endfor %}
{%- for entity, sources in var('providers').items() %}
    {%- for source in sources if 'stg_' ~ source ~ '__' ~ entity not in var('row_by_row') %}
        {%- do not_row_by_row.append(source) %}
    {%- endfor %}
{% endfor %}

with named as (
    select
        source_system,
        source_customer_id
    from {{ ref('int_records_changed') }}
    {%- if built %}
    union all
    select
        source_system,
        source_customer_id
    from {{ orders }}
    where (source_system, {{ key_or_none('order_id') }}) in (select source_system, order_id from {{ changed_orders }})
    {%- for relation in others %}
    union all
    select
        source_system,
        source_customer_id
    from {{ relation }}
    {%- endfor %}
    -- A staging model that makes a row of anything but one landed row may lose a row, and with it who it named.
    union all
    select
        source_system,
        source_customer_id
    from {{ built }}
    where source_system in ({{ text_list(not_row_by_row) or "''" }})
    {%- endif %}
)

select distinct
    source_system,
    source_customer_id
from named
where source_customer_id is not null
