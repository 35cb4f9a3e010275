{#
  Cast, check, number and judge every staged row of an entity, once for all sources: continues a `with`. Each row gets one
  fate (docs/decisions.md, "Rows"). `_version` numbers the accepted versions of a key from the oldest to the newest;
  `_sequence` numbers the rows by what orders them: rows that nothing orders share a number. An excluded row ends its key like
  a deletion; but not beside another row of its load and cursor, which is then right.
#}
{% macro conform(entity) -%}
{%- set spec = contract(entity) -%}
{%- set sources = var('providers').get(entity, []) -%}
{%- set changed = ref(spec.changes_with[0]) if spec.changes_with -%}
{%- set spelled_columns = spec.words[1] if spec.words else [] -%}
{%- set parent_key = spec.parent[1] if spec.parent -%}
{%- set key = spec.key | join(', ') -%}
{#- Window: the rows of a key that are set aside, or those that are not, from the oldest version to the newest. -#}
{%- set by_cursor -%}
partition by source_system, {{ key }}, _is_ambiguous
            order by _reading nulls first, _cursor_at nulls first, _cursor_number nulls first, _cursor_text nulls first
{%- endset -%}
{%- set by_version -%}
{{ by_cursor }}, {% for column, value in spec.get('wins', {}).items() %}case when {{ column }} = '{{ value }}' then 1 else 0 end, {% endfor -%}
            _interval, _generation, case when _op = 'exclude' then 0 else 1 end, _position, _file
{%- endset -%}
{%- set carried = '_excluded, _is_derived, _zone, _first_instant' -%}
{%- if spec.changes_with and replaces_changed_keys() -%}
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
        {{ from_zone("'" ~ var("time_zone") ~ "'", "'" ~ var("first_interval_start").get(source, "1970-01-01") ~ "'") }} as _first_instant
    from {{ ref('stg_' ~ source ~ '__' ~ entity) }}
    where {{ condition }}
    {{ 'union all' if not (last_source and loop.last) }}
    {%- endfor %}
    {%- else %}
    -- No active source provides the entity.
    select
        {%- for column in ['source_system'] + spec.columns.keys() | list + ['_table', '_file', '_interval', '_op', '_cursor', '_excluded'] %}
        '' as {{ column }},
        {%- endfor %}
        cast(0 as bigint) as _generation,
        cast(0 as bigint) as _position,
        false as _is_derived,
        'UTC' as _zone,
        cast(null as timestamp) as _first_instant
    where 1 = 0
    {%- endfor %}
),

trimmed as (
    select
        source_system,
        {%- for column in spec.columns %}
        {{ staged_text(column) }} as {{ column }},
        {%- endfor %}
        {{ lineage_columns(op="case when _excluded is not null then 'exclude' else _op end") }},
        {{ carried }},
        nullif({{ trimmed('_cursor') }}, '') as _cursor
    from staged
),

as_text as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {% if column in spelled_columns %}coalesce({{ column }}_words.word, {{ staged_key(column, column) }})
        {%- elif type in ['decimal', 'rate', 'integer'] %}{{ plain_number(staged_key(column, column)) }}
        {%- elif type != 'text' and column not in spec.key %}case when not {{ says_missing(staged_key(column, column)) }} then {{ staged_key(column, column) }} end
        {%- else %}{{ staged_key(column, column) }}{% endif %} as {{ column }},
        {%- endfor %}
        {{ lineage_columns() }},
        {{ carried }},
        _cursor
    from trimmed
    {%- for column in spelled_columns %}
    left join {{ ref(spec.words[0]) }} as {{ column }}_words
        on
            {{ without(lower_case(staged_key(column, column)), '[^\\p{L}\\p{N}*]') }} = {{ column }}_words.spelling
            and {{ column }}_words.column_name = '{{ column }}'
    {%- endfor %}
),

