-- Grain: one row per line that a newer document of its order came without (docs/decisions.md, "Documents").
-- A document is an order with all of its lines: the landed row of an order whose lines are nested in it, or, of a
-- table with `whole_orders`, the order's lines of one load. Documents of one load with one cursor share a number:
-- nothing says which is the newer, so none takes away what the other has.
-- A row that was set aside, and says which line it is, is named by its document. Where one does not say it, the
-- document may have any line: it takes nothing away.
with parts as (
    select
        *,
        _reason is not null
        and (_reason like 'line_number: %' or _reason = 'order_id: a number that was rounded') as is_nameless,
        {{ utc_timestamp('_cursor', zone_of_source('source_system')) }} as cursor_at,
        {{ tried('_cursor', 'decimal(38, 9)') }} as cursor_number
    from {{ ref('int_order_lines__rows') }}
    where
        order_id is not null
        and {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
        and (
            _is_derived
            {%- for source, tables in var('whole_orders').items() %}
            or (source_system = '{{ source }}' and _table in ({{ text_list(tables) }}))
            {%- endfor %}
        )
),

nested_documents as (
    select
        source_system,
        order_id,
        _table,
        _file,
        _position,
        _sequence
    from {{ ref('int_orders__rows') }}
    where
        _fate <> 'quarantined'
        and not _is_derived
        and {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
        and (source_system, order_id, _table) in (
            select source_system, order_id, _table from parts
            where _is_derived
        )
),

whole_loads as (
    select
        source_system,
        order_id,
        _table,
        _file,
        _interval,
        _generation,
        max(_reading) as reading,
        max(cursor_at) as cursor_at,
        max(cursor_number) as cursor_number,
        max(case when cursor_at is null and cursor_number is null then _cursor end) as cursor_text
    from parts
    where not _is_derived
    group by source_system, order_id, _table, _file, _interval, _generation
),

whole_documents as (
    select
        *,
        rank() over (
            partition by source_system, order_id, _table
            order by
                reading nulls first, cursor_at nulls first, cursor_number nulls first, cursor_text nulls first,
                _interval, _generation
        ) as _sequence
    from whole_loads
),

readings as (
    select
        parts.source_system,
        parts.order_id,
        parts.line_number,
        parts._table,
        parts.is_nameless,
        coalesce(nested_documents._sequence, whole_documents._sequence) as document_number
    from parts
    left join nested_documents
        on
            parts._is_derived
            and parts.source_system = nested_documents.source_system
            and parts.order_id = nested_documents.order_id
            and parts._table = nested_documents._table
            and parts._file = nested_documents._file
            and parts._position = nested_documents._position
    left join whole_documents
        on
            not parts._is_derived
            and parts.source_system = whole_documents.source_system
            and parts.order_id = whole_documents.order_id
            and parts._table = whole_documents._table
            and parts._file = whole_documents._file
    where coalesce(nested_documents._sequence, whole_documents._sequence) is not null
),

documents as (
    select source_system, order_id, _table, _sequence as document_number from nested_documents
    union all
    select source_system, order_id, _table, _sequence as document_number from whole_documents
),

nameless_documents as (
    select distinct source_system, order_id, _table, document_number from readings
    where is_nameless
),

newest_documents as (
    select
        documents.source_system,
        documents.order_id,
        documents._table,
        max(documents.document_number) as document_number
    from documents
    left join nameless_documents using (source_system, order_id, _table, document_number)
    where nameless_documents.source_system is null
    group by documents.source_system, documents.order_id, documents._table
)

select
    readings.source_system,
    readings.order_id,
    readings.line_number,
    readings._table
from readings
inner join newest_documents using (source_system, order_id, _table)
where not readings.is_nameless
group by readings.source_system, readings.order_id, readings.line_number, readings._table
having max(readings.document_number) < max(newest_documents.document_number)
