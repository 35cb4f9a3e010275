-- Grain: one row per key of order lines: the current accepted version, of lines that the newest document has.
{{ config(materialized='view') }}

{{ current_rows('order_lines') }} -- noqa: LT02
    and not exists (
        select 1
        from {{ ref('int_order_lines__gone') }} as gone
        where
            landed.source_system = gone.source_system
            and landed.order_id = gone.order_id
            and landed.line_number = gone.line_number
            and landed._table = gone._table
    )