exact as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {% if column in spec.get('sizes', {}) -%}
        case
            when {{ tried(column, 'double') }} < 0 and {{ tried(spec.sizes[column], 'double') }} > 0
                then {{ without(without_noise(column), '^-+') }}
            else {{ without_noise(column) }}
        end as {{ column }},
        {%- else -%}
        {{ (without_noise(column) ~ ' as ' ~ column) if type in ['decimal', 'rate'] else column }},
        {%- endif %}
        {%- endfor %}
        {{ lineage_columns() }},
        {{ carried }},
        _cursor
    from as_text
),

tried as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {{ column }},
        {{ (typed_column(column, type) ~ ' as _typed_' ~ column ~ ',') if type != 'text' }}
        {%- endfor %}
        {{ lineage_columns() }},
        {{ carried }},
        _cursor
    from exact
),

typed as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {{ '_typed_' if type != 'text' }}{{ column }} as {{ column }},
        {%- endfor %}
        {{ lineage_columns() }},
        {{ carried }},
        _cursor,
        -- A row that deletes, or is excluded, needs its key and nothing else.
        case
            {%- for column, (type, required) in spec.columns.items() if column in spec.key %}
            {{ column_checks(column, type, required, spec) }}
            {%- endfor %}
            when _op <> 'upsert' then null
            {%- for column, (type, required) in spec.columns.items() if column not in spec.key %}
            {{ column_checks(column, type, required, spec) }}
            {%- endfor %}
        end as _column_reason
    from tried
),

loads as (
    select
        file as _file,
        reading as _reading,
        {{ instant('read_at') }} as _read_at,
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
            when _column_reason is not null or _op <> 'upsert' then _column_reason
            {%- if spec.time %}
            when typed.{{ spec.time }} < {{ earliest_time() }} then '{{ spec.time }}: before 1900'
            {%- if not spec.may_be_planned %}
            when typed.{{ spec.time }} >= {{ latest_time('loads._read_at') }} then '{{ spec.time }}: {{ later_than_read() }}'
            {%- endif %}
            {%- endif %}
            {%- if spec.parent %}
            when parent_row.reason is not null or parent.source_system is null
                then '{{ parent_key }}: not among the accepted {{ spec.parent[0] }}'
                || coalesce(' (' || coalesce(parent_row.reason, parent_set_aside.reason) || ')', '')
            {%- endif %}
            {%- if 'currency' in spec.columns %}
            when typed.currency <> '{{ var("currency") }}' and coalesce(rates.first_rate_date > {{ local_date('typed.' ~ spec.time) if spec.time else 'typed.period_start_date' }}, true)
                then 'currency: no exchange rate to the reporting currency on its day'
            {%- endif %}
            {%- if spec.valued_by %}
            when valued_by.source_system is null and {{ spec.valued_by[1] }} is null
                then '{{ spec.valued_by[1] }}: missing, and there are no {{ spec.valued_by[0] }}'
            {%- endif %}
        end as _check_reason,
        {% if spec.parent -%}
        case
            when _op = 'exclude' then _excluded
            when _column_reason is not null or _op = 'delete' then null
            when coalesce(parent_row.is_excluded, parent.source_system is null and parent_set_aside.is_excluded)
                then '{{ parent_key }}: of an excluded row (' || coalesce(parent_row.reason, parent_set_aside.reason) || ')'
        end
        {%- else -%}_excluded{%- endif %} as _excluded_reason,
        -- What a deleted row had, such as the lines of an order, is gone with it.
        {{ 'coalesce(parent.is_current, false)' if spec.parent else 'true' }} as _has_parent
    from typed
    left join loads on typed._file = loads._file
    {%- if spec.parent %}
    left join parent on typed.source_system = parent.source_system and typed.{{ parent_key }} = parent.{{ parent_key }}
    left join parent_set_aside
        on
            typed.source_system = parent_set_aside.source_system
            and typed.{{ parent_key }} = parent_set_aside.{{ parent_key }}
    left join parent_row
        on
            typed._is_derived
            and typed.{{ parent_key }} = parent_row.{{ parent_key }}
            and typed._file = parent_row._file
            and typed._position = parent_row._position
    {%- endif %}
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
    left join valued_by using (source_system, {{ key }})
    {%- endif %}
    {{ read_once() }}
),

