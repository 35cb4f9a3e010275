"""When customers buy: models of purchase timing without a contract, read by lifetime value, churn and segments."""

from mining.purchases.models.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.purchases.models.nbd import NBD, CommonDeathNBD
from mining.purchases.models.pareto_nbd import ParetoNBD

__all__ = ["NBD", "BetaGeoNBD", "CommonDeathNBD", "ModifiedBetaGeoNBD", "ParetoNBD"]
