{# Who is who: what an identifier looks like once its spelling is gone, and what identifies nobody (docs/decisions.md). #}

{# A value that more records hold than this is a shared line or a filler: it identifies nobody. #}
{% macro most_records_of_a_value() -%}20{%- endmacro %}

{# Lower case, without blanks and without the tag after a plus sign; null where it is no address. #}
{% macro normal_email(column) -%}
    regexp_extract(
        regexp_replace(lower(trim({{ column }})), '[+][^@]*@', '@'), '^[^@ ]+@[^@ ]+[.][^@ .]{2,}$'
    )
{%- endmacro %}

{#
  Digits in international form. A number with + or 00 says its country; another is one of the company's own country,
  which follows from its time zone (`home_numbers`). Null where there are not 8 to 15 digits, and for a number that was
  rounded (4.91511E+12).
#}
{% macro normal_phone(column) -%}
    {%- set digits = without(column, '[(]0[)]|(ext|x)[. ]*[0-9]+ *$|[^0-9]') -%}
    {%- set home = home_numbers() -%}
    regexp_extract(
        case
            when regexp_matches(trim({{ column }}), '{{ rounded_number() }}') then null
            when trim({{ column }}) like '+%' then {{ digits }}
            when {{ digits }} like '00%' then substr({{ digits }}, 3)
            {%- if home %}
            when {{ digits }} like '{{ home.code }}%' and length({{ digits }}) > {{ home.longest }} then {{ digits }}
            else '{{ home.code }}' || ltrim({{ digits }}, '0')
            {%- else %}
            else {{ digits }}
            {%- endif %}
        end, '^[0-9]{8,15}$'
    )
{%- endmacro %}

{# Street, house and postcode, without signs; null without a house number or a postcode. #}
{% macro normal_address(street, postcode) -%}
    case
        when regexp_matches({{ street }}, '[0-9]') and {{ postcode }} is not null
            then {{ normal_number(street) }} || '|' || {{ normal_number(postcode) }}
    end
{%- endmacro %}

{# Capital letters and digits; null for a number that was rounded, which is no longer one thing's own. #}
{% macro normal_number(column) -%}
    case
        when not regexp_matches(trim({{ column }}), '{{ rounded_number() }}')
            then {{ without('upper(' ~ column ~ ')', '[^0-9A-Z]') }}
    end
{%- endmacro %}

{# Calling code and longest number without it, of the country of the business time zone; none for other zones. #}
{% macro home_numbers() -%}
    {%- set codes = {
        'Asia/Singapore': ['65', 8], 'Asia/Hong_Kong': ['852', 8], 'Asia/Shanghai': ['86', 11], 'Asia/Taipei': ['886', 10],
        'Asia/Tokyo': ['81', 11], 'Asia/Seoul': ['82', 11], 'Asia/Kuala_Lumpur': ['60', 11], 'Asia/Bangkok': ['66', 10],
        'Asia/Jakarta': ['62', 13], 'Asia/Manila': ['63', 11], 'Asia/Kolkata': ['91', 11], 'Asia/Dubai': ['971', 10],
        'Australia/Sydney': ['61', 10], 'Australia/Melbourne': ['61', 10], 'Pacific/Auckland': ['64', 11],
        'America/New_York': ['1', 10], 'America/Chicago': ['1', 10], 'America/Denver': ['1', 10],
        'America/Los_Angeles': ['1', 10], 'America/Toronto': ['1', 10], 'America/Vancouver': ['1', 10],
        'America/Mexico_City': ['52', 10], 'America/Sao_Paulo': ['55', 12], 'Europe/London': ['44', 11],
        'Europe/Dublin': ['353', 10], 'Europe/Berlin': ['49', 13], 'Europe/Vienna': ['43', 13], 'Europe/Zurich': ['41', 10],
        'Europe/Paris': ['33', 10], 'Europe/Brussels': ['32', 10], 'Europe/Amsterdam': ['31', 10],
        'Europe/Madrid': ['34', 9], 'Europe/Lisbon': ['351', 9], 'Europe/Rome': ['39', 11], 'Europe/Warsaw': ['48', 9],
        'Europe/Prague': ['420', 9], 'Europe/Stockholm': ['46', 10], 'Europe/Oslo': ['47', 8],
        'Europe/Copenhagen': ['45', 8], 'Europe/Helsinki': ['358', 12], 'Africa/Johannesburg': ['27', 10],
    } -%}
    {%- set found = codes.get(var('time_zone')) -%}
    {{ return({'code': found[0], 'longest': found[1]} if found else none) }}
{%- endmacro %}

{# True for a normalised value that somebody typed because the field wanted one, or that hides who it is. #}
{% macro is_placeholder(kind, value) -%}
    {%- set digits = without(value, '[^0-9]') -%}
    case
        when {{ kind }} = 'email' then
            regexp_matches(split_part({{ value }}, '@', 1), '^({{ placeholder_words() | join("|") }})[0-9]*$')
            or regexp_matches({{ value }}, '@(.+[.])?({{ masked_mail_domains() | join("|") }})$')
            or regexp_matches({{ value }}, '[@.](relay|privaterelay|marketplace|masked|anonymous|noemail|noreply)[.]')
        when {{ kind }} = 'phone' then
            right({{ value }}, 6) = repeat(right({{ value }}, 1), 6)
            or regexp_matches({{ value }}, '^[0-9]{0,3}(01234567|0?12345678|0?123456789|0?1234567890|9?87654321?0?)$')
        when {{ kind }} = 'loyalty_id' then
            not regexp_matches({{ value }}, '[0-9].*[0-9].*[0-9]')
            or regexp_matches({{ value }}, '^[A-Z]*(0?123456789?0?)$')
            or {{ digits }} = repeat(right({{ digits }}, 1), length({{ digits }}))
        when {{ kind }} = 'account' then {{ value }} in ('NA', 'NONE', 'NIL', 'NULL', 'UNKNOWN', 'TEST') or {{ digits }} = repeat('0', length({{ value }}))
        else false
    end
{%- endmacro %}

{# What people and forms write before the @ when there is no address. #}
{% macro placeholder_words() -%}
    {{ return([
        'n[._-]?a', 'none', 'nil', 'null', 'nan', 'no', 'no[._-]?(e?mail|reply|one|body|address)', 'donotreply',
        'not[._-]?(available|applicable|provided|known)', 'unknown', 'anonymous', 'anon', 'guest', 'customer', 'test',
        'testing', 'tester', 'example', 'sample', 'demo', 'dummy', 'fake', 'x+', 'asdf', 'abc', 'aaa+', 'blank', 'missing',
        'removed', 'deleted', 'noemail', 'email', 'mail', 'me', 'user', 'name',
    ]) }}
{%- endmacro %}

{# Domains that give each sale or each shop another address of the same person. #}
{% macro masked_mail_domains() -%}
    {{ return([
        'marketplace[.]amazon[.][a-z.]+', 'members[.]ebay[.][a-z.]+', 'privaterelay[.]appleid[.]com',
        'guest[.]booking[.]com', 'guest[.]airbnb[.]com', 'users[.]noreply[.]github[.]com', 'mozmail[.]com', 'duck[.]com',
    ]) }}
{%- endmacro %}

{# The text without everything that a pattern matches. #}
{% macro without(text, pattern) -%}{{ return(adapter.dispatch('without')(text, pattern)) }}{%- endmacro %}
{% macro default__without(text, pattern) -%}regexp_replace({{ text }}, '{{ pattern }}', '', 'g'){%- endmacro %}
{% macro spark__without(text, pattern) -%}regexp_replace({{ text }}, '{{ pattern }}', ''){%- endmacro %}

{# The key of a record: a hash of its source and its id there, and of nothing else. #}
{% macro record_key(source_system, source_customer_id) -%}
    md5({{ source_system }} || '|' || {{ source_customer_id }})
{%- endmacro %}

{# The customer that a record founds, from the record's key. #}
{% macro customer_founded_by(record_key) -%}'c_' || substr({{ record_key }}, 1, 16){%- endmacro %}

{# Keeps the records that had been seen on the as-of date: no later one moves who a customer is. #}
{% macro seen_by_as_of(column) -%}
    ({{ column }} is null or {{ local_date(column) }} <= {{ as_of_date() }})
{%- endmacro %}

{#
  Connected components: (node, component) of every node of `edges` (from_node, to_node, both directions), the component
  being its smallest node. Exact for any graph; the number of steps is the longest of the shortest paths.
#}
{% macro connected_components(edges) -%}{{ return(adapter.dispatch('connected_components')(edges)) }}{%- endmacro %}
{% macro default__connected_components(edges) -%}
    with recursive reached (node, component) using key (node) as (
        select
            from_node,
            least(from_node, min(to_node))
        from {{ edges }}
        group by from_node
        union
        select
            edges.to_node,
            min(reached.component)
        from reached
        inner join {{ edges }} as edges on reached.node = edges.from_node
        inner join recurring.reached as known on edges.to_node = known.node
        where reached.component < known.component
        group by edges.to_node
    )
    select
        node,
        component
    from reached
{%- endmacro %}