-- Most keys have one row: only the others are sorted and compared.
repeated_keys as (
    select
        source_system,
        {{ key }}
    from checked
    where _check_reason is null
    group by source_system, {{ key }}
    having count(*) > 1
),

single_rows as (
    select
        checked.*,
        coalesce(checked._excluded_reason, checked._check_reason) as _reason,
        case
            when checked._excluded_reason is not null then 'excluded'
            when checked._check_reason is null then 'accepted'
            else 'quarantined'
        end as _fate,
        checked._check_reason is null and checked._op = 'upsert' and checked._has_parent as _is_current,
        -- An excluded row without a valid key ends no version.
        case when checked._excluded_reason is null or checked._check_reason is null then 1 end as _version,
        1 as _sequence,
        checked._known_from as _first_known_from
    from checked
    left join repeated_keys using (source_system, {{ key }})
    where checked._check_reason is not null or repeated_keys.source_system is null
),

hashed as (
    select
        checked.*,
        {{ content_hash(spec.columns.keys() | list + ['_op']) }} as _row_hash,
        case when _op <> 'exclude' then _row_hash end as _hash_to_compare,
        {{ utc_timestamp('_cursor', '_zone') }} as _cursor_at,
        {{ tried('_cursor', 'decimal(38, 9)') }} as _cursor_number,
        -- A cursor is a time, a number or other text that sorts. None, or other text, is older than a time or a number.
        case when _cursor_at is null and _cursor_number is null then _cursor end as _cursor_text
    from checked
    inner join repeated_keys using (source_system, {{ key }})
    where checked._check_reason is null
),

judged as (
    select
        *,
        _op <> 'exclude' and min(_hash_to_compare) over same_load <> max(_hash_to_compare) over same_load as _is_ambiguous
    from hashed
    window same_load as (
        partition by
            source_system, {{ (spec.key + spec.get('wins', {}).keys() | list) | join(', ') }}, _interval, _generation,
            _cursor_at, _cursor_number, _cursor_text
    )
),

compared as (
    select
        *,
        lag(_row_hash) over ({{ by_version }}) as _previous_hash
    from judged
),

-- Neighbours with the same content are one version.
numbered as (
    select
        *,
        sum(case when _previous_hash is distinct from _row_hash then 1 else 0 end) over (
            {{ by_version }} rows between unbounded preceding and current row
        ) as _version,
        rank() over ({{ by_cursor }}, _interval, _generation) as _sequence
    from compared
),

-- The row of a version that was loaded first is accepted, so that the version is known since then.
ranked as (
    select
        *,
        row_number() over (
            partition by source_system, {{ key }}, _is_ambiguous, _version
            order by _reading nulls first, _interval, _generation, _position, _file
        ) as _number_in_version,
        max(_version) over (partition by source_system, {{ key }}, _is_ambiguous) as _last_version
    from numbered
),

fated as (
    select
        *,
        case
            when _is_ambiguous then '{{ key }}: different rows with the same key in one load'
            else _excluded_reason
        end as _reason,
        case
            when _op = 'exclude' then 'excluded'
            when _is_ambiguous then 'quarantined'
            when _number_in_version > 1 then 'duplicate'
            else 'accepted'
        end as _fate
    from ranked
),

repeated_rows as (
    select
        *,
        _fate = 'accepted' and _op = 'upsert' and _version = _last_version and _has_parent as _is_current,
        case
            when max(case when _fate = 'accepted' and _known_from is null then 1 else 0 end) over same_key = 0
                then min(case when _fate = 'accepted' then _known_from end) over same_key
        end as _first_known_from
    from fated
    window same_key as (partition by source_system, {{ key }})
)

