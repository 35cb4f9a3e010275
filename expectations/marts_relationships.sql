-- Grain: one row per reference from a published table to another. Rows whose parent is missing, null keys included.
select
    'core.fct_order' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_order as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.fct_order' as table_name,
    'order_date' as column_name,
    'core.dim_date' as parent,
    count(*) as rows_without_parent
from core.fct_order as child
where
    not exists (
        select 1 from core.dim_date as parent
        where parent.date_day = child.order_date
    )
union all
select
    'core.fct_order_line' as table_name,
    'order_id' as column_name,
    'core.fct_order' as parent,
    count(*) as rows_without_parent
from core.fct_order_line as child
where
    not exists (
        select 1 from core.fct_order as parent
        where parent.order_id = child.order_id
    )
union all
select
    'core.fct_order_line' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_order_line as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.fct_order_line' as table_name,
    'product_id' as column_name,
    'core.dim_product' as parent,
    count(*) as rows_without_parent
from core.fct_order_line as child
where
    not exists (
        select 1 from core.dim_product as parent
        where parent.product_id = child.product_id
    )
union all
select
    'core.fct_return' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_return as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.fct_return' as table_name,
    'product_id' as column_name,
    'core.dim_product' as parent,
    count(*) as rows_without_parent
from core.fct_return as child
where
    not exists (
        select 1 from core.dim_product as parent
        where parent.product_id = child.product_id
    )
union all
select
    'core.fct_campaign_contact' as table_name,
    'campaign_id' as column_name,
    'core.dim_campaign' as parent,
    count(*) as rows_without_parent
from core.fct_campaign_contact as child
where
    not exists (
        select 1 from core.dim_campaign as parent
        where parent.campaign_id = child.campaign_id
    )
union all
select
    'core.fct_campaign_contact' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_campaign_contact as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.fct_campaign_response' as table_name,
    'campaign_id' as column_name,
    'core.dim_campaign' as parent,
    count(*) as rows_without_parent
from core.fct_campaign_response as child
where
    not exists (
        select 1 from core.dim_campaign as parent
        where parent.campaign_id = child.campaign_id
    )
union all
select
    'core.fct_campaign_response' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_campaign_response as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.fct_customer_month' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.fct_customer_month as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.bridge_customer_source' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.bridge_customer_source as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'core.customer_source_id' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from core.customer_source_id as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.customer_360' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.customer_360 as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.customer_segments' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.customer_segments as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.customer_clv' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.customer_clv as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.clv_statement' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.clv_statement as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.customer_churn' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.customer_churn as child
where
    not exists (
        select 1 from core.dim_customer as parent
        where parent.customer_id = child.customer_id
    )
union all
select
    'marts.campaign_audience' as table_name,
    'customer_id' as column_name,
    'core.dim_customer' as parent,
    count(*) as rows_without_parent
from marts.campaign_audience as child
where not exists (
    select 1 from core.dim_customer as parent
    where parent.customer_id = child.customer_id
)
