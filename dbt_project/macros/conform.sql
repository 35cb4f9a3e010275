{#
  Cast, check, number and judge every staged row of an entity, once for all sources.

  Each row gets one fate: accepted, duplicate (same key and content as the version before or after it) or quarantined
  with its reason. The versions of a key follow each other by their cursor, and where that is equal or missing by their
  load (`_version` numbers the accepted ones in this order). Of a database, which says what a key is (`reading`), the
  row that was read later is the later version, whatever its cursor says. Rows of one load that share key and cursor but
  differ are all quarantined, for nothing says which is right; but where the contract says it (`wins`).
#}
{% macro conform(entity) -%}
{%- set spec = contract(entity) -%}
{%- set sources = var('providers').get(entity, []) -%}
{%- set changed = ref(spec.changes_with[0]) if spec.changes_with -%}
with
{%- if spec.changes_with and is_increment() %}
landed_before as (
    {{ landed_before(changed, spec.changes_with[1]) }}
),
{%- endif %}

staged as (
    {%- for source in sources %}
    {%- set last_source = loop.last %}
    {%- for condition in staged_conditions(entity, spec, source) %}
    select
        *,
        '{{ var("timestamps_in").get(source, var("time_zone")) }}' as _zone,
        {{ local_midnight(var("first_interval_start").get(source, "1970-01-01")) }} as _first_instant
    from {{ ref('stg_' ~ source ~ '__' ~ entity) }}
    where {{ condition }}
    {{ 'union all' if not (last_source and loop.last) }}
    {%- endfor %}
    {%- else %}
    {{ empty_staged(spec) }}
    {%- endfor %}
),

as_text as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {% if column in spec.get('words', {}) %}{{ canonical_word(staged_key(column), spec.words[column]) }}
        {%- elif type in ['decimal', 'rate', 'integer'] %}{{ plain_number(staged_key(column)) }}
        {%- else %}{{ staged_key(column) }}{% endif %} as {{ column }},
        {%- endfor %}
        {{ lineage_columns() }},
        nullif(trim(_cursor), '') as _cursor,
        _is_derived,
        _zone,
        _first_instant
    from staged
),

exact as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {% if column in spec.get('sizes', {}) -%}
        case
            when try_cast({{ column }} as double) < 0 and try_cast({{ spec.sizes[column] }} as double) > 0
                then ltrim({{ without_noise(column) }}, '-')
            else {{ without_noise(column) }}
        end as {{ column }},
        {%- else -%}
        {{ (without_noise(column) ~ ' as ' ~ column) if type in ['decimal', 'rate'] else column }},
        {%- endif %}
        {%- endfor %}
        {{ lineage_columns() }},
        _cursor,
        _is_derived,
        _zone,
        _first_instant
    from as_text
),

typed as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {{ typed_column(column, type) }} as {{ column }},
        {%- endfor %}
        {{ lineage_columns() }},
        _cursor,
        _is_derived,
        _zone,
        -- A row that deletes needs its key and nothing else.
        case
            {%- for column, (type, required) in spec.columns.items() if column in spec.key %}
            {{ column_checks(column, type, required, spec) }}
            {%- endfor %}
            when _op = 'delete' then null
            {%- for column, (type, required) in spec.columns.items() if column not in spec.key %}
            {{ column_checks(column, type, required, spec) }}
            {%- endfor %}
        end as _column_reason
    from exact
),

loads as (
    select
        file as _file,
        reading as _reading,
        timezone('UTC', cast(read_at as timestamptz)) as _read_at,
        -- Rows of a later load are known from the last second of the newest interval that had landed when it was read.
        -- Rows of a first load, and of a table without history (which says nothing of when it was first true), are known
        -- from their event time: null.
        case when has_history and not is_first_reading then {{ compact_instant('known_end') }} - interval 1 second end
            as _known_from
    from {{ planned_receipts() }}
),

