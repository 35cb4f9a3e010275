-- Grain: one row per (source system, return) that an incremental build judges again; none in a full build.
-- Rows of it are new, or an exchange rate is: it values the returns in its currency from then on.
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
    {{ valued_by_new_rates('returns', 'rates') }}
)

select * from final
{{ left_pending(['source_system', 'return_id']) }}
