-- Grain: one row per (source system, its customer id) of which an incremental build may know another version; none in a
-- full build. It has new rows, or one that the as-of date has moved past.
{% set versions = ref('int_customers__rows') %}
select
    source_system,
    source_customer_id
from {{ ref('int_records_changed') }}
{%- if as_built('intermediate', 'int_customers__rows') %}
union
select
    source_system,
    source_customer_id
from {{ versions }}
where {{ local_date('_known_from') }} > {{ earlier_as_of_date() }}
{%- endif %}