checked as (
    select
        typed.*,
        loads._reading,
        loads._known_from,
        case
            when _column_reason is not null or _op = 'delete' then _column_reason
            {%- if spec.time %}
            when typed.{{ spec.time }} < {{ earliest_time() }} then '{{ spec.time }}: before 1900'
            {%- if not spec.may_be_planned %}
            when typed.{{ spec.time }} >= {{ latest_time('loads._read_at') }} then '{{ spec.time }}: {{ later_than_read() }}'
            {%- endif %}
            {%- endif %}
            {%- for parent, column in spec.get('parents', {}).items() %}
            when {{ parent }}_row._reason is not null then {{ fallen_with(parent, column, parent ~ '_row._reason') }}
            when {{ parent }}.{{ column }} is null then {{ fallen_with(parent, column, parent ~ '_set_aside.reason') }}
            {%- endfor %}
            {%- if 'currency' in spec.columns %}
            when typed.currency <> '{{ var("currency") }}' and coalesce(rates.first_rate_date > {{ row_date(spec) }}, true)
                then 'currency: no exchange rate to the reporting currency on its day'
            {%- endif %}
            {%- if spec.valued_by %}
            when valued_by.source_system is null and {{ spec.valued_by[1] }} is null
                then '{{ spec.valued_by[1] }}: missing, and there are no {{ spec.valued_by[0] }}'
            {%- endif %}
        end as _check_reason,
        -- What a deleted row had, such as the lines of an order, is gone with it.
        true{% for parent in spec.get('parents', {}) %} and coalesce({{ parent }}.is_current, false){% endfor %} as _has_parents
    from typed
    left join loads on typed._file = loads._file
    {%- for parent, column in spec.get('parents', {}).items() %}
    left join (
        select
            source_system,
            {{ column }},
            max(case when _is_current then 1 else 0 end) = 1 as is_current
        from {{ ref('int_' ~ parent ~ '__versions') }}
        where _fate <> 'quarantined'
        {%- if spec.changes_with %}
            and {{ only_changed(ref(spec.changes_with[0]), ['source_system', spec.changes_with[1]]) }}
        {%- endif %}
        group by source_system, {{ column }}
    ) as {{ parent }}
        on typed.source_system = {{ parent }}.source_system and typed.{{ column }} = {{ parent }}.{{ column }}
    {{ set_aside_with(spec, parent, column) }}
    {%- endfor %}
    {%- if 'currency' in spec.columns %}
    left join (
        select
            from_currency,
            min(valid_from_date) as first_rate_date
        from {{ ref('int_exchange_rates') }}
        group by from_currency
    ) as rates on typed.currency = rates.from_currency
    {%- endif %}
    {%- if spec.valued_by %}
    left join ({{ staged_keys(spec.valued_by[0], spec) }}) as valued_by
        on typed.source_system = valued_by.source_system
        {%- for column in spec.key %} and typed.{{ column }} = valued_by.{{ column }}{% endfor %}
    {%- endif %}
),

-- Most keys have one row: only the others are sorted and compared.
repeated_keys as (
    select
        source_system,
        {{ spec.key | join(', ') }}
    from checked
    where _check_reason is null
    group by source_system, {{ spec.key | join(', ') }}
    having count(*) > 1
),

single_rows as (
    select
        checked.*,
        checked._check_reason as _reason,
        case when checked._check_reason is null then 'accepted' else 'quarantined' end as _fate,
        checked._check_reason is null and checked._op <> 'delete' and checked._has_parents as _is_current,
        1 as _version
        {{- ',\n        1 as _sequence' if has_parts(entity) }}
    from checked
    left join repeated_keys using (source_system, {{ spec.key | join(', ') }})
    where checked._check_reason is not null or repeated_keys.source_system is null
),

hashed as (
    select
        checked.*,
        {{ content_hash(spec.columns.keys() | list + ['_op']) }} as _row_hash,
        {{ utc_timestamp('_cursor', '_zone') }} as _cursor_at,
        try_cast(_cursor as decimal(38, 9)) as _cursor_number
    from checked
    inner join repeated_keys using (source_system, {{ spec.key | join(', ') }})
    where checked._check_reason is null
),

-- A cursor is a time, a number or other text that sorts. None at all, or other text, is older than a time or a number.
placed as (
    select
        *,
        case when _cursor_at is null and _cursor_number is null then _cursor end as _cursor_text
    from hashed
),

judged as (
    select
        *,
        min(_row_hash) over same_load <> max(_row_hash) over same_load as _is_ambiguous
    from placed
    window same_load as (
        partition by
            source_system, {{ (spec.key + spec.get('wins', {}).keys() | list) | join(', ') }}, _interval, _generation,
            _cursor_at, _cursor_number, _cursor_text
    )
),

compared as (
    select
        *,
        lag(_row_hash) over ({{ version_order(spec) }}) as _previous_hash
    from judged
),

-- Neighbours with the same content are one version.
numbered as (
    select
        *,
        sum(case when _previous_hash is distinct from _row_hash then 1 else 0 end) over (
            {{ version_order(spec) }} rows between unbounded preceding and current row
        ) as _version
        {%- if has_parts(entity) %},
        rank() over (
            partition by source_system, {{ spec.key | join(', ') }}, _is_ambiguous
            order by
                _reading nulls first, _cursor_at nulls first, _cursor_number nulls first, _cursor_text nulls first,
                _interval, _generation
        ) as _sequence
        {%- endif %}
    from compared
),

