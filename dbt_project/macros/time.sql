{# Time. Timestamps are kept in UTC; dates are days of the business time zone. #}

{#
  Text to a UTC timestamp: a day is a business day, an offset in the text wins, else it is local time of `zone`. Text
  that says anything else (PST, an hour of 13 PM) is null: nothing is dropped from a value.
#}
{% macro utc_timestamp(column, zone) -%}
    {%- set day = '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}' -%}
    {%- set time = day ~ '[ T]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?' -%}
    {%- set half = ' *[AP][.]?M[.]?' -%}
    {%- set offset = ' *(Z|UTC|GMT|[-+](0[0-9]|1[0-3])(:?[0-5][0-9])?|[-+]14(:?00)?)' -%}
    {%- set text = 'upper(' ~ column ~ ')' -%}
    {%- set clock_of_day = extracted(text, 'M[.]?(' ~ offset ~ ')$', 1) -%}
    case
        when {{ matches(column, '^' ~ day ~ '$') }}
            then {{ from_zone("'" ~ var("time_zone") ~ "'", column) }}
        when {{ matches(column, '^' ~ time ~ '$') }}
            then {{ from_zone(zone, "replace(" ~ column ~ ", ',', '.')") }}
        when {{ matches(text, '^' ~ time ~ offset ~ '$') }} then {{ from_offset(text) }}
        when {{ matches(text, '^' ~ time ~ half ~ '$') }} then {{ from_zone(zone, in_24_hours(text)) }}
        when {{ matches(text, '^' ~ time ~ half ~ offset ~ '$') }}
            then {{ from_offset(in_24_hours(text) ~ ' || ' ~ clock_of_day) }}
        when {{ matches(text, '^' ~ time ~ '$') }} then {{ from_zone(zone, "replace(" ~ text ~ ", ',', '.')") }}
    end
{%- endmacro %}

{#
  Whether something can have happened at a UTC timestamp: from 1900 on, and not after it was read (`read_at`, UTC; null: not
  known), plus the largest offset there is. The landing judges event times by it (pipeline/landing/events.py).
#}
{% macro is_possible_time(instant, read_at) -%}
    ({{ instant }} >= {{ earliest_time() }} and {{ instant }} < {{ latest_time(read_at) }})
{%- endmacro %}
{% macro earliest_time() -%}timestamp '1900-01-01 00:00:00'{%- endmacro %}
{% macro latest_time(read_at) -%}
    coalesce({{ read_at }} + interval 14 hour, timestamp '9999-01-01 00:00:00')
{%- endmacro %}

{# Local time of a zone, as text, to UTC. Where the clock shows an hour twice, the second one. #}
{% macro from_zone(zone, text) -%}{{ return(adapter.dispatch('from_zone')(zone, text)) }}{%- endmacro %}
{% macro default__from_zone(zone, text) -%}
    timezone('UTC', timezone({{ zone }}, try_cast({{ text }} as timestamp)))
{%- endmacro %}
{% macro spark__from_zone(zone, text) -%}
    element_at(transform(array({{ clock_time(text) }}), clock -> case
        when from_utc_timestamp(to_utc_timestamp(clock + interval 3 hours, {{ zone }}) - interval 3 hours, {{ zone }}) = clock
            then cast(to_utc_timestamp(clock + interval 3 hours, {{ zone }}) - interval 3 hours as timestamp_ntz)
        else cast(to_utc_timestamp(clock, {{ zone }}) as timestamp_ntz)
    end), 1)
{%- endmacro %}

{# A time with its offset, as text in capital letters, to UTC. #}
{% macro from_offset(text) -%}{{ return(adapter.dispatch('from_offset')(text)) }}{%- endmacro %}
{% macro default__from_offset(text) -%}
    {%- set with_z = replaced("replace(" ~ text ~ ", ',', '.')", '(UTC|GMT)$', 'Z') -%}
    timezone('UTC', try_cast({{ replaced(with_z, ' *(Z|[-+][0-9:]+)$', '\\1') }} as timestamptz))
{%- endmacro %}
{% macro spark__from_offset(text) -%}
    {%- set offset = '([-+])([0-9]{2}):?([0-9]{2})?$' -%}
    {%- set clock = without("replace(" ~ text ~ ", ',', '.')", ' *(Z|UTC|GMT|[-+][0-9]{2}(:?[0-9]{2})?)$') -%}
    {%- set sign = extracted(text, offset, 1) -%}
    ({{ clock_time(clock) }} - make_dt_interval(
        0,
        coalesce(try_cast({{ sign }} || {{ extracted(text, offset, 2) }} as int), 0),
        coalesce(try_cast({{ sign }} || {{ extracted(text, offset, 3) }} as int), 0)
    ))
{%- endmacro %}

{# For Spark: the time that a text without offset shows. Its cast takes no slashes, no second blank and no hour 24. #}
{% macro clock_time(text) -%}
    {%- set plain = "regexp_replace(regexp_replace(" ~ text ~ ", r'^([0-9]+)/([0-9]+)/', '$1-$2-'), ' +', ' ')" -%}
    (
        try_cast(regexp_replace({{ plain }}, r'([ T])24:00(:00([.]0*)?)?\z', '$100:00:00') as timestamp_ntz)
        + case when regexp_like({{ text }}, r'[ T]24:00(:00([.]0*)?)?\z') then interval 24 hours else interval 0 hours end
    )
{%- endmacro %}

{# An instant with its offset, as the pipeline writes it, as a UTC timestamp. #}
{% macro instant(text) -%}{{ return(adapter.dispatch('instant')(text)) }}{%- endmacro %}
{% macro default__instant(text) -%}timezone('UTC', cast({{ text }} as timestamptz)){%- endmacro %}
{% macro spark__instant(text) -%}cast(cast({{ text }} as timestamp_ltz) as timestamp_ntz){%- endmacro %}

{# Text of a time with AM or PM, in capital letters, as a time of 24 hours; what follows AM or PM is left out. #}
{% macro in_24_hours(text) -%}{{ return(adapter.dispatch('in_24_hours')(text)) }}{%- endmacro %}
{% macro default__in_24_hours(text) -%}
    {%- set plain = "replace(replace(replace(" ~ text ~ ", ',', '.'), '/', '-'), 'T', ' ')" -%}
    strftime(try_strptime(
        {{ replaced(plain, ' *([AP])[.]?M[.]?.*$', ' \\1M') }},
        ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S.%f %p']), '%Y-%m-%d %H:%M:%S.%f')
{%- endmacro %}
{% macro spark__in_24_hours(text) -%}
    {%- set parts = "^([0-9]+[-/][0-9]+[-/][0-9]+)[ T]+([0-9]+)(:[0-9:.]+) *([AP])[.]?M" -%}
    {%- set text = "replace(" ~ text ~ ", ',', '.')" -%}
    {%- set hour = 'try_cast(' ~ extracted(text, parts, 2) ~ ' as int)' -%}
    case
        when {{ hour }} between 1 and 12 then
            replace({{ extracted(text, parts, 1) }}, '/', '-') || ' '
            || lpad(cast({{ hour }} % 12 + case when {{ extracted(text, parts, 4) }} = 'P' then 12 else 0 end as string), 2, '0')
            || {{ extracted(text, parts, 3) }}
    end
{%- endmacro %}

{# The day of a UTC timestamp in the business time zone. #}
{% macro local_date(timestamp) -%}{{ return(adapter.dispatch('local_date')(timestamp)) }}{%- endmacro %}
{% macro default__local_date(timestamp) -%}
    cast(timezone('{{ var("time_zone") }}', timezone('UTC', {{ timestamp }})) as date)
{%- endmacro %}
{% macro spark__local_date(timestamp) -%}
    cast(from_utc_timestamp({{ timestamp }}, '{{ var("time_zone") }}') as date)
{%- endmacro %}

{# An instant as it stands in the names of landed files, '20170101T000000Z', as a UTC timestamp. #}
{% macro compact_instant(column) -%}{{ return(adapter.dispatch('compact_instant')(column)) }}{%- endmacro %}
{% macro default__compact_instant(column) -%}strptime({{ column }}, '%Y%m%dT%H%M%SZ'){%- endmacro %}
{% macro spark__compact_instant(column) -%}
    cast(regexp_replace({{ column }}, '^(.{4})(..)(..)T(..)(..)(..)Z$', '$1-$2-$3 $4:$5:$6') as timestamp_ntz)
{%- endmacro %}

{% macro as_of_date() -%}cast('{{ of_build("as_of_date") }}' as date){%- endmacro %}

{# The earliest as-of date of this build and those that its warehouse was built by: what was known by then is as it was. #}
{% macro earlier_as_of_date() -%}cast('{{ of_build("earlier_as_of_date") }}' as date){%- endmacro %}

{# Days from one date to another. #}
{% macro days_between(first, last) -%}{{ return(adapter.dispatch('days_between')(first, last)) }}{%- endmacro %}
{% macro default__days_between(first, last) -%}({{ last }} - {{ first }}){%- endmacro %}
{% macro spark__days_between(first, last) -%}cast(datediff({{ last }}, {{ first }}) as bigint){%- endmacro %}

{# Whole seconds from one instant to another. #}
{% macro seconds_between(first, last) -%}{{ return(adapter.dispatch('seconds_between')(first, last)) }}{%- endmacro %}
{% macro default__seconds_between(first, last) -%}date_diff('second', {{ first }}, {{ last }}){%- endmacro %}
{% macro spark__seconds_between(first, last) -%}(unix_timestamp({{ last }}) - unix_timestamp({{ first }})){%- endmacro %}

{# A date some days later (or earlier, when negative). #}
{% macro add_days(date, days) -%}{{ return(adapter.dispatch('add_days')(date, days)) }}{%- endmacro %}
{% macro default__add_days(date, days) -%}({{ date }} + {{ days }}){%- endmacro %}
{% macro spark__add_days(date, days) -%}date_add({{ date }}, cast({{ days }} as int)){%- endmacro %}

{# One row per day from first to last, as column date_day. #}
{% macro day_series(first, last) -%}{{ return(adapter.dispatch('day_series')(first, last)) }}{%- endmacro %}
{% macro default__day_series(first, last) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as date_day
{%- endmacro %}
{% macro spark__day_series(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
{%- endmacro %}