{%- for relation in ['single_rows', 'repeated_rows'] %}
select
    source_system,
    {{ spec.columns | join(',\n    ') }},
    {{ lineage_columns() }},
    _cursor,
    _is_derived,
    _reason,
    _fate,
    _is_current,
    cast({{ '_version' if relation == 'single_rows' else "case when _fate <> 'excluded' or _number_in_version = 1 then _version end" }} as bigint) as _version,
    cast(_sequence as bigint) as _sequence,
    _reading,
    _known_from,
    _first_known_from
from {{ relation }}
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# The current accepted rows of an entity: known since their newest version, or their first (`changes_are_dated`). #}
{% macro current_rows(entity) -%}
{%- set spec = contract(entity) -%}
select
    source_system,
    {%- for column in spec.columns %}
    {{ column }},
    {%- endfor %}
    {{ '_first_known_from as _known_from' if spec.changes_are_dated else '_known_from' }}
from {{ ref('int_' ~ entity ~ '__rows') }} as landed
where _is_current
{%- endmacro %}

{% macro typed_column(column, type) -%}
    {%- if type == 'text' -%}
        {{ column }}
    {%- elif type == 'timestamp' -%}
        {{ utc_timestamp(column, '_zone') }}
    {%- elif type == 'integer' -%}
        {{ whole_number(column) }}
    {%- else -%}
        {{ tried(column, contract_type(type)) }}
    {%- endif -%}
{%- endmacro %}

{# Why a row is set aside that can be read, and is of a time that the source does not account for, or that cannot be. #}
{% macro before_first_interval() -%}before the first interval of the source{%- endmacro %}
{% macro later_than_read() -%}later than it was read{%- endmacro %}

{#
  `when` branches that name what is wrong with a column. try_cast alone is no check: it takes '0x10', '1_000' and 'infinity',
  and rounds '1.00005' and '3.7' without a word, so numbers are compared with a wider cast.
#}
{% macro column_checks(column, type, required, spec) -%}
    {%- set pattern = {
        'decimal': '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$', 'integer': '^[+-]?[0-9]+([.]0+)?$',
        'rate': '^([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$', 'date': '^[0-9]', 'timestamp': '^[0-9]',
    }.get(type) -%}
    {%- set allowed = spec.get('allowed', {}).get(column) -%}
    {%- if column in spec.key or column in ['source_customer_id', 'order_id', 'product_id'] %}
            when {{ matches(column, rounded_number()) }} then '{{ column }}: a number that was rounded'
            when {{ column }} like '#%' and {{ matches(column, spreadsheet_error()) }}
                then '{{ column }}: an error of a spreadsheet'
    {%- endif %}
    {%- if required %}
            when {{ column }} is null then '{{ column }}: missing'
    {%- endif %}
    {%- if pattern %}
            when not {{ matches(column, pattern) }} then '{{ column }}: not a {{ type }}'
    {%- endif %}
    {%- if type == 'decimal' %}
            when abs({{ tried(column, 'double') }}) >= 1e12 then '{{ column }}: a trillion or more'
    {%- endif %}
    {%- if type != 'text' %}
            when {{ column }} is not null and _typed_{{ column }} is null then '{{ column }}: not a {{ type }}'
    {%- endif %}
    {%- if type == 'decimal' %}
            when {{ tried(column, 'decimal(38, 16)') }} <> _typed_{{ column }}
                or (length({{ column }}) > 20 and {{ matches(column, '[.][0-9]{16}0*[1-9]') }})
                then '{{ column }}: more than {{ stored_digits() }} decimals'
    {%- endif %}
    {%- if column in spec.get('positive', []) %}
            when _typed_{{ column }} < 0
                {{- " and coalesce(line_type, '') <> 'adjustment'" if 'line_type' in spec.columns }} then '{{ column }}: negative'
    {%- endif %}
    {%- if type == 'timestamp' and required %}
            when _typed_{{ column }} < _first_instant then '{{ column }}: {{ before_first_interval() }}'
    {%- endif %}
    {%- if allowed %}
            when {{ column }} not in ({{ text_list(allowed) }}) then '{{ column }}: not one of {{ allowed | join(', ') }}'
    {%- endif %}
{%- endmacro %}
