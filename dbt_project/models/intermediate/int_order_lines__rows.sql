-- Grain: one row per landed row of order lines, with its fate. A line is set aside, or excluded, with its order.
with parent as (
    select
        source_system,
        order_id,
        max(case when _is_current then 1 else 0 end) = 1 as is_current
    from {{ ref('int_orders__rows') }}
    where
        _fate in ('accepted', 'duplicate')
        and {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
    group by source_system, order_id
),

set_aside as (
    select
        *,
        concat_ws(
            ' ',
            _interval,
            lpad(cast(_generation as {{ contract_type('text') }}), 18, '0'),
            lpad(cast(_position as {{ contract_type('text') }}), 18, '0'),
            _file
        ) as place
    from {{ ref('int_orders__rows') }}
    where
        _fate in ('quarantined', 'excluded')
        and {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
),

-- Why the newest row of an order was set aside.
parent_set_aside as (
    select
        source_system,
        order_id,
        max_by(_reason, place) as reason,
        max_by(_fate, place) = 'excluded' as is_excluded
    from set_aside
    group by source_system, order_id
),

-- Why the landed row was set aside that a nested line is a part of.
parent_row as (
    select
        order_id,
        _file,
        _position,
        min(_reason) as reason,
        max(_fate) = 'excluded' as is_excluded
    from set_aside
    where not _is_derived
    group by order_id, _file, _position
),

{{ conform('order_lines') }}
