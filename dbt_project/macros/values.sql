{# How a value is spelled: docs/decisions.md, "Values mean what they say". What is not unambiguous stays, and is quarantined. #}

{# The text of a staged column; null where it is empty. #}
{% macro staged_text(column) -%}nullif({{ trimmed('cast(' ~ column ~ ' as ' ~ contract_type('text') ~ ')') }}, ''){%- endmacro %}

{# The text of a staged column of the contract, as it is or trimmed before; null where it says that there is no value. #}
{% macro staged_key(column, text=none) -%}
    {%- set text = text or staged_text(column) -%}
    {%- if column.endswith('_id') or column in ['household_ref', 'account_ref', 'referred_by'] -%}
        {{ identifier(text) }}
    {%- elif column in ['currency', 'from_currency', 'to_currency'] -%}
        {{ upper_case(text) }}
    {%- else -%}
        {{ text }}
    {%- endif -%}
{%- endmacro %}

{# Whether a text is a word by which databases, spreadsheets and programs export a missing value. #}
{% macro says_missing(text) -%}
    (length({{ text }}) < 10 and upper({{ text }}) in (
        'NULL', {{ text_literal('\\N') }}, 'NAN', 'NAT', 'NONE', 'N/A', 'N.A.', '#N/A', 'NA', '<NA>', '(NULL)', 'NIL', 'UNDEFINED'))
{%- endmacro %}

{#
  An identifier: a whole number that went through a double (1001.0) is the number. A word for a missing value is none,
  and neither is a sign without a letter or a digit (-, ?).
#}
{% macro identifier(text) -%}
    case
        when {{ says_missing(text) }} then null
        when length({{ text }}) < 5 and not {{ matches(text, '[\\p{L}\\p{N}]') }} then null
        when {{ text }} like '%.0%' and {{ matches(text, '^-?[0-9]+[.]0+$') }} then split_part({{ text }}, '.', 1)
        else {{ text }}
    end
{%- endmacro %}

{# What a number looks like that a spreadsheet has rounded, such as 4.91511E+12: it is no longer one thing's own. #}
{% macro rounded_number() -%}^[0-9]([.,][0-9]+)?[eE][+][0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+${%- endmacro %}

{# What a spreadsheet writes where a formula has failed: it is a value of nothing. #}
{% macro spreadsheet_error() -%}^#(REF|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC)[!?]${%- endmacro %}

{# The blanks that stand between thousands: also the no-break space, the narrow one and the thin one. #}
{% macro group_blanks() -%}{{ return('[ \\x{00A0}\\x{202F}\\x{2009}]') }}{%- endmacro %}

{#
  The text of a number as it is written for computers: without a currency sign, blanks around it or between thousands,
  with its sign in front; null for a word that says that there is none. Other text stays as it is.
#}
{% macro plain_number(text) -%}
    {%- set blanks = group_blanks() ~ '*[€$£¥]?' ~ group_blanks() ~ '*' -%}
    {%- set around = without("replace(" ~ text ~ ", '−', '-')", '^' ~ blanks ~ '|' ~ blanks ~ '$') -%}
    {%- set bare = replaced(around, '^([-+])' ~ blanks, '\\1') -%}
    {%- set signed = replaced(bare, '^([0-9].*)-$', '-\\1') -%}
    case
        when {{ matches(text, '^[-+]?[0-9]+([.][0-9]+)?$') }} then {{ text }}
        when {{ says_missing(text) }} then null
        when {{ matches(signed, '^[-+]?[0-9]{1,3}(' ~ group_blanks() ~ '[0-9]{3})+([.,][0-9]+)?$') }}
            then {{ without(signed, group_blanks()) }}
        else {{ signed }}
    end
{%- endmacro %}

{# A number that went through a double, such as 37.800000000000004, to 15 digits: it is the shortest text of its double. #}
{% macro without_noise(text) -%}
    case
        when length({{ text }}) > 15 and {{ matches(text, '[.][0-9]{5}') }}
            and {{ text_of_double(tried(text, 'double')) }} = {{ text }}
            then {{ fifteen_digits(tried(text, 'double')) }}
        else {{ text }}
    end
{%- endmacro %}

{# A whole number, also one that went through a double (1001.0); null for other text. A cast rounds: 3.7 would be 4. #}
{% macro whole_number(text) -%}
    case when {{ matches(text, '^[+-]?[0-9]+([.]0+)?$') }} then try_cast(split_part({{ text }}, '.', 1) as bigint) end
{%- endmacro %}

{# A text as a value of a type; null where it is none. Engines take other texts for numbers and days (docs/scale.md). #}
{% macro tried(text, type) -%}{{ return(adapter.dispatch('tried')(text, type)) }}{%- endmacro %}
{% macro default__tried(text, type) -%}
    {%- if type == 'date' -%}
        case when {{ text }} >= '0' and {{ text }} < ':' then try_cast({{ text }} as date) end
    {%- else -%}
        try_cast({{ text }} as {{ type }})
    {%- endif -%}
{%- endmacro %}
{% macro spark__tried(text, type) -%}
    {%- set day = "^([0-9]{1,6})([-/ " ~ '\\\\' ~ "])([0-9]{1,2})" ~ '\\2' ~ "([0-9]{1,2})" -%}
    {%- set time = "( +|T)([01]?[0-9]|2[0-3]|24(?=:00)):[0-5][0-9](:[0-5][0-9]([.][0-9]*)?)?"
        ~ "( *[-+][0-9]{2}(:?[0-9]{2})?|Z| +[A-Za-z_/+-]+)?" -%}
    {%- if type == 'date' -%}
        case
            when
                regexp_like({{ text }}, r'{{ day }}({{ time }})? *\z')
                then try_cast(regexp_replace(
                    regexp_replace({{ text }}, r'{{ day }}.*\z', '000$1-$3-$4'), r'^0{0,3}([0-9]{4,}-)', '$1') as date)
        end
    {%- else -%}
        case
            when regexp_like({{ text }}, r'^[\x00-\x7F]*\z') and not regexp_like({{ text }}, r'[0-9.][dDfF]\s*\z')
                then try_cast(regexp_replace({{ text }}, r'(?<=[0-9])_(?=[0-9])', '') as {{ type }})
        end
    {%- endif -%}
{%- endmacro %}

{# The shortest text of a double. Spark's has a power of ten from 10,000,000 on and below 0.001. #}
{% macro text_of_double(number) -%}{{ return(adapter.dispatch('text_of_double')(number)) }}{%- endmacro %}
{% macro default__text_of_double(number) -%}cast({{ number }} as {{ contract_type('text') }}){%- endmacro %}
{% macro spark__text_of_double(number) -%}
    case
        when abs({{ number }}) >= 1e7 and abs({{ number }}) < 1e16 or abs({{ number }}) >= 1e-4 and abs({{ number }}) < 1e-3
            then regexp_replace(cast(cast(cast({{ number }} as string) as decimal(38, 21)) as string), r'([.][0-9]+?)0+\z', '$1')
        else cast({{ number }} as string)
    end
{%- endmacro %}

{# A double with at most 15 digits, as text. #}
{% macro fifteen_digits(number) -%}{{ return(adapter.dispatch('fifteen_digits')(number)) }}{%- endmacro %}
{% macro default__fifteen_digits(number) -%}printf('%.15g', {{ number }}){%- endmacro %}
{% macro spark__fifteen_digits(number) -%}
    regexp_replace(regexp_replace(format_string('%.15g', {{ number }}), r'([.][0-9]*?)0+\z', '$1'), r'[.]\z', '')
{%- endmacro %}
