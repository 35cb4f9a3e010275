"""The parts that a world is made of: classes, season, failures, campaigns, outside events. Numbers are in worlds.py."""

from dataclasses import dataclass
from datetime import date, timedelta

START = date(2023, 1, 1)
WINDOW_DAYS = 1096  # 2023-01-01 to 2025-12-31
HORIZON_DAYS = WINDOW_DAYS + 365  # lives go on for a year after the window
UTC_OFFSET_HOURS = 8  # Singapore has no daylight saving time

LEAVING_REASONS = ("none", "natural", "core_service_failure", "service_encounter", "price", "external")
FAILURES = ("none", "late_delivery", "damaged", "long_wait")
HANDLING = ("no_complaint", "well", "badly")


def day_of(day: date) -> int:
    """Days from the first day of the window to `day`."""
    return (day - START).days


def date_of(day: float) -> date:
    """The local date that a time in days falls on."""
    return START + timedelta(days=int(day // 1))


@dataclass(frozen=True)
class LatentClass:
    """A kind of customer. Rates and hazards are per week, spend in SGD without tax.

    rate ~ Gamma(r, rate=alpha) · hazard ~ Gamma(s, rate=beta) · nu ~ Gamma(q, rate=gamma), order value ~ Gamma(p, nu).
    """

    name: str
    share: float
    r: float
    alpha: float
    s: float
    beta: float
    q: float
    gamma: float
    gift_season: float = 0.0  # strength of the gift weeks (New Year, Mother's Day, December)
    promotion_response: float = 0.0  # extra purchases in a promotion, times the promotion's boost
    price_sensitivity: float = 0.0  # extra hazard after a price rise, times the rise's effect
    campaign_response: float = 1.0  # times the campaign's lift
    complaint_probability: float = 0.5  # of a failure that becomes a complaint


@dataclass(frozen=True)
class Season:
    """How the rate of purchases and arrivals moves; every factor is relative, its mean over the window is 1."""

    year_amplitude: float = 0.0  # of a cosine with its top on 1 December
    weekday: tuple[float, ...] = (1.0,) * 7  # Monday first
    hours: tuple[float, ...] = (1.0,) * 24
    yearly_trend: float = 0.0
    hazard_amplitude: float = 0.0  # of a cosine of the hazard, with its top on 15 January


@dataclass(frozen=True)
class Promotion:
    """Days on which the shop sells at a discount and more often."""

    name: str
    start_day: int
    days: int
    boost: float
    discount: float


@dataclass(frozen=True)
class PriceRise:
    """Days after a price rise, on which price-sensitive customers leave more often."""

    start_day: int
    days: int
    effect: float


@dataclass(frozen=True)
class Shock:
    """An outside event: the hazard is multiplied for some days, the rate for others."""

    start_day: int
    hazard_factor: float
    hazard_days: int
    rate_factor: float
    rate_days: int


@dataclass(frozen=True)
class ServiceLaw:
    """Failures per purchase, and what they add to the hazard's multiplier, which begins at 1."""

    late_delivery: float = 0.06
    damaged: float = 0.04
    long_wait: float = 0.04
    handled_well: float = 0.55  # of the complaints; a failure whose complaint is handled well adds nothing
    core_effect: float = 0.0  # late or damaged
    wait_effect: float = 0.0
    badly_handled_effect: float = 0.0  # on top of the failure's own

    @property
    def has_effects(self) -> bool:
        """Whether any failure moves the hazard."""
        return max(self.core_effect, self.wait_effect, self.badly_handled_effect) > 0


@dataclass(frozen=True)
class Campaign:
    """A campaign with a randomised control arm; lift is the share of extra purchases in its days."""

    code: str
    name: str
    objective: str
    channel: str
    offer: str
    start_day: int
    length_days: int
    lift: float
    reach: float  # share of the customers known by then that are in the audience
    unit_cost_cents: int
    budget_cents: int
    treated_share: float = 0.5

    @property
    def end_day(self) -> int:
        """The first day after the campaign."""
        return self.start_day + self.length_days


@dataclass(frozen=True)
class World:
    """The laws of a simulated company."""

    name: str
    title: str
    classes: tuple[LatentClass, ...]
    order_shape: float = 6.0  # p of the Gamma-Gamma law
    gap_stages: int = 1  # gaps between purchases are Erlang with this shape; 1 is exponential
    # Of a Gaussian copula: rate and spend, rate and hazard, spend and hazard.
    score_correlations: tuple[float, float, float] | None = None
    early_share: float = 0.0  # customers that arrived before the window
    early_days: int = 1095
    season: Season = Season()
    promotions: tuple[Promotion, ...] = ()
    price_rises: tuple[PriceRise, ...] = ()
    service: ServiceLaw = ServiceLaw()
    campaigns: tuple[Campaign, ...] = ()
    shock: Shock | None = None
    states_reasons: bool = True
    business_share: float = 0.02
    errors: float = 0.0  # default multiplier of identity errors
    corruption: float = 0.0  # default multiplier of planted row trouble

    def __post_init__(self) -> None:
        """Refuse a mixture of laws that the oracle cannot integrate."""
        alone = [self.gap_stages > 1, self.score_correlations is not None, self.early_share > 0]
        rich = len(self.classes) > 1 or self.has_lifts or self.service.has_effects or self.season != Season()
        if sum(alone) > 1 or (any(alone) and rich):
            raise ValueError(
                f"World '{self.name}': a rhythm, a copula and early arrivals each need a world that is otherwise plain."
            )

    @property
    def has_lifts(self) -> bool:
        """Whether any campaign has an effect."""
        return any(campaign.lift for campaign in self.campaigns)

    @property
    def is_plain(self) -> bool:
        """Whether the world is Pareto/NBD with Gamma-Gamma spend, and nothing else."""
        special = self.gap_stages > 1 or self.score_correlations or self.early_share or len(self.classes) > 1
        events = self.promotions or self.price_rises or self.shock
        return not (special or events or self.has_lifts or self.service.has_effects or self.season != Season())
