-- Grain: one row per pair of records that share a value: what their names say.
-- verdict: 'same' when every word of one name is in the other (in any order, as initial, short form, other spelling or
-- with one slip), 'missing' when one has no name, 'incomparable' when only one is in Chinese characters, else 'other'.
with pairs as (
    select distinct
        source_record_key,
        other_record_key
    from {{ ref('int_customer_pairs') }}
),

words as (
    select * from {{ ref('int_customer_name_words') }}
),

names as (
    select
        source_record_key,
        count(*) as words,
        string_agg(plain_text, '' order by position) as letters,
        max(case when {{ is_chinese('plain_text') }} then 1 else 0 end) = 1 as is_chinese
    from words
    where is_word
    group by source_record_key
),

first_look as (
    select
        pairs.source_record_key,
        pairs.other_record_key,
        one.words,
        other.words as other_words,
        one.is_chinese <> other.is_chinese as is_incomparable,
        one.letters is null or other.letters is null as is_missing,
        length(one.letters) = length(other.letters)
        and position(other.letters in one.letters || one.letters) > 0 as is_same
    from pairs
    left join names as one on pairs.source_record_key = one.source_record_key
    left join names as other on pairs.other_record_key = other.source_record_key
),

undecided as (
    select * from first_look
    where not is_missing and not is_same and not is_incomparable
),

equivalents as (
    select distinct
        one.spelling,
        other.spelling as other_spelling
    from {{ ref('int_name_spellings') }} as one
    inner join {{ ref('int_name_spellings') }} as other on one.name = other.name
),

word_pairs as (
    select
        undecided.source_record_key,
        undecided.other_record_key,
        one.position,
        other.position as other_position,
        one.text,
        other.text as other_text,
        one.text = other.text or one.plain_text = other.plain_text or (
            one.is_word and other.is_word and (
                one.text = left(other.text, 1) or other.text = left(one.text, 1) or {{ is_slip('one.text', 'other.text') }}
            )
        ) as is_match
    from undecided
    inner join words as one on undecided.source_record_key = one.source_record_key
    inner join words as other on undecided.other_record_key = other.source_record_key
),

covered as (
    select
        word_pairs.source_record_key,
        word_pairs.other_record_key,
        count(distinct word_pairs.position) as words,
        count(distinct word_pairs.other_position) as other_words
    from word_pairs
    left join equivalents
        on word_pairs.text = equivalents.spelling and word_pairs.other_text = equivalents.other_spelling
    where word_pairs.is_match or equivalents.spelling is not null
    group by word_pairs.source_record_key, word_pairs.other_record_key
)

select
    first_look.source_record_key,
    first_look.other_record_key,
    case
        when first_look.is_missing then 'missing'
        when first_look.is_same then 'same'
        when first_look.is_incomparable then 'incomparable'
        when covered.words = first_look.words or covered.other_words = first_look.other_words then 'same'
        else 'other'
    end as verdict
from first_look
left join covered
    on
        first_look.source_record_key = covered.source_record_key
        and first_look.other_record_key = covered.other_record_key
