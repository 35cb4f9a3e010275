-- Words of seeds/order_status_words.csv that are spelled alike and mean different things: leave each in one of them.
select
    {{ status_key('status') }} as status_key,
    min(meaning) as one_meaning,
    max(meaning) as other_meaning
from {{ ref('order_status_words') }}
group by {{ status_key('status') }}
having min(meaning) <> max(meaning)
