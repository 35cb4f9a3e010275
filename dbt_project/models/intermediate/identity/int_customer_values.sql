-- Grain: one row per (record, kind, value) of identifiers that a record has or had, known by the as-of date. Personal.
-- verdict: what the value says by itself. A value that cannot be read keeps no trace but its row: identifier_value is
-- then empty.
{%- set record = ['source_system', 'source_customer_id'] %}

with current_versions as (
    select * from {{ ref('int_customers__known') }}
    where {{ only_changed(ref('int_record_history_changed'), record) }}
),

earlier_versions as (
    select
        versions.*,
        current_versions.source_record_key
    from {{ ref('int_customers__rows') }} as versions
    inner join current_versions
        on
            versions.source_system = current_versions.source_system
            and versions.source_customer_id = current_versions.source_customer_id
    where
        versions._fate = 'accepted' and versions._op <> 'delete' and not versions._is_current
        and {{ seen_by_as_of('versions._known_from') }}
),

versions as (
    select
        source_record_key, source_system, source_customer_id, kind,
        email, phone, loyalty_id, account_ref, street, postcode, true as is_current
    from current_versions
    union all
    select
        source_record_key, source_system, source_customer_id, kind,
        email, phone, loyalty_id, account_ref, street, postcode, false as is_current
    from earlier_versions
),

normalised as (
    select
        source_record_key,
        source_system,
        source_customer_id,
        coalesce(kind, 'person') as party,
        is_current,
        case when email is not null then coalesce({{ normal_email('email') }}, '') end as email,
        case when phone is not null then coalesce({{ normal_phone('phone') }}, '') end as phone,
        case when loyalty_id is not null then coalesce({{ normal_number('loyalty_id') }}, '') end as loyalty_id,
        case when account_ref is not null then coalesce({{ normal_number('account_ref') }}, '') end as account,
        -- Street, house and postcode; nothing without a house number or a postcode.
        case
            when street is null then null
            when regexp_matches(street, '[0-9]') and postcode is not null
                then coalesce({{ normal_number('street') }} || '|' || {{ normal_number('postcode') }}, '')
            else ''
        end as address
    from versions
),

named as (
    select * from normalised
    unpivot (identifier_value for kind in (email, phone, loyalty_id, account, address))
),

current_values as (
    select * from named
    where is_current
),

earlier_values as (
    select * from named
    where not is_current
),

held as (
    select
        source_record_key,
        source_system,
        source_customer_id,
        party,
        kind,
        identifier_value,
        is_current
    from current_values
    union all
    select
        earlier_values.source_record_key,
        earlier_values.source_system,
        earlier_values.source_customer_id,
        min(earlier_values.party) as party,
        earlier_values.kind,
        earlier_values.identifier_value,
        false as is_current
    from earlier_values
    left join current_values
        on
            earlier_values.source_record_key = current_values.source_record_key
            and earlier_values.kind = current_values.kind
            and earlier_values.identifier_value = current_values.identifier_value
    where current_values.kind is null
    group by
        earlier_values.source_record_key,
        earlier_values.source_system,
        earlier_values.source_customer_id,
        earlier_values.kind,
        earlier_values.identifier_value
),

digits as (
    select
        *,
        {{ without('identifier_value', '[^0-9]') }} as digits
    from held
),

-- What somebody typed because the field wanted something, or what hides who it is.
judged as (
    select
        *,
        case
            when kind = 'email'
                then
                    regexp_matches(
                        split_part(identifier_value, '@', 1), '^({{ var("identity").placeholder_words | join("|") }})[0-9]*$'
                    )
                    or regexp_matches(identifier_value, '@(.+[.])?({{ var("identity").masked_mail_domains | join("|") }})$')
                    or regexp_matches(
                        identifier_value, '[@.](relay|privaterelay|marketplace|masked|anonymous|noemail|noreply)[.]'
                    )
            when kind = 'phone'
                then
                    right(identifier_value, 6) = repeat(right(identifier_value, 1), 6)
                    or regexp_matches(
                        identifier_value,
                        '^[0-9]{0,3}(01234567|0?12345678|0?123456789|0?1234567890|9?87654321?0?)$'
                    )
            when kind = 'loyalty_id'
                then
                    not regexp_matches(identifier_value, '[0-9].*[0-9].*[0-9]')
                    or regexp_matches(identifier_value, '^[A-Z]*(0?123456789?0?)$')
                    or digits = repeat(right(digits, 1), length(digits))
            when kind = 'account'
                then
                    identifier_value in ('NA', 'NONE', 'NIL', 'NULL', 'UNKNOWN', 'TEST')
                    or digits = repeat('0', length(identifier_value))
            else false
        end as is_placeholder
    from digits
)

select
    source_record_key,
    source_system,
    source_customer_id,
    party,
    kind,
    identifier_value,
    is_current,
    case
        when identifier_value = '' then 'unreadable'
        when is_placeholder then 'placeholder'
        else 'identifies'
    end as verdict
from judged
