-- Grain: one row per (customer, mailing) that the customer was drawn for: two for the customers without an e-mail, who
-- are the control group of both mailings. The file has no customer numbers: the place in the file is one.
with customers as (
    select * from {{ landed('customers') }}
),

mailings as (
    select * from {{ landed('mailings') }}
)

select
    cast(customers._position as {{ contract_type('text') }}) as customer_number,
    customers.recency,
    customers.history,
    customers.channel,
    customers.visit,
    customers.conversion,
    customers.spend,
    mailings.campaign_id,
    mailings.sent_on,
    case when customers.segment = mailings.segment then 'treated' else 'control' end as arm,
    row_number() over (
        partition by customers._file, customers._position order by mailings.campaign_id
    ) as mailing_number,
    customers._cursor,
    {{ lineage_columns('customers') }}
from customers
inner join mailings on customers.segment = mailings.segment or customers.segment = 'No E-Mail'
