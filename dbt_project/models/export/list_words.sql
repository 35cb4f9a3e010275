-- Grain: one row per statement of a customer of a release about marketing or profiling, and one per deleted customer.
-- core.customer_permission judges it when lists are exported, in place of int_customer_words (pipeline/outputs/lists/
-- permissions.py).
-- Everything that has landed counts, also after the as-of date of the release. Whoever refuses e-mail refuses it for
-- the address, which other customers may share, and so it is with calls and the phone number. Whoever had contact
-- details, and whose records have left the newest copy of their sources, was deleted.
with records as (
    select * from {{ files_of('released_records') }}
),

contacts as (
    select
        customer_id,
        {{ normal_email('email') }} as email,
        {{ normal_phone('phone') }} as phone
    from {{ files_of('released_contacts') }}
),

described as (
    select
        source_system,
        source_customer_id,
        {{ normal_email('email') }} as email,
        {{ normal_phone('phone') }} as phone,
        _is_current
    from {{ ref('int_customers__rows') }}
    where _fate = 'accepted' and _op <> 'delete'
),

same_address as (
    {%- for channel, column in [('email', 'email'), ('phone', 'phone'), ('sms', 'phone')] %}
    select
        contacts.customer_id,
        described.source_system,
        described.source_customer_id,
        '{{ channel }}' as channel
    from contacts
    inner join described on contacts.{{ column }} = described.{{ column }}
    where contacts.{{ column }} <> ''
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

last_words as (
    select
        *,
        row_number() over (
            partition by source_system, source_customer_id, channel, purpose, is_readable
            order by changed_at desc, is_granted asc, status asc
        ) as statement_number
    from {{ ref('int_consent_statements') }}
    where purpose = 'marketing'
),

refused_at_address as (
    select
        same_address.customer_id,
        last_words.channel,
        last_words.purpose,
        last_words.is_readable,
        last_words.is_granted,
        case when last_words.status = 'deceased' then 'withdrawn' else last_words.status end as status,
        last_words.changed_at
    from last_words
    inner join same_address
        on
            last_words.source_system = same_address.source_system
            and last_words.source_customer_id = same_address.source_customer_id
            and last_words.channel = same_address.channel
    where last_words.statement_number = 1 and not last_words.is_granted
),

said as (
    select
        records.customer_id,
        statements.channel,
        statements.purpose,
        statements.is_readable,
        statements.is_granted,
        statements.status,
        statements.changed_at,
        false as is_deleted
    from {{ ref('int_consent_statements') }} as statements
    inner join records
        on
            statements.source_system = records.source_system
            and statements.source_customer_id = records.source_customer_id
    union all
    select
        *,
        false as is_deleted
    from refused_at_address
),

record_states as (
    select
        source_system,
        source_customer_id,
        max_by(_op, _version) <> 'upsert' as is_deleted
    from {{ ref('int_customers__rows') }}
    where _fate in ('accepted', 'excluded')
    group by source_system, source_customer_id
),

gone as (
    select contacts.customer_id
    from contacts
    inner join records on contacts.customer_id = records.customer_id
    left join described
        on
            records.source_system = described.source_system
            and records.source_customer_id = described.source_customer_id
            and described._is_current
    group by contacts.customer_id
    having count(described.source_customer_id) = 0
),

deleted as (
    select records.customer_id
    from records
    inner join record_states
        on
            records.source_system = record_states.source_system
            and records.source_customer_id = record_states.source_customer_id
    where record_states.is_deleted
    union
    select customer_id from gone
)

select * from said
union all
select
    customer_id,
    null as channel,
    null as purpose,
    null as is_readable,
    null as is_granted,
    null as status,
    null as changed_at,
    true as is_deleted
from deleted
