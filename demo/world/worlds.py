"""The worlds, one instance per name. demo/README.md describes each, with a picture."""

from dataclasses import replace
from datetime import date

from demo.world.laws import Campaign, LatentClass, PriceRise, Promotion, Season, ServiceLaw, Shock, World, day_of
from pipeline.base.errors import UserError

CUSTOMER = LatentClass("customer", 1.0, r=0.8, alpha=12.0, s=0.6, beta=20.0, q=4.0, gamma=30.0)

RETAIL_CLASSES = (
    LatentClass(
        "devoted", 0.22, r=2.0, alpha=16.0, s=1.5, beta=260.0, q=6.0, gamma=50.0,
        gift_season=0.2, promotion_response=0.5, price_sensitivity=0.2, campaign_response=0.6,
        complaint_probability=0.7,
    ),
    LatentClass(
        "bargain", 0.33, r=1.2, alpha=24.0, s=0.9, beta=60.0, q=6.0, gamma=30.0,
        promotion_response=2.0, price_sensitivity=1.5, campaign_response=1.6,
        complaint_probability=0.5,
    ),
    LatentClass(
        "gift", 0.20, r=1.8, alpha=36.0, s=1.2, beta=150.0, q=6.0, gamma=75.0,
        gift_season=3.0, promotion_response=0.3, price_sensitivity=0.3, campaign_response=1.0,
        complaint_probability=0.4,
    ),
    LatentClass(
        "trial", 0.25, r=0.6, alpha=20.0, s=1.0, beta=8.0, q=6.0, gamma=40.0,
        promotion_response=0.8, price_sensitivity=0.8, campaign_response=0.8,
        complaint_probability=0.5,
    ),
)  # fmt: skip

RETAIL_SEASON = Season(
    year_amplitude=0.18,
    weekday=(0.85, 0.85, 0.9, 0.95, 1.1, 1.25, 1.1),
    hours=(
        0.12, 0.06, 0.03, 0.02, 0.02, 0.05, 0.2, 0.5, 0.8, 1.1, 1.5, 1.7,
        1.9, 1.6, 1.4, 1.4, 1.5, 1.6, 1.6, 1.7, 1.8, 1.6, 1.0, 0.4,
    ),
    yearly_trend=0.04,
    hazard_amplitude=0.2,
)  # fmt: skip

PROMOTIONS = tuple(
    Promotion(f"{name} {year}", day_of(date(year, month, day)), days, boost, discount)
    for year, lunar in ((2023, (1, 13)), (2024, (2, 1)), (2025, (1, 20)), (2026, (2, 8)))
    for name, (month, day), days, boost, discount in (
        ("Lunar New Year", lunar, 9, 0.6, 0.10),
        ("Great Singapore Sale", (6, 9), 16, 0.5, 0.15),
        ("9.9", (9, 8), 3, 0.8, 0.12),
        ("11.11", (11, 9), 4, 1.2, 0.20),
        ("Year End", (12, 10), 15, 0.5, 0.10),
    )
)

# The tax rose on 2024-01-01, the shop's own prices on 2025-07-01.
PRICE_RISES = (PriceRise(day_of(date(2024, 1, 1)), 90, 1.0), PriceRise(day_of(date(2025, 7, 1)), 90, 1.5))

SERVICE_EFFECTS = ServiceLaw(core_effect=0.8, wait_effect=0.6, badly_handled_effect=2.0)

CAMPAIGNS = tuple(
    Campaign(f"C{start:%y%m}", name, objective, channel, offer, day_of(start), days, lift, reach, unit, budget)
    for start, name, objective, channel, offer, days, lift, reach, unit, budget in (
        (date(2023, 4, 3), "Spring balcony", "cross_sell", "email", "10 % off planters", 28, 0.5, 0.45, 4, 150_000),
        (date(2023, 8, 7), "National Day", "sale", "sms", "SGD 9 off", 21, 0.3, 0.35, 9, 200_000),
        (date(2023, 11, 1), "Early presents", "sale", "email", "Free wrapping", 28, 0.4, 0.45, 4, 150_000),
        (date(2024, 3, 4), "We miss you", "win_back", "mail", "SGD 15 voucher", 42, 0.6, 0.25, 120, 1_500_000),
        (date(2024, 6, 3), "Herb garden", "cross_sell", "email", "Seeds with any pot", 28, 0.0, 0.45, 4, 150_000),
        (date(2024, 9, 2), "Mid-Autumn", "sale", "sms", "SGD 8 off", 21, 0.35, 0.35, 9, 200_000),
        (date(2024, 11, 18), "Members' week", "retention", "email", "Double points", 21, 0.25, 0.45, 4, 200_000),
        (date(2025, 2, 17), "New season", "sale", "email", "10 % off", 28, 0.45, 0.45, 4, 150_000),
        (date(2025, 5, 5), "A call from us", "retention", "phone", "Advice and SGD 10", 35, 0.7, 0.12, 450, 3_000_000),
        (date(2025, 8, 4), "National Day 60", "sale", "sms", "SGD 10 off", 21, 0.3, 0.35, 9, 200_000),
        (date(2025, 10, 6), "Repotting", "cross_sell", "email", "Soil at half price", 28, 0.0, 0.45, 4, 150_000),
        (date(2025, 11, 17), "Presents 2025", "sale", "email", "Free wrapping", 28, 0.4, 0.45, 4, 150_000),
    )
)
SILENT_CAMPAIGNS = tuple(replace(campaign, lift=0.0) for campaign in CAMPAIGNS)

CLEAN = World(
    "clean",
    "Pareto/NBD purchases and Gamma-Gamma spend, nothing else",
    classes=(CUSTOMER,),
    campaigns=SILENT_CAMPAIGNS,
)
RETAIL = World(
    "retail",
    "four classes, season, promotions, service failures that drive customers away, campaigns that work",
    classes=RETAIL_CLASSES,
    season=RETAIL_SEASON,
    promotions=PROMOTIONS,
    price_rises=PRICE_RISES,
    service=SERVICE_EFFECTS,
    campaigns=CAMPAIGNS,
    errors=1.0,
    corruption=1.0,
)
WORLDS = {
    world.name: world
    for world in (
        RETAIL,
        CLEAN,
        replace(CLEAN, name="regular", title="as clean, with a rhythm: gaps are Erlang-3", gap_stages=3),
        replace(
            CLEAN,
            name="correlated",
            title="as clean, but rate, spend and lifetime depend on each other",
            score_correlations=(0.4, -0.5, -0.4),
        ),
        replace(
            CLEAN,
            name="truncated",
            title="as clean, but half of the customers are older than the data",
            early_share=0.5,
        ),
        replace(
            CLEAN,
            name="shock",
            title="as clean, with an outside event on 2025-03-15",
            shock=Shock(day_of(date(2025, 3, 15)), hazard_factor=6.0, hazard_days=30, rate_factor=0.5, rate_days=60),
        ),
        replace(
            RETAIL,
            name="null",
            title="as retail to look at, but one class, and nothing has an effect",
            classes=(replace(CUSTOMER, promotion_response=1.0, gift_season=0.5),),
            season=replace(RETAIL_SEASON, hazard_amplitude=0.0),
            price_rises=(),
            service=ServiceLaw(),
            campaigns=SILENT_CAMPAIGNS,
            states_reasons=False,
        ),
    )
}


def get_world(name: str) -> World:
    """The world of a name.

    Raises
    ------
    UserError
        If there is no such world.
    """
    if name not in WORLDS:
        raise UserError(f"DEMO_WORLD: there is no world '{name}'. Use one of {', '.join(WORLDS)}.")
    return WORLDS[name]
