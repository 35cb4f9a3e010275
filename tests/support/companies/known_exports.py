"""Made-up files of known exports of mail programs, service desks and payments, with their rows counted by hand."""

from dataclasses import dataclass, field

PROFILES = (
    "Email,Klaviyo ID,First Name,Last Name,Organization,Title,Phone Number,Address,Address 2,City,State / Region,"
    "Country,Zip Code,Source,IP Address,Email Marketing Consent,Email Marketing Consent Timestamp,Profile Created On,"
    "Date Added,Last Open,Last Click,Email Suppressions\n"
)
CAMPAIGNS = (
    "Campaign Name,Subject,Send Time,Send Weekday,Total Recipients,Unique Placed Order,Revenue,Unique Opens,Open Rate,"
    "Total Opens,Unique Clicks,Click Rate,Total Clicks,Unsubscribes,Successful Deliveries,Bounces,Campaign ID,"
    "Campaign Channel\n"
)
EVENTS = "id,campaign_id,datetime,flow_id,flow_message_id,metric_id,person_id,type,property_value\n"
MAILCHIMP = (
    "Title,Subject,List,Send Date,Send Weekday,Total Recipients,Successful Deliveries,Soft Bounces,Hard Bounces,"
    "Total Bounces,Unique Opens,Open Rate,Total Opens,Unique Clicks,Click Rate,Total Clicks,Unsubscribes,"
    "Abuse Complaints,Unique Id\n"
)
ACTIVITY = "campaign_id,list_id,list_is_active,email_id,email_address,action,type,timestamp,url,ip\n"
UNSUBSCRIBED = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LAST_CHANGED,UNSUB_TIME,"
    "UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n"
)
PAYMENTS = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Fee,Refunded date (UTC),Status,Customer ID,"
    "Customer Email\n"
)
REFUNDS = "id,object,amount,balance_transaction,charge,created,currency,payment_intent,reason,receipt_number,status\n"
TICKETS = (
    "Record ID,Ticket name,Pipeline,Ticket status,Create date,Priority,Ticket owner,Category,Close date,"
    "First agent email response date,Associated Contact IDs\n"
)
COMMENTS = "id,ticket_id,author_id,body,public,created_at,via\n"
TICKET_COMMENT = "id,_fivetran_synced,body,created,facebook_comment,public,ticket_id,tweet,user_id,voice_comment\n"
ORDERS = "order_id,email,ordered_at,total\n1,a@x.example,2024-03-05 10:00:00,10.00\n"


@dataclass(frozen=True)
class KnownExport:
    """Files of an export, and what they come to.

    Attributes
    ----------
    name
        The recipe.
    files
        The files, by name.
    fates
        Landed rows, by entity and fate.
    rows
        By entity: columns, and the rows that are accepted, as text.
    """

    name: str
    files: dict[str, str]
    fates: dict[tuple[str, str], int]
    rows: dict[str, tuple[str, list[tuple[str | None, ...]]]] = field(default_factory=dict)


def profile(mail: str, number: int, consent: str, when: str, suppressed: str = "") -> str:
    return f"{mail},K{number},Ana,Berg,,,,Main 1,,Ulm,,DE,89073,,,{consent},{when},2024-01-0{number},,,,{suppressed}\n"


