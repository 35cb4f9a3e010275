"""How many groups there are: as many as describe customers not seen, and come out again when customers are redrawn.

Half of the customers fit 1, 2, … components, the other half judges them by their log likelihood. A further component is
taken where the gain is two and a half standard errors above zero. Groups that differ in nothing but how often and how
much people buy may be a continuum cut into pieces, for such a mixture fits any margins: so the groups must also
describe the other half better than as many groups with one season and one response to prices. What is left is fitted to
all customers, and to customers drawn with replacement: the adjusted Rand index (Hubert and Arabie 1985) of the two
assignments must be .85. If it is not, one group fewer is tried.

Groups stay put: a model goes on from the published one before. It starts from that one's parameters, where those make
the histories likelier than new ones; the number of groups changes only where the reason is clear; and a group keeps the
id of the group before that has its customers, as long as the id is true (`naming`).

Usual clusterings stand beside it in the figures of the model (`contenders`); they are never published.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import special
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from mining.behaviour import contenders
from mining.behaviour.fitting import Fit, fit, fit_components
from mining.behaviour.histories import Bools, Calendar, Floats, Histories, Ints
from mining.behaviour.mixture import Parameters, Summary, e_step, expect, summarise
from mining.behaviour.naming import describe
from mining.behaviour.reading import Customers, read_customers
from mining.evaluation import refused, row, window
from mining.sampling import smallest
from mining.store import FeatureSet
from pipeline.base.model_files import Model

BASELINE = "one group"
SAMPLE = 20_000
"""Customers that a model learns from, at most (`mining.sampling`)."""
LEAST_PURCHASES = 3
"""Purchase days from which a customer is assigned."""
LEAST_CUSTOMERS = 500
LEAST_DAYS = 365
MOST_GROUPS = 6
LEAST_GAIN = 2.5
"""Standard errors by which a component must improve what is said of customers not seen."""
KEEPING_GAIN, ADDING_GAIN = 1.0, 4.0
"""The same where the model before has the component, and where it has not."""
LEAST_PROBABILITY = 0.5
"""From which a customer is assigned: one group is likelier than all others together."""
LEAST_INDEX = 0.85
REDRAWN = 5
REFIT_STEPS = 60


class Gain(NamedTuple):
    """Mean gain of the log likelihood per customer not seen, and its standard error."""

    mean: float
    error: float

    def exceeds(self, errors: float = LEAST_GAIN) -> bool:
        """Whether it is so many standard errors above zero."""
        return self.mean > errors * self.error

    @property
    def percentile(self) -> float:
        """Share of data sets without the gain whose gain is smaller (0 to 1), by the normal law."""
        return float(special.ndtr(self.mean / max(self.error, 1e-300)))


class Previous(NamedTuple):
    """The model that a new one goes on from: its parameters, and the ids of its components."""

    parameters: Parameters
    ids: list[str]


class Found(NamedTuple):
    """A fitted mixture: its bootstrap index, the share of customers that it assigns, and the groups that have one.

    Components of customers who bought once or twice are no groups.
    """

    fit: Fit
    agreement: float
    assigned: float
    groups: int


@threadpool_limits.wrap(limits=1)
def train(features: FeatureSet) -> Model:
    """Choose, fit and judge the groups of the customers of a day; see the module.

    On one thread: sums then round alike on any machine, and the arrays are too small for more.
    """
    customers = read_customers(features)
    parameters = {"sample": SAMPLE, "least_purchases": LEAST_PURCHASES, "least_probability": LEAST_PROBABILITY}
    if customers is None:
        return refused(window(features.as_of, None, features.as_of), parameters, BASELINE, "nobody has bought anything")
    learned = window(customers.first_day, None, features.as_of)
    histories, calendar = customers.histories.rows_of(smallest(customers.ids, SAMPLE)), customers.calendar
    often = int((histories.counts >= LEAST_PURCHASES).sum())
    if calendar.days < LEAST_DAYS:
        problem = f"the purchases cover {calendar.days} days, and a year of {LEAST_DAYS} shows when people buy"
        return refused(learned, parameters, BASELINE, problem)
    if often < LEAST_CUSTOMERS:
        problem = f"{often:,} customers bought on {LEAST_PURCHASES} days or more, and {LEAST_CUSTOMERS} are needed"
        return refused(learned, parameters, BASELINE, problem)
    return _trained(features, customers, histories, {**learned, "parameters": parameters})


def _trained(features: FeatureSet, customers: Customers, histories: Histories, facts: dict[str, Any]) -> Model:
    """Choose, fit and judge where there are customers enough; `facts` are the days and parameters of the model."""
    calendar, often = customers.calendar, int((histories.counts >= LEAST_PURCHASES).sum())
    previous = _previous(features, customers)
    gains, chosen, profiles = choose_number(histories, calendar, len(previous.ids) if previous else None)
    seen = histories.customers // 2
    measured = [row("all", f"{k}_groups_gain", seen, *_numbers(gain)) for k, gain in gains.items()]
    if profiles is not None:
        measured.append(row("all", "season_and_price_gain", seen, *_numbers(profiles)))
        measured.append(row("all", "mixture_null_percentile", seen, profiles.percentile))
    problem = _why_one(gains, chosen, profiles)
    best = None if problem else stable(histories, calendar, chosen, previous)
    if best is not None:
        measured.append(row("all", "mixture_groups", often, best.groups))
        measured.append(row("all", "mixture_bootstrap_index", often, best.agreement))
        measured.append(row("all", "assigned_share", often, best.assigned))
    measured += contenders.measured(contenders.judge_all(histories, calendar.days, LEAST_PURCHASES), often)
    if best is not None and best.agreement < LEAST_INDEX:
        problem = (
            "the groups do not come out again when customers are resampled (adjusted Rand index "
            f"{best.agreement:.2f}, {LEAST_INDEX} is needed); RFM segments remain, a partition"
        )
    if problem or best is None:
        return {**refused(facts, facts["parameters"], BASELINE, str(problem)), "model_metrics": measured}
    return {
        **facts,
        "metrics": {"bootstrap_index": round(best.agreement, 6), "assigned_share": round(best.assigned, 6)},
        "baseline_name": BASELINE,
        "baseline_metrics": {},
        "model_metrics": measured,
        "is_published": True,
        "decision": (
            f"Published: {best.groups} groups, which describe customers not seen better than fewer groups do, and "
            f"come out again when customers are resampled (adjusted Rand index {best.agreement:.2f}). "
            f"{best.assigned:.0%} of the customers with {LEAST_PURCHASES} purchase days or more are assigned."
        ),
        "is_converged": best.fit.has_converged,
        "model": {
            "mixture": best.fit.parameters.as_json(),
            "groups": describe(
                best.fit.parameters, customers, features.currency, _earlier_ids(histories, calendar, best.fit, previous)
            ),
            "events": list(customers.events),
        },
    }


def _previous(features: FeatureSet, customers: Customers) -> Previous | None:
    """Return the model before; None without one, or where it knows other events, so that its seasons are others."""
    fitted = features.previous["model"] if features.previous else None
    if fitted is None or tuple(fitted["events"]) != customers.events:
        return None
    return Previous(Parameters.from_json(fitted["mixture"]), [group["segment_id"] for group in fitted["groups"]])


def _earlier_ids(histories: Histories, calendar: Calendar, fitted: Fit, previous: Previous | None) -> list[str | None]:
    """Return the id of the group before that has most of a component's customers, None for a new one (components,).

    Customers with fewer purchases than a group needs are left out: they would match components by what nobody sees.
    """
    ids: list[str | None] = [None] * fitted.parameters.components
    if previous is not None:
        responsible, _, _ = e_step(summarise(histories, calendar.days), calendar, previous.parameters)
        often = histories.counts >= LEAST_PURCHASES
        overlap = responsible[often].T @ fitted.responsible[often]
        for before, now in zip(*linear_sum_assignment(-overlap), strict=True):
            ids[now] = previous.ids[before]
    return ids


def choose_number(
    histories: Histories, calendar: Calendar, had: int | None = None
) -> tuple[dict[int, Gain], int, Gain | None]:
    """Return the gain of each number of components over one fewer, the number, and the gain by seasons and prices.

    `had` is the number of the model before.
    """
    everybody = np.arange(histories.customers)
    learned, judged = (summarise(histories.rows_of(everybody[half::2]), calendar.days) for half in (0, 1))
    gains: dict[int, Gain] = {}
    before, chosen = log_density(judged, calendar, fit_components(learned, calendar, 1).parameters), 1
    best: Fit | None = None
    for components in range(2, MOST_GROUPS + 1):
        fitted = fit_components(learned, calendar, components)
        now = log_density(judged, calendar, fitted.parameters)
        gains[components] = _gain(now - before)
        if not gains[components].exceeds(_needed(components, had)):
            break
        before, chosen, best = now, components, fitted
    if best is None:
        return gains, 1, None
    alike = fit(learned, calendar, best.parameters, has_one_profile=True)
    return gains, chosen, _gain(before - log_density(judged, calendar, alike.parameters))


def _needed(components: int, had: int | None) -> float:
    """Return the standard errors that a component must gain, of so many; `had` is the number of the model before."""
    if had is None:
        return LEAST_GAIN
    return KEEPING_GAIN if components <= had else ADDING_GAIN


def _gain(difference: Floats) -> Gain:
    return Gain(float(difference.mean()), float(difference.std() / np.sqrt(len(difference))))


def _numbers(gain: Gain) -> tuple[float, float, tuple[float, float]]:
    return gain.mean, 0.0, (gain.mean - 1.96 * gain.error, gain.mean + 1.96 * gain.error)


def _why_one(gains: dict[int, Gain], chosen: int, profiles: Gain | None) -> str | None:
    if chosen == 1:
        gain = gains[2]
        return (
            "two groups describe customers not seen no better than one does "
            f"(gain {gain.mean:.4f} per customer, standard error {gain.error:.4f}); RFM segments remain, a partition"
        )
    if profiles is not None and not profiles.exceeds():
        return (
            "customers differ in how often and how much they buy, but not in when and at what price "
            f"(gain {profiles.mean:.4f} per customer, standard error {profiles.error:.4f}); RFM segments remain, a "
            "partition"
        )
    return None


def log_density(seen: Summary, calendar: Calendar, parameters: Parameters) -> Floats:
    """Log likelihood of each customer (customers,)."""
    joint = [expect(seen, calendar, parameters, k).log_likelihood for k in range(parameters.components)]
    shape, amounts = parameters.order_shape, seen.histories.amount
    logs = seen.histories.sums(np.log(np.where(amounts > 0, amounts, 1.0)))
    mixed = special.logsumexp(np.stack(joint, axis=1) + np.log(parameters.share), axis=1)
    return np.asarray(mixed + (shape - 1) * logs - seen.orders * special.gammaln(shape))


def stable(histories: Histories, calendar: Calendar, components: int, previous: Previous | None) -> Found:
    """Fit a number of groups to everybody; one fewer as long as they do not come out again, down to two.

    Where the model before has as many groups or fewer, it goes on rather than one with fewer than it has.
    """
    seen, found = summarise(histories, calendar.days), None
    fewest = min(components, len(previous.ids)) if previous else 2
    for number in range(components, fewest - 1, -1):
        fitted = fit_components(seen, calendar, number)
        if previous is not None and len(previous.ids) == number:
            continued = fit(seen, calendar, previous.parameters)
            fitted = max(continued, fitted, key=lambda found: found.log_likelihood)
        group, is_assigned = assign(fitted.responsible, histories.counts)
        again = _agreement(seen, calendar, fitted, group, is_assigned)
        found = Found(fitted, again, _share(histories, is_assigned), len(np.unique(group[is_assigned])))
        if found.agreement >= LEAST_INDEX:
            break
    assert found is not None
    return found


def assign(responsible: Floats, purchases: Ints) -> tuple[Ints, Bools]:
    """Return each customer's likeliest group, and whether it is assigned to it (customers,)."""
    is_sure = responsible.max(axis=1) >= LEAST_PROBABILITY
    return responsible.argmax(axis=1), is_sure & (purchases >= LEAST_PURCHASES)


