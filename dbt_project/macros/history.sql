{# History: which version of a row held on which day (docs/decisions.md). #}

{# Days before and after all others: a first version holds from the beginning of time, a current one to its end. #}
{% macro beginning_of_time() -%}cast('0001-01-01' as date){%- endmacro %}
{% macro end_of_time() -%}cast('9999-12-31' as date){%- endmacro %}

{#
  The versions of an entity's rows, dated: one row per (source system, key, valid_from).

  A version holds from the day of its cursor; where the cursor is no time, from the day it was known; in a first load
  from the day that the entity's time column says, and else ever since. A version whose cursor is no later than that of
  a version before it is not dated by it (a deletion that a scan found, a row that came back, one that was changed and
  not touched): it holds from the day it was known. A version that is older than one that comes after it in the order of
  versions never held: it was corrected. Only versions known on the as-of date count; of a key that
  came later, all. `chosen` is a relation of the keys to date, if not all.
#}
{% macro dated_versions(entity, chosen=none) -%}
{%- set spec = contract(entity) -%}
{%- set key = (['source_system'] + spec.key) | join(', ') -%}
with judged as (
    select
        source_system,
        {%- for column in spec.columns %}
        {{ column }},
        {%- endfor %}
        _version,
        _fate = 'accepted' as is_accepted,
        _op = 'delete' as is_deleted,
        {{ seen_by_as_of('_known_from') }} as is_known,
        {{ utc_timestamp(time_of_cursor('_cursor'), zone_of_source('source_system')) }} as cursor_at,
        _known_from
    from {{ ref('int_' ~ entity ~ '__versions') }}
    where
        _fate <> 'quarantined'
        {%- if chosen %}
        and ({{ key }}) in (select {{ key }} from {{ chosen }})
        {%- endif %}
),

-- A duplicate has the content of the version before it, and perhaps a later cursor.
placed as (
    select
        *,
        cursor_at <= max(cursor_at) over (
            partition by {{ key }} order by _version range between unbounded preceding and 1 preceding
        ) as is_undated,
        max(case when is_known then 1 else 0 end) over (partition by {{ key }}) = 1 as has_known
    from judged
),

dated as (
    select
        *,
        coalesce(
            {{ local_date(
                'coalesce(case when is_undated then _known_from end, cursor_at, _known_from'
                ~ (', ' ~ spec.time if spec.time else '') ~ ')'
            ) }}, {{ beginning_of_time() }}
        ) as version_date
    from placed
    where is_accepted and is_known = has_known
),

followed as (
    select
        *,
        min(version_date) over (
            partition by {{ key }} order by _version rows between 1 following and unbounded following
        ) as next_version_date
    from dated
)

select
    {{ key }},
    {%- for column in spec.columns if column not in spec.key %}
    case when not is_deleted then {{ column }} end as {{ column }},
    {%- endfor %}
    is_deleted,
    version_date
from followed
where next_version_date is null or version_date < next_version_date
{%- endmacro %}

{# The time zone of a source's local times, as an expression. #}
{% macro zone_of_source(column) -%}
    case {{ column }}
        {%- for source, zone in var('timestamps_in').items() %} when '{{ source }}' then '{{ zone }}'{% endfor %} else '{{ var("time_zone") }}' end
{%- endmacro %}

{# The cursor that a source wrote: where whole copies follow each other, it stands behind the copy's (`landed_cursor`). #}
{% macro time_of_cursor(column) -%}
    regexp_replace({{ column }}, '^[0-9]{8}T[0-9]{6}Z_[0-9]{8}T[0-9]{6}Z [0-9]{9}( |$)', '')
{%- endmacro %}

{#
  The customer as a number, by which joins are twice as fast as by its id: the hash in the id, without its first bit.
  'unknown' is 0. What is no customer_id has no number.
#}
{% macro customer_key(customer_id) -%}
    case when {{ customer_id }} = 'unknown' then 0 else {{ number_of_hash('substr(' ~ customer_id ~ ', 3)') }} end
{%- endmacro %}

{#
  The last 63 bits of 16 hexadecimal digits, which a bigint of every database holds: of 'ffffffffffffffff',
  9223372036854775807. Spark's conv() to the base -10 reads them as a signed number, -1, whose last 63 bits are the same.
  Digits and not md5_number_lower(), which reads the bytes of a hash from behind: Spark has none like it.
#}
{% macro number_of_hash(digits) -%}{{ return(adapter.dispatch('number_of_hash')(digits)) }}{%- endmacro %}
{% macro default__number_of_hash(digits) -%}
    cast(try_cast('0x' || {{ digits }} as ubigint) & 9223372036854775807 as bigint)
{%- endmacro %}
{% macro spark__number_of_hash(digits) -%}
    (cast(conv({{ digits }}, 16, -10) as bigint) & 9223372036854775807)
{%- endmacro %}

{# Whether the versions of a thing have numbers for keys: customers, who are many, do. Products, few, have texts. #}
{% macro has_number(thing) -%}{{ return(thing == 'customer') }}{%- endmacro %}

{#
  The key of the version of a thing that holds from a day. It depends on nothing else, so that a rebuild gives the same.
  That of the first version (no day) needs no look at the history: a customer's is its customer_key.
#}
{% macro version_key(thing, id, valid_from=none) -%}
    {%- set day = 'cast(' ~ valid_from ~ ' as ' ~ contract_type('text') ~ ')' if valid_from else "'0001-01-01'" -%}
    {%- set words = id ~ " || '#' || " ~ day -%}
    {%- if not has_number(thing) -%}
    {{ words }}
    {%- elif valid_from -%}
    {{ number_of_hash('substr(md5(' ~ words ~ '), 1, 16)') }}
    {%- else -%}
    {{ customer_key(id) }}
    {%- endif -%}
{%- endmacro %}

{#
  Versions with the days on which they held, and their keys. The relation has `<thing>_id`, version_number, the columns,
  changed, is_deleted, and valid_from, which of a first version does not count.
#}
{% macro dated_history(thing, relation, columns) -%}
{%- set id = thing ~ '_id' -%}
select
    case
        when version_number = 1 then {{ version_key(thing, id) }}
        else {{ version_key(thing, id, 'version_from') }}
    end as {{ thing }}_version_key,
    {{ id }},
    {%- if has_number(thing) %}
    {{ customer_key(id) }} as customer_key,
    {%- endif %}
    version_number,
    {%- for column in columns %}
    {{ column }},
    {%- endfor %}
    changed,
    is_deleted,
    next_from is null as is_current,
    version_from as valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to
from (
    select
        *,
        case when version_number = 1 then {{ beginning_of_time() }} else valid_from end as version_from,
        lead(valid_from) over (partition by {{ id }} order by version_number) as next_from
    from {{ relation }}
) as dated
{%- endmacro %}

{#
  The rows of a relation with the version of its `<thing>_id` that held on a date; the current one where there is no date.
  Most things have one version, and its key follows from the id: only the later ones are joined.
#}
{% macro with_version(thing, relation, date) -%}
{%- set id = relation ~ '.' ~ thing ~ '_id' -%}
select
    {{ relation }}.*,
    {%- if has_number(thing) %}
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

{# What a version changed, in words: 'country, address'; null where nothing was. `changes`: word: column; the values
   of the version before have the prefix. #}
{% macro changed_words(prefix, changes) -%}
    nullif(concat_ws(', '
            {%- for word, column in changes.items() -%}
            , case when {{ prefix }}{{ column }} is distinct from {{ column }} then '{{ word }}' end
            {%- endfor -%}
            ), '')
{%- endmacro %}

{#
  What the records of a customer say of an attribute, as an aggregate over them: the founding record (number 1) or, where
  it says nothing, the last that says it. One record of an organisation makes the customer an organisation.
#}
{% macro resolved_attribute(column, prefix='') -%}
    coalesce(
        {%- if column == 'kind' %}
        max(case when {{ prefix }}kind = 'organisation' then {{ prefix }}kind end),
        {%- endif %}
        max(case when {{ prefix }}record_number = 1 then {{ prefix }}{{ column }} end),
        max_by({{ prefix }}{{ column }}, {{ prefix }}record_number) filter (where {{ prefix }}{{ column }} is not null)
    )
{%- endmacro %}

{# What the first record that says it says of an attribute. #}
{% macro first_attribute(column, prefix='') -%}
    min_by({{ prefix }}{{ column }}, {{ prefix }}record_number) filter (where {{ prefix }}{{ column }} is not null)
{%- endmacro %}
