"""Usual clusterings, beside the mixture: what k-means, Gaussian mixtures and HDBSCAN find in summaries of histories.

They are reported and never published. On the demo, whose classes are known, they come out again when customers are
resampled and have next to nothing to do with the classes (demo/proof): what tells customers apart is when and at what
price they buy, and a summary loses that.

The null has one component and the same margins: each feature keeps its values, and their rank correlations come from
one normal law (a Gaussian copula; Nelsen 2006). Validity is the silhouette (Rousseeuw 1987), stability the adjusted
Rand index (Hubert and Arabie 1985) when customers are drawn with replacement.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from mining.behaviour.histories import Floats, Histories, Ints
from mining.evaluation import row

SAMPLE = 600
"""Customers that are clustered, at most."""
NUMBERS = (2, 3, 4, 5, 6)
NULLS = 19
"""Data sets drawn from the null: to be above all of them is to be above its 95th percentile."""
REDRAWN = 5
FARTHEST = 3.0
"""Scaled features end here, so that outliers make no group of their own."""
LEAST_CLUSTER = 0.05
"""Share of the customers that HDBSCAN calls a cluster."""
YEAR_DAYS = 365.25
SEASONS = 4

Clustering = Callable[[Floats], tuple[Ints, float]]


class Contender(NamedTuple):
    """What a clustering found.

    Attributes
    ----------
    groups
        Number of groups, of the largest silhouette.
    silhouette
        Of them (-1 to 1); NaN where there are no two.
    null_percentile
        Share of data sets of the null whose silhouette is below (0 to 1).
    bootstrap_index
        Adjusted Rand index with the groups of customers drawn with replacement; NaN where there are no two.
    """

    groups: int
    silhouette: float
    null_percentile: float
    bootstrap_index: float


def features(histories: Histories, days: int) -> Floats:
    """Summarise the histories of customers who bought twice or more, as of the last day (customers, features).

    Purchases a year, mean amount and variation of the gaps as logarithms; the share of the time since the first
    purchase that has passed since the last one; shares of purchases at a discount and in each season.
    """
    counts, starts = histories.counts, histories.starts
    first, last = histories.day[starts], histories.day[starts + counts - 1]
    age = np.maximum(days - first, 1)
    gaps = np.diff(histories.day, prepend=0).astype(float)
    gaps[starts] = 0.0
    mean = histories.sums(gaps) / (counts - 1)
    variance = np.maximum(histories.sums(gaps**2) / (counts - 1) - mean**2, 0)
    amounts = histories.sums(np.maximum(histories.amount, 0))
    season = (histories.day % YEAR_DAYS * SEASONS / YEAR_DAYS).astype(int)
    return np.stack([
        np.log(counts / age * YEAR_DAYS),
        np.log1p(amounts / counts),
        np.log1p(np.sqrt(variance) / np.maximum(mean, 1)),
        (days - last) / age,
        histories.sums(histories.is_discounted.astype(float)) / counts,
        *(histories.sums((season == number).astype(float)) / counts for number in range(SEASONS)),
    ], axis=1)  # fmt: skip


def scaled(values: Floats) -> Floats:
    """Scale by median and interquartile range, which outliers do not move; features without variation are left out."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(high > low, high - low, values.std(axis=0))
    varies = spread > 0
    ranged = (values[:, varies] - middle[varies]) / spread[varies]
    return np.asarray(np.clip(ranged, -FARTHEST, FARTHEST), dtype=np.float64)


def drawn_from_null(values: Floats, random: np.random.Generator) -> Floats:
    """Draw as many customers from one component with the same margins and rank correlations."""
    size, width = values.shape
    scores = stats.norm.ppf((stats.rankdata(values, axis=0) - 0.5) / size)
    draws = random.multivariate_normal(np.zeros(width), np.atleast_2d(np.corrcoef(scores.T)), size, method="svd")
    place = np.argsort(np.argsort(draws, axis=0), axis=0)
    return np.asarray(np.take_along_axis(np.sort(values, axis=0), place, axis=0), dtype=np.float64)


@threadpool_limits.wrap(limits=1)
def judge(cluster: Clustering, values: Floats) -> Contender:
    """Cluster customers, data sets of the null, and customers drawn with replacement."""
    random = np.random.default_rng(0)
    labels, silhouette = cluster(values)
    nulls = np.array([cluster(drawn_from_null(values, random))[1] for _ in range(NULLS)])
    nulls = np.nan_to_num(nulls, nan=-1.0)
    indices = []
    for _ in range(REDRAWN):
        drawn = np.unique(random.integers(0, len(values), len(values)))
        indices.append(adjusted_rand_score(labels[drawn], cluster(values[drawn])[0]))
    groups = len(set(labels.tolist()) - {-1})
    index = float(np.mean(indices)) if groups > 1 else float("nan")
    return Contender(groups, silhouette, float(np.mean(silhouette > nulls)), index)


def _best(values: Floats, fitted: Callable[[int], Ints]) -> tuple[Ints, float]:
    """Return the groups of the number with the largest silhouette, and the silhouette."""
    tried = [(labels, _silhouette(values, labels)) for labels in map(fitted, NUMBERS)]
    return max(tried, key=lambda found: found[1])


def _silhouette(values: Floats, labels: Ints) -> float:
    """Silhouette of the customers in a group; NaN where there are no two groups."""
    has = labels >= 0
    return float(silhouette_score(values[has], labels[has])) if len(np.unique(labels[has])) > 1 else float("nan")


def k_means(values: Floats) -> tuple[Ints, float]:
    """Return the groups of k-means, and their silhouette."""
    return _best(values, lambda number: KMeans(number, n_init=2, random_state=0).fit_predict(values))


def gaussian_mixture(values: Floats) -> tuple[Ints, float]:
    """Return the groups of a mixture of Gaussian laws without correlations, and their silhouette."""

    def fitted(number: int) -> Ints:
        mixture = GaussianMixture(number, covariance_type="diag", tol=1e-2, reg_covar=1e-3, random_state=0)
        return np.asarray(mixture.fit_predict(values))

    return _best(values, fitted)


def hdbscan(values: Floats) -> tuple[Ints, float]:
    """Return the groups of HDBSCAN, -1 for outliers, and their silhouette."""
    size = max(int(LEAST_CLUSTER * len(values)), 2)
    labels = HDBSCAN(min_cluster_size=size, min_samples=10, copy=True).fit_predict(values)
    return np.asarray(labels), _silhouette(values, labels)


CONTENDERS: dict[str, Clustering] = {"k_means": k_means, "gaussian_mixture": gaussian_mixture, "hdbscan": hdbscan}


def judge_all(histories: Histories, days: int, least_purchases: int) -> dict[str, Contender]:
    """Judge every contender on customers with so many purchases, of many every so many by the order of their ids."""
    often = np.flatnonzero(histories.counts >= least_purchases)
    width = -(-len(often) // SAMPLE)
    values = scaled(features(histories.rows_of(often[::width]), days))
    return {name: judge(cluster, values) for name, cluster in CONTENDERS.items()}


def measured(found: dict[str, Contender], customers: int) -> list[dict[str, Any]]:
    """Return the rows of `marts.model_metrics` about them."""
    return [
        row("all", f"{name}_{figure}", customers, float(value))
        for name, contender in found.items()
        for figure, value in contender._asdict().items()
    ]