def _share(histories: Histories, is_assigned: Bools) -> float:
    return float(is_assigned.sum() / max(int((histories.counts >= LEAST_PURCHASES).sum()), 1))


def _agreement(seen: Summary, calendar: Calendar, fitted: Fit, group: Ints, is_assigned: Bools) -> float:
    """Mean adjusted Rand index between the groups and those of models fitted to customers drawn with replacement."""
    customers, indices = seen.customers, []
    for number in range(REDRAWN):
        drawn = np.sort(np.random.default_rng(number).integers(0, customers, customers))
        redrawn = summarise(seen.histories.rows_of(drawn), calendar.days)
        again = fit(redrawn, calendar, fitted.parameters, REFIT_STEPS)
        responsible, _, _ = e_step(seen, calendar, again.parameters)
        indices.append(adjusted_rand_score(group[is_assigned], responsible.argmax(axis=1)[is_assigned]))
    return float(np.mean(indices))


def scoring_customers(features: FeatureSet, model: dict[str, Any]) -> tuple[Customers, Floats] | None:
    """Return the customers of a day with the probability of each group (customers, groups)."""
    customers = read_customers(features, model["events"])
    if customers is None:
        return None
    seen = summarise(customers.histories, customers.calendar.days)
    responsible, _, _ = e_step(seen, customers.calendar, Parameters.from_json(model["mixture"]))
    return customers, responsible
