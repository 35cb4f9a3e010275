-- Grain: one row per (record, position, text, plain_text, is_word) of the names to compare: the words, and each two
-- neighbours as one word at both positions. Personal.
-- plain_text: the text as spelled or, where the spelling is known, each name that it may stand for.
with undecided as (
    select source_record_key from {{ ref('int_customer_name_checks') }}
    where not is_missing and not is_same
    union
    select other_record_key from {{ ref('int_customer_name_checks') }}
    where not is_missing and not is_same
),

names as (
    select
        names.source_record_key,
        names.given_words,
        names.name_words as words
    from {{ ref('int_customers__standard') }} as names
    inner join undecided on names.source_record_key = undecided.source_record_key
),

words as (
    {{ numbered_words('names') }}
),

spelled as (
    select
        words.source_record_key,
        words.position,
        words.word,
        coalesce(spellings.name, words.word) as plain_word,
        words.position <= words.given_words as is_given
    from words
    left join {{ ref('name_spellings') }} as spellings on words.word = spellings.spelling
),

neighbours as (
    select distinct
        one.source_record_key,
        one.position,
        other.position as next_position,
        one.word || other.word as joined_text,
        one.plain_word || other.plain_word as plain_text
    from spelled as one
    inner join spelled as other
        on one.source_record_key = other.source_record_key and one.position + 1 = other.position
)

select
    source_record_key,
    position,
    word as text,
    plain_word as plain_text,
    true as is_word,
    is_given
from spelled
union
select
    source_record_key,
    position,
    joined_text as text,
    plain_text,
    false as is_word,
    false as is_given
from neighbours
union
select
    source_record_key,
    next_position as position,
    joined_text as text,
    plain_text,
    false as is_word,
    false as is_given
from neighbours
