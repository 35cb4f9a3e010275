{# Text: what engines do differently with patterns, letters and blanks (docs/scale.md). Patterns are RE2's and Java's alike,
   without look-around; `\x27` is a quote in them. #}

{# Whether a pattern fits a place of the text. #}
{% macro matches(text, pattern) -%}{{ return(adapter.dispatch('matches')(text, pattern)) }}{%- endmacro %}
{% macro default__matches(text, pattern) -%}regexp_matches({{ text }}, '{{ pattern }}'){%- endmacro %}
{% macro spark__matches(text, pattern) -%}regexp_like({{ text }}, {{ java_pattern(pattern) }}){%- endmacro %}

{# The text with every place that a pattern fits replaced. `\1` is the first group. #}
{% macro replaced(text, pattern, by) -%}{{ return(adapter.dispatch('replaced')(text, pattern, by)) }}{%- endmacro %}
{% macro default__replaced(text, pattern, by) -%}regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}', 'g'){%- endmacro %}
{% macro spark__replaced(text, pattern, by) -%}
    regexp_replace({{ text }}, {{ java_pattern(pattern) }}, '{{ by | replace("\\", "$") }}')
{%- endmacro %}

{# The text without everything that a pattern fits. #}
{% macro without(text, pattern) -%}{{ replaced(text, pattern, '') }}{%- endmacro %}

{# The first place that a pattern fits, or a group of it; '' where there is none. #}
{% macro extracted(text, pattern, group=0) -%}{{ return(adapter.dispatch('extracted')(text, pattern, group)) }}{%- endmacro %}
{% macro default__extracted(text, pattern, group) -%}
    regexp_extract({{ text }}, '{{ pattern }}'{{ ', ' ~ group if group }})
{%- endmacro %}
{% macro spark__extracted(text, pattern, group) -%}
    regexp_extract({{ text }}, {{ java_pattern(pattern) }}, {{ group }})
{%- endmacro %}

{# All places that a pattern's first group fits, as a list. #}
{% macro all_extracted(text, pattern) -%}{{ return(adapter.dispatch('all_extracted')(text, pattern)) }}{%- endmacro %}
{% macro default__all_extracted(text, pattern) -%}regexp_extract_all({{ text }}, '{{ pattern }}', 1){%- endmacro %}
{% macro spark__all_extracted(text, pattern) -%}regexp_extract_all({{ text }}, {{ java_pattern(pattern) }}, 1){%- endmacro %}

{# A pattern for Java, which ends a text before its last line break, too, and knows scripts by other names. #}
{% macro java_pattern(pattern) -%}
    r'(?d){{ modules.re.sub('[$](?=[)|]|$)', '\\\\z', pattern) | replace('\\p{Han}', '\\p{IsHan}') }}'
{%- endmacro %}

{# The text without blanks around it, of any width. #}
{% macro trimmed(text) -%}{{ return(adapter.dispatch('trimmed')(text)) }}{%- endmacro %}
{% macro default__trimmed(text) -%}trim({{ text }}){%- endmacro %}
{% macro spark__trimmed(text) -%}
    regexp_replace({{ text }}, r'^\p{Zs}+|\p{Zs}+\z', '')
{%- endmacro %}

{# Letter by letter: Java makes two letters of İ and ß, and looks at what follows a Σ. #}
{% macro lower_case(text) -%}{{ return(adapter.dispatch('lower_case')(text)) }}{%- endmacro %}
{% macro default__lower_case(text) -%}lower({{ text }}){%- endmacro %}
{% macro spark__lower_case(text) -%}lower(translate({{ text }}, 'İΣ', 'iσ')){%- endmacro %}
{% macro upper_case(text) -%}{{ return(adapter.dispatch('upper_case')(text)) }}{%- endmacro %}
{% macro default__upper_case(text) -%}upper({{ text }}){%- endmacro %}
{% macro spark__upper_case(text) -%}
    {%- set pairs, single, marks = 'ßŉǰΐΰևẖẗẘẙẚﬀﬁﬂﬃﬄﬅﬆ', 'ẞŉǰΐΰևẖẗẘẙẚﬀﬁﬂﬃﬄﬅﬆ', '①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱' -%}
    translate(upper(translate({{ text }}, '{{ pairs }}', '{{ marks }}')), '{{ marks }}', '{{ single }}')
{%- endmacro %}

{# The text without accents: letters that Unicode decomposes lose their marks, and others (ł, ø, ı) stay. #}
{% macro without_accents(text) -%}{{ return(adapter.dispatch('without_accents')(text)) }}{%- endmacro %}
{% macro default__without_accents(text) -%}strip_accents({{ text }}){%- endmacro %}
{% macro spark__without_accents(text) -%}
    {%- set letters = accented_letters() -%}
    translate(
        regexp_replace({{ text }}, r'\p{M}', ''),
        '{{ letters | map("first") | join }}',
        '{{ letters | map("last") | join }}'
    )
{%- endmacro %}

{# A text of the project in SQL. Spark takes a backslash in it for an escape. #}
{% macro text_literal(text) -%}{{ return(adapter.dispatch('text_literal')(text)) }}{%- endmacro %}
{% macro default__text_literal(text) -%}'{{ text | replace("'", "''") }}'{%- endmacro %}
{% macro spark__text_literal(text) -%}'{{ text | replace("\\", "\\\\") | replace("'", "''") }}'{%- endmacro %}