KNOWN_EXPORTS = [
    KnownExport(
        "the profiles export of Klaviyo",
        {
            "profiles.csv": PROFILES
            + profile("a@x.example", 1, "SUBSCRIBED", "2024-01-01 10:00:00")
            + profile("b@x.example", 2, "UNSUBSCRIBED", "2024-01-02 10:00:00")
            + profile("c@x.example", 3, "NEVER_SUBSCRIBED", "")
            + profile("d@x.example", 4, "SUBSCRIBED", "2024-01-04 10:00:00", "HARD_BOUNCE")
            + profile("e@x.example", 5, "SUBSCRIBED", ""),
            "orders.csv": ORDERS,
        },
        {("customers", "accepted"): 5, ("orders", "accepted"): 1},
        {
            "customers": (
                "source_customer_id, given_name, postcode",
                [(f"{letter}@x.example", "Ana", "89073") for letter in "abcde"],
            ),
            # A consent without a day cannot be dated: it grants nothing.
            "consents": (
                "source_customer_id, channel, purpose, status",
                [
                    ("a@x.example", "email", "marketing", "granted"),
                    ("b@x.example", "email", "marketing", "withdrawn"),
                    ("d@x.example", "email", "marketing", "withdrawn"),
                ],
            ),
        },
    ),
    KnownExport(
        "the campaigns export of Klaviyo",
        {
            "campaigns.csv": CAMPAIGNS
            + "Spring,Hello spring,2024-03-01 09:00:00,Friday,200,4,99.00,80,40%,120,9,4%,12,1,198,2,01HC,Email\n",
            "orders.csv": ORDERS,
        },
        {("campaigns", "accepted"): 1, ("orders", "accepted"): 1},
        {"campaigns": ("campaign_id, channel, offer, start_date", [("01HC", "Email", "Hello spring", "2024-03-01")])},
    ),
    KnownExport(
        "the events of Klaviyo",
        {
            "event.csv": EVENTS
            + "e1,c1,2024-03-01 09:00:00,,,m1,p1,Received Email,\n"
            + "e2,c1,2024-03-01 10:00:00,,,m2,p1,Opened Email,\n"
            + "e3,c1,2024-03-01 11:00:00,,,m2,p1,Opened Email,\n"
            + "e4,c1,2024-03-01 12:00:00,,,m3,p1,Clicked Email,\n"
            + "e5,c1,2024-03-01 09:00:00,,,m1,p2,Received Email,\n"
            + "e6,c1,2024-03-02 08:00:00,,,m4,p2,Unsubscribed,\n"
            + "e7,,2024-03-02 09:00:00,f1,,m1,p2,Received Email,\n"
            + "e8,,2024-03-03 09:00:00,,,m5,p1,Placed Order,30.0\n"
        },
        {
            ("campaign_contacts", "accepted"): 2,
            ("campaign_contacts", "duplicate"): 3,
            ("campaign_contacts", "excluded"): 3,
        },
        {
            "campaign_contacts": (
                "campaign_id, source_customer_id, clicked_at - sent_at, opened_at - sent_at",
                [("c1", "p1", "3:00:00", "1:00:00"), ("c1", "p2", None, None)],
            ),
            "consents": ("source_customer_id, channel, status", [("p2", "email", "withdrawn")]),
        },
    ),
    KnownExport(
        "the campaigns export of Mailchimp",
        {
            "campaigns.csv": MAILCHIMP
            + 'Spring,Hello spring,All,"Mar 01, 2024 09:30 am",Fri,200,198,1,1,2,80,40%,120,9,4%,12,1,0,42694e9e57\n',
            "orders.csv": ORDERS,
        },
        {("campaigns", "accepted"): 1, ("orders", "accepted"): 1},
        {
            "campaigns": (
                "campaign_id, channel, objective, offer, start_date",
                [("42694e9e57", "email", "Spring", "Hello spring", "2024-03-01")],
            )
        },
    ),
    KnownExport(
        "the e-mail activity of Mailchimp",
        {
            "email_activity.csv": ACTIVITY
            + "c1,l1,true,h1,a@x.example,open,,2024-03-01T10:00:00+00:00,,1.2.3.4\n"
            + "c1,l1,true,h1,a@x.example,click,,2024-03-01T10:05:00+00:00,https://x.example/,1.2.3.4\n"
            + "c1,l1,true,h1,a@x.example,open,,2024-03-02T10:00:00+00:00,,1.2.3.4\n"
            + "c1,l1,true,h2,b@x.example,bounce,hard,2024-03-01T09:00:00+00:00,,\n"
        },
        {
            ("campaign_contacts", "accepted"): 1,
            ("campaign_contacts", "duplicate"): 2,
            ("campaign_contacts", "excluded"): 1,
        },
        {
            "campaign_contacts": (
                "source_customer_id, opened_at, clicked_at - opened_at",
                [("a@x.example", "2024-03-01 10:00:00", "0:05:00")],
            )
        },
    ),
    KnownExport(
        "the unsubscribed members of Mailchimp",
        {
            "unsubscribed.csv": UNSUBSCRIBED
            + "b@x.example,Bo,Lund,2,2023-01-01 10:00:00,,2024-03-02 08:00:00,2024-03-02 08:00:00,Spring,NORMAL\n",
            "orders.csv": ORDERS,
        },
        {("consents", "accepted"): 1, ("orders", "accepted"): 1},
        {"consents": ("source_customer_id, channel, status", [("b@x.example", "email", "withdrawn")])},
    ),
    KnownExport(
        "the payments export of Stripe with the days of refunds",
        {
            "payments.csv": PAYMENTS
            + "ch_1,2024-01-01 10:00:00,30.00,0.00,usd,true,1.17,,Paid,cus_1,a@x.example\n"
            + "ch_2,2024-01-02 10:00:00,12.50,12.50,usd,true,0.66,2024-01-09 11:00:00,Refunded,cus_2,b@x.example\n"
            + "ch_3,2024-01-03 10:00:00,99.00,0.00,usd,false,0.00,,Failed,cus_1,a@x.example\n"
        },
        {("orders", "accepted"): 3},
        {"returns": ("order_id, refund_amount, returned_at::date", [("ch_2", "12.5000", "2024-01-09")])},
    ),
    KnownExport(
        "the refunds of Stripe",
        {
            "payments.csv": "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID\n"
            "ch_2,2024-01-02 10:00:00,12.50,12.50,usd,Refunded,cus_2\n",
            "refunds.csv": REFUNDS
            + "re_1,refund,1000,txn_1,ch_2,1704103200,usd,pi_2,requested_by_customer,,succeeded\n"
            + "re_2,refund,250,txn_2,ch_2,1704189600,usd,pi_2,duplicate,,succeeded\n"
            + "re_3,refund,1250,txn_3,ch_2,1704276000,usd,pi_2,,,failed\n",
        },
        {("orders", "accepted"): 1, ("returns", "accepted"): 2, ("returns", "excluded"): 1},
        {
            "returns": (
                "return_id, order_id, refund_amount, returned_at",
                [
                    ("re_1", "ch_2", "10.0000", "2024-01-01 10:00:00"),
                    ("re_2", "ch_2", "2.5000", "2024-01-02 10:00:00"),
                ],
            )
        },
    ),
    KnownExport(
        "the tickets export of HubSpot",
        {
            "tickets.csv": TICKETS
            + "7,Cup broken,Support Pipeline,Closed,2024-02-01 10:00,HIGH,Eve,Product issue,2024-02-03 10:00,"
            + "2024-02-01 12:00,91;92\n"
            + "8,Where is it,Support Pipeline,New,2024-02-02 10:00,LOW,Eve,General inquiry,,,92\n"
        },
        {("cases", "accepted"): 2},
        {
            "cases": (
                "case_id, source_customer_id, kind, reason, first_response_at - opened_at, resolved_at - opened_at",
                [
                    ("7", "91", "Product issue", "HIGH", "2:00:00", "2 days, 0:00:00"),
                    ("8", "92", "General inquiry", "LOW", None, None),
                ],
            )
        },
    ),
    KnownExport(
        "the ticket comments of Zendesk",
        {
            "tickets.csv": "id,requester_id,subject,type,priority,status,created_at,updated_at,solved_at\n"
            "11,91,Broken,incident,high,open,2024-02-19 01:54:52,2024-02-19 02:54:52,\n",
            "ticket_comments.csv": COMMENTS
            + "1,11,91,hello,true,2024-02-19 01:54:52,web\n"
            + "2,11,5,a note,false,2024-02-19 02:00:00,web\n"
            + "3,11,5,thanks,true,2024-02-19 02:54:52,web\n"
            + "4,11,91,still broken,true,2024-02-20 02:54:52,web\n",
        },
        {("cases", "accepted"): 1, ("contacts", "accepted"): 3, ("contacts", "excluded"): 1},
        {
            "contacts": (
                "contact_id, case_id, source_customer_id, channel, direction, agent_id",
                [
                    ("1", "11", "91", "ticket", "in", None),
                    ("3", "11", "91", "ticket", "out", "5"),
                    ("4", "11", "91", "ticket", "in", None),
                ],
            )
        },
    ),
    KnownExport(
        "the ticket comments of Zendesk, as Fivetran lands them",
        {
            "ticket.csv": "id,created_at,priority,requester_id,status,subject,type,updated_at,via_channel\n"
            "11,2020-02-19 01:54:52,high,91,open,Broken,incident,2020-02-19 02:54:52,web\n",
            "ticket_comment.csv": TICKET_COMMENT
            + "1,2020-03-20 02:32:49,hello,2020-02-19 01:54:52,false,true,11,false,91,false\n"
            + "2,2020-03-20 02:32:49,thanks,2020-02-19 02:54:52,false,true,11,false,92,false\n",
        },
        {("cases", "accepted"): 1, ("contacts", "accepted"): 2},
        {
            "contacts": (
                "contact_id, source_customer_id, direction, agent_id",
                [("1", "91", "in", None), ("2", "91", "out", "92")],
            )
        },
    ),
]