-- The row of a version that was loaded first is accepted, so that the version is known since then.
ranked as (
    select
        *,
        row_number() over (
            partition by source_system, {{ spec.key | join(', ') }}, _is_ambiguous, _version
            order by _reading nulls first, _interval, _generation, _position, _file
        ) as _number_in_version,
        max(_version) over (partition by source_system, {{ spec.key | join(', ') }}, _is_ambiguous) as _last_version
    from numbered
),

fated as (
    select
        *,
        case
            when _is_ambiguous then '{{ spec.key | join(", ") }}: different rows with the same key in one load'
        end as _reason,
        case
            when _is_ambiguous then 'quarantined'
            when _number_in_version > 1 then 'duplicate'
            else 'accepted'
        end as _fate
    from ranked
),

repeated_rows as (
    select
        *,
        _fate = 'accepted' and _op <> 'delete' and _version = _last_version and _has_parents as _is_current
    from fated
)
{%- if spec.parents %},

{{ rows_gone(spec) }}
{%- endif %}

{%- for relation in ['single_rows', 'repeated_rows'] %}
select
    {{ relation }}.source_system,
    {%- for column in spec.columns %}
    {{ relation }}.{{ column }},
    {%- endfor %}
    {{ lineage_columns(relation) }},
    {{ relation }}._cursor,
    {{ relation }}._is_derived,
    {{ relation }}._reason,
    {{ relation }}._fate,
    {{ relation }}._is_current{{ ' and gone.source_system is null' if spec.parents }} as _is_current,
    cast({{ relation }}._version as bigint) as _version,
    {%- if has_parts(entity) %}
    cast({{ relation }}._sequence as bigint) as _sequence,
    {%- endif %}
    {{ relation }}._known_from,
    {%- if relation == 'single_rows' %}
    {{ relation }}._known_from as _first_known_from
    {%- else %}
    case
        when max(
            case when {{ relation }}._fate = 'accepted' and {{ relation }}._known_from is null then 1 else 0 end
        ) over same_key = 0 then min(
            case when {{ relation }}._fate = 'accepted' then {{ relation }}._known_from end
        ) over same_key
    end as _first_known_from
    {%- endif %}
from {{ relation }}
{%- if spec.parents %}
left join gone
    on
        {{ relation }}.source_system = gone.source_system
        {%- for column in spec.key %}
        and {{ relation }}.{{ column }} = gone.{{ column }}
        {%- endfor %}
        and {{ relation }}._table = gone._table
{%- endif %}
{%- if relation == 'repeated_rows' %}
window same_key as (
    partition by {{ relation }}.source_system
    {%- for column in spec.key %}, {{ relation }}.{{ column }}{% endfor %}
)
{%- endif %}
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# Window: the rows of a key that are set aside, or those that are not, from the oldest version to the newest. #}
{% macro version_order(spec) -%}
partition by source_system, {{ spec.key | join(', ') }}, _is_ambiguous
            order by
                _reading nulls first, _cursor_at nulls first, _cursor_number nulls first, _cursor_text nulls first,
                {%- for column, value in spec.get('wins', {}).items() %}
                case when {{ column }} = '{{ value }}' then 1 else 0 end,
                {%- endfor %}
                _interval, _generation, _position, _file
{%- endmacro %}

{#
  The keys of an entity that the staged rows of another one name. In an increment the other one's rows of earlier files
  are those that the warehouse has judged.
#}
{% macro staged_keys(entity, spec) -%}
    {%- set names = [] -%}
    {%- for column in spec.key -%}{%- do names.append(staged_key(column) ~ ' as ' ~ column) -%}{%- endfor -%}
    {%- set selects = [] -%}
    {%- for source in var('providers').get(entity, []) -%}
        {%- set conditions = staged_conditions(entity, spec, source) -%}
        {%- do selects.append(
            'select distinct source_system, ' ~ names | join(', ') ~ ' from ' ~ ref('stg_' ~ source ~ '__' ~ entity)
            ~ ' where ' ~ conditions[0]) -%}
        {%- if conditions | length > 1 -%}
            {%- do selects.append(
                'select source_system, ' ~ spec.key | join(', ') ~ ' from '
                ~ as_built('intermediate', 'int_' ~ entity ~ '__versions') ~ " where source_system = '" ~ source ~ "' and "
                ~ only_changed(ref(spec.changes_with[0]), ['source_system', spec.changes_with[1]])) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ selects | join('\n    union\n    ')
        or "select '' as source_system, '' as " ~ spec.key | join(", '' as ") ~ ' where 1 = 0' }}
{%- endmacro %}

