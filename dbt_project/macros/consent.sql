{#
  May a customer be contacted: false without a grant, null only where no active source provides consents, and nothing else
  forbids it. `consents` is part_customer_consent.
#}
{% macro permission(columns) -%}
    {%- if var('providers').get('consents') -%}
    (
        {%- for column in columns %}coalesce({{ column }}, false){{ ' or ' if not loop.last }}{% endfor -%}
    )
    {%- else -%}
    case when consents.withheld_because is not null then false end
    {%- endif -%}
{%- endmacro %}

{# Why a permission is null or false; null where one is given. #}
{% macro consent_reason() -%}
    {%- if var('providers').get('consents') -%}
    case
        when consents.customer_id is null then 'no marketing consent on record'
        when consents.withheld_because is not null then consents.withheld_because
        when consents.can_email or consents.can_post or consents.can_call or consents.can_text then null
        when consents.has_unreadable then 'a consent on record cannot be read'
        else 'every marketing consent withdrawn'
    end
    {%- else -%}
    coalesce(consents.withheld_because, 'no active source provides consents')
    {%- endif -%}
{%- endmacro %}

{# Days without a campaign after each campaign contact. #}
{% macro contact_pause_days() -%}14{%- endmacro %}

{# The channels that a consent is given for, as rows. #}
{% macro each_consent_channel() -%}
    {%- for channel in consent_channels() -%}
        select '{{ channel }}' as channel{{ ' union all ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#
  Continues a `with`: what customers allow, one row per (customer_id, channel) of those who have said something or were
  deleted. The last readable word about marketing counts, of words at one instant the one that grants nothing; what cannot
  be read is no. Nobody is contacted who was deleted at one of their sources, or who objects to profiling, since lists are
  made of scores.

  records    relation of (customer_id, source_system, source_customer_id)
  by_as_of   what was said, and known, by the as-of date; else all that has landed
  also_said  relation of (customer_id, channel, purpose, is_readable, is_granted, changed_at): words that count beside those
             of the customer's own records
  gone       relation of (customer_id): customers who count as deleted, too
#}
{% macro customer_permissions(records, by_as_of, also_said=none, gone=none) -%}
said as (
    select
        records.customer_id,
        statements.channel,
        statements.purpose,
        statements.is_readable,
        statements.is_granted,
        statements.changed_at
    from {{ ref('int_consent_statements') }} as statements
    inner join {{ records }} as records
        on
            statements.source_system = records.source_system
            and statements.source_customer_id = records.source_customer_id
    {%- if by_as_of %}
    where
        coalesce(statements.changed_date, {{ beginning_of_time() }}) <= {{ as_of_date() }}
        and coalesce(statements.known_date, {{ beginning_of_time() }}) <= {{ as_of_date() }}
    {%- endif %}
    {%- if also_said %}
    union all
    select
        customer_id,
        channel,
        purpose,
        is_readable,
        is_granted,
        changed_at
    from {{ also_said }}
    {%- endif %}
),

statements as (
    select
        *,
        row_number() over (
            partition by customer_id, channel, purpose, is_readable
            order by changed_at desc, is_granted asc
        ) as statement_number
    from said
),

words as (
    select
        customer_id,
        channel,
        purpose,
        max(case when is_readable and statement_number = 1 and is_granted then 1 else 0 end) = 1 as is_granted,
        max(case when not is_readable then 1 else 0 end) = 1 as is_unreadable
    from statements
    group by customer_id, channel, purpose
),

objecting as (
    select distinct customer_id
    from words
    where purpose = 'profiling' and (is_unreadable or not is_granted)
),

record_states as (
    select
        source_system,
        source_customer_id,
        max_by(_op, _version) = 'delete' as is_deleted
    from {{ ref('int_customers__versions') }}
    where _fate = 'accepted'{% if by_as_of %} and {{ seen_by_as_of('_known_from') }}{% endif %}
    group by source_system, source_customer_id
),

deleted as (
    select distinct records.customer_id
    from {{ records }} as records
    inner join record_states
        on
            records.source_system = record_states.source_system
            and records.source_customer_id = record_states.source_customer_id
    where record_states.is_deleted
    {%- if gone %}
    union
    select customer_id from {{ gone }}
    {%- endif %}
),

customers as (
    select customer_id from words
    union
    select customer_id from deleted
),

judged as (
    select
        customers.customer_id,
        channels.channel,
        case
            when deleted.customer_id is not null then 'deleted at the source'
            when objecting.customer_id is not null then 'objects to profiling'
            when words.is_unreadable then 'not readable'
            when words.is_granted then 'granted'
            when words.customer_id is null then 'never asked'
            else 'withdrawn'
        end as reason
    from customers
    cross join ({{ each_consent_channel() }}) as channels
    left join words
        on
            customers.customer_id = words.customer_id
            and channels.channel = words.channel
            and words.purpose = 'marketing'
    left join objecting on customers.customer_id = objecting.customer_id
    left join deleted on customers.customer_id = deleted.customer_id
)

select
    customer_id,
    channel,
    reason = 'granted' as is_allowed,
    reason
from judged
{%- endmacro %}

{# What a relation of permissions (customer_permissions) says of each customer, its channels side by side. #}
{% macro channels_side_by_side(permissions) -%}
select
    customer_id,
    max(case when reason in ('deleted at the source', 'objects to profiling') then reason end) as withheld_because,
    max(case when channel = 'email' and is_allowed then 1 else 0 end) = 1 as can_email,
    max(case when channel = 'mail' and is_allowed then 1 else 0 end) = 1 as can_post,
    max(case when channel = 'phone' and is_allowed then 1 else 0 end) = 1 as can_call,
    max(case when channel = 'sms' and is_allowed then 1 else 0 end) = 1 as can_text,
    max(case when reason = 'not readable' then 1 else 0 end) = 1 as has_unreadable
from {{ permissions }}
group by customer_id
{%- endmacro %}

{#
  The records, or the names and addresses, of the customers of a published release (pipeline/lists/permissions.py writes
  them): what of the landing an export asks about.
#}
{% macro released(what) -%}
    read_parquet('{{ of_build("released_" ~ what) | replace("'", "''") }}')
{%- endmacro %}
