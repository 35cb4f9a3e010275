-- Grain: one row per (kind, value) of identifiers that too many records held when contacts were made. Personal.
-- Written after them, so that a build that was cut off finds what they were made with.
-- depends_on: {{ ref('dim_customer_contact') }}
select
    kind,
    identifier_value
from {{ ref('int_shared_values') }}
