-- Grain: one row per (source system, return) that an incremental build judges again; none in a full build.
-- Rows of it are new, or an exchange rate is: it values the returns in its currency from then on.
{% set built = as_built('intermediate', 'int_returns__rows') %}
with changed as (
    {{ changed_keys(['returns'], 'return_id') }}
),

rates as ( -- noqa: ST03
    {{ changed_keys(['fx_rates'], 'rate_date') }}
),

final as (
    select
        source_system,
        return_id
    from changed
    {%- if built %}
    union
    select
        source_system,
        {{ key_or_none('return_id') }} as return_id
    from {{ built }}
    where
        currency <> '{{ var("currency") }}'
        and {{ local_date('returned_at') }} >= (select min({{ tried('rate_date', 'date') }}) from rates)
    {%- endif %}
)

select * from final
{{ left_pending(['source_system', 'return_id']) }}
