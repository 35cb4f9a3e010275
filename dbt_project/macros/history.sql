{# History: which version of a row held on which day (docs/decisions.md). #}

{# Days before and after all others: a first version holds from the beginning of time, a current one to its end. #}
{% macro beginning_of_time() -%}cast('0001-01-01' as date){%- endmacro %}
{% macro end_of_time() -%}cast('9999-12-31' as date){%- endmacro %}

{#
  Continues a `with`: of the `versions` of rows, those that held, with the day from which they did (version_date). A version
  holds from the day of its cursor; where that is no time, or no later than that of a version before it, from the day it was
  known; in a first load from the day of `first_known`, or else ever since.
#}
{% macro held_versions(key, first_known=none) -%}
-- A duplicate has the content of the version before it, and perhaps a later cursor.
placed as (
    select
        *,
        cursor_at <= max(cursor_at) over (
            partition by {{ key }} order by _version range between unbounded preceding and 1 preceding
        ) as is_undated,
        max(case when is_known then 1 else 0 end) over (partition by {{ key }}) = 1 as has_known
    from versions
),

dated as (
    select
        *,
        coalesce(
            {{ local_date(
                'coalesce(case when is_undated then _known_from end, cursor_at, _known_from'
                ~ (', ' ~ first_known if first_known else '') ~ ')'
            ) }}, {{ beginning_of_time() }}
        ) as version_date
    from placed
    where is_accepted and is_known = has_known
),

-- A version that is older than one that comes after it never held: it was corrected.
held as (
    select *
    from dated
    qualify coalesce(version_date < min(version_date) over (
        partition by {{ key }} order by _version rows between 1 following and unbounded following
    ), true)
)
{%- endmacro %}

{# The time zone of a source's local times, as an expression. #}
{% macro zone_of_source(column) -%}
    case {{ column }}
        {%- for source, zone in var('timestamps_in').items() %} when '{{ source }}' then '{{ zone }}'{% endfor %} else '{{ var("time_zone") }}' end
{%- endmacro %}

{# The cursor that a source wrote: where whole copies follow each other, it stands behind the copy's (`landed`). #}
{% macro time_of_cursor(column) -%}
    {{ without(column, '^[0-9]{8}T[0-9]{6}Z_[0-9]{8}T[0-9]{6}Z [0-9]{9}( |$)') }}
{%- endmacro %}

{# The customer as a number, by which joins are twice as fast: the hash in the id, without its first bit; 0 of 'unknown'. #}
{% macro customer_key(customer_id) -%}
    case when {{ customer_id }} = 'unknown' then 0 else {{ number_of_hash('substr(' ~ customer_id ~ ', 3)') }} end
{%- endmacro %}

{#
  The last 63 bits of 16 hexadecimal digits, which a bigint of every database holds. Spark's conv() to the base -10 reads them
  as a signed number, whose last 63 bits are the same. It has nothing like md5_number_lower(), which reads bytes from behind.
#}
{% macro number_of_hash(digits) -%}{{ return(adapter.dispatch('number_of_hash')(digits)) }}{%- endmacro %}
{% macro default__number_of_hash(digits) -%}
    cast(try_cast('0x' || {{ digits }} as ubigint) & 9223372036854775807 as bigint)
{%- endmacro %}
{% macro spark__number_of_hash(digits) -%}
    (cast(conv({{ digits }}, 16, -10) as bigint) & 9223372036854775807)
{%- endmacro %}

{#
  The key of the version of a thing that holds from a day: a number for customers, who are many, a text for products. That of
  the first version (no day) needs no look at the history: a customer's is its customer_key.
#}
{% macro version_key(thing, id, valid_from=none) -%}
    {%- set day = 'cast(' ~ valid_from ~ ' as ' ~ contract_type('text') ~ ')' if valid_from else "'0001-01-01'" -%}
    {%- set words = id ~ " || '#' || " ~ day -%}
    {%- if thing != 'customer' -%}
    {{ words }}
    {%- elif valid_from -%}
    {{ number_of_hash('substr(md5(' ~ words ~ '), 1, 16)') }}
    {%- else -%}
    {{ customer_key(id) }}
    {%- endif -%}
{%- endmacro %}

{#
  The rows of a relation with the version of its `<thing>_id` that held on a date; the current one where there is no date.
  The key of the first version, mostly the only one, follows from the id: only the later ones are joined.
#}
{% macro with_version(thing, relation, date) -%}
{%- set id = relation ~ '.' ~ thing ~ '_id' -%}
select
    {{ relation }}.*,
    {%- if thing == 'customer' %}
    {{ customer_key(id) }} as customer_key,
    {%- endif %}
    coalesce(later.{{ thing }}_version_key, {{ version_key(thing, id) }}) as {{ thing }}_version_key
from {{ relation }}
left join {{ ref('dim_' ~ thing ~ '_history') }} as later
    on
        {{ id }} = later.{{ thing }}_id
        and coalesce({{ date }}, {{ as_of_date() }}) >= later.valid_from
        and coalesce({{ date }}, {{ as_of_date() }}) < later.valid_to
        and later.version_number > 1
{%- endmacro %}
