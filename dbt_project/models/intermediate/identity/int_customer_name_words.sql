-- Grain: one row per (record, position, text, plain_text, is_word) of the names to compare: its words, and two neighbours written as one word.
-- Only records that share a value with another have rows. plain_text is the word in its first known spelling. Personal.
with paired as (
    select source_record_key from {{ ref('int_customer_pairs') }}
    union
    select other_record_key from {{ ref('int_customer_pairs') }}
),

named as (
    select
        records.source_record_key,
        {{ name_words('records.given_name', 'records.family_name', 'records.full_name') }} as words
    from {{ ref('int_customers__known') }} as records
    inner join paired on records.source_record_key = paired.source_record_key
),

words as (
    {{ numbered_words('named') }}
),

spellings as (
    select
        spelling,
        min(name) as name
    from {{ ref('int_name_spellings') }}
    group by spelling
),

spelled as (
    select
        words.source_record_key,
        words.position,
        words.word,
        coalesce(spellings.name, words.word) as plain_word
    from words
    left join spellings on words.word = spellings.spelling
),

neighbours as (
    select
        one.source_record_key,
        one.position,
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
    true as is_word
from spelled
union
select
    source_record_key,
    position,
    joined_text,
    plain_text,
    false
from neighbours
union
select
    source_record_key,
    position + 1,
    joined_text,
    plain_text,
    false
from neighbours