{#
  The current accepted rows of an entity. Where changes carry their own dates (`changes_are_dated`), a row is known since
  its first version, else since its newest.
#}
{% macro current_rows(entity) -%}
{%- set spec = contract(entity) -%}
select
    source_system,
    {%- for column in spec.columns %}
    {{ column }},
    {%- endfor %}
    {{ '_first_known_from as _known_from' if spec.changes_are_dated else '_known_from' }}
from {{ ref('int_' ~ entity ~ '__versions') }}
where _is_current
{%- endmacro %}

{# The day of a typed row of an entity in the business time zone. #}
{% macro row_date(spec) -%}
    {{ local_date('typed.' ~ spec.time) if spec.time else 'typed.period_start_date' }}
{%- endmacro %}

{# An entity that no active source provides: no rows, right columns. #}
{% macro empty_staged(spec) -%}
    select
        '' as source_system,
        {%- for column in spec.columns %}
        '' as {{ column }},
        {%- endfor %}
        '' as _table,
        '' as _file,
        '' as _interval,
        cast(0 as bigint) as _generation,
        cast(0 as bigint) as _position,
        '' as _op,
        '' as _cursor,
        false as _is_derived,
        'UTC' as _zone,
        cast(null as timestamp) as _first_instant
    where 1 = 0
{%- endmacro %}

{% macro typed_column(column, type) -%}
    {%- if type == 'text' -%}
        {{ column }}
    {%- elif type == 'timestamp' -%}
        {{ utc_timestamp(column, '_zone') }}
    {%- else -%}
        try_cast({{ column }} as {{ contract_type(type) }})
    {%- endif -%}
{%- endmacro %}

{# What the text of a type looks like. try_cast also takes '0x10', '1_000' and 'infinity'. #}
{% macro type_pattern(type) -%}
    {{ return({
        'decimal': '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$',
        'rate': '^([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$',
        'integer': '^[+-]?[0-9]+([.]0+)?$',
        'date': '^[0-9]',
        'timestamp': '^[0-9]',
    }.get(type)) }}
{%- endmacro %}

{# Why a row is set aside that can be read, and is of a time that the source does not account for, or that cannot be. #}
{% macro before_first_interval() -%}before the first interval of the source{%- endmacro %}
{% macro later_than_read() -%}later than it was read{%- endmacro %}

{#
  `when` branches that name what is wrong with a column. try_cast alone is no check: it rounds '1.00005' and
  '3.7' without a word, so numbers are compared with a wider cast.
#}
{% macro column_checks(column, type, required, spec) -%}
    {%- set allowed = spec.get('allowed', {}).get(column) -%}
    {%- if column in spec.key or column in ['source_customer_id', 'order_id', 'product_id'] %}
            when regexp_matches({{ column }}, '{{ rounded_number() }}') then '{{ column }}: a number that was rounded'
    {%- endif %}
    {%- if required %}
            when {{ column }} is null then '{{ column }}: missing'
    {%- endif %}
    {%- if type_pattern(type) %}
            when not regexp_matches({{ column }}, '{{ type_pattern(type) }}') then '{{ column }}: not a {{ type }}'
    {%- endif %}
    {%- if type == 'decimal' %}
            when abs(try_cast({{ column }} as double)) >= 1e12 then '{{ column }}: a trillion or more'
    {%- endif %}
    {%- if type != 'text' %}
            when {{ column }} is not null and {{ typed_column(column, type) }} is null then '{{ column }}: not a {{ type }}'
    {%- endif %}
    {%- if type == 'decimal' %}
            when try_cast({{ column }} as decimal(38, 16)) <> try_cast({{ column }} as decimal(18, 4))
                then '{{ column }}: more than 4 decimals'
    {%- endif %}
    {%- if column in spec.get('positive', []) %}
            when try_cast({{ column }} as decimal(18, 4)) < 0
                {{- " and coalesce(line_type, '') <> 'adjustment'" if 'line_type' in spec.columns }} then '{{ column }}: negative'
    {%- endif %}
    {%- if type == 'timestamp' and required %}
            when {{ typed_column(column, type) }} < _first_instant then '{{ column }}: {{ before_first_interval() }}'
    {%- endif %}
    {%- if allowed %}
            when {{ column }} not in ({{ text_list(allowed) }}) then '{{ column }}: not one of {{ allowed | join(', ') }}'
    {%- endif %}
{%- endmacro %}
