-- Grain: one row per (source system, its customer id) of which an incremental build looks again when it was seen.
-- Rows of the customer or of its orders are new, or a row of another entity names it: those are read whole. None in a
-- full build.
{% set versions = versions_with('source_customer_id') %}
{% set others = var('providers').keys() | reject('in', ['customers', 'orders']) | list %}
{% set changed_orders = ref('int_changed_orders') %}
{% set built = as_built('intermediate', 'int_customer_records') %}
with named as (
    select
        source_system,
        source_customer_id
    from {{ ref('int_changed_records') }}
    {%- if built %}
    union all
    select
        source_system,
        source_customer_id
    from {{ versions.orders }}
    where (source_system, {{ key_or_none('order_id') }}) in (select source_system, order_id from {{ changed_orders }})
    {%- for entity, relation in versions.items() if entity in others %}
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
    where source_system in ({{ text_list(not_row_by_row()) or "''" }})
    {%- endif %}
)

select distinct
    source_system,
    source_customer_id
from named
where source_customer_id is not null
