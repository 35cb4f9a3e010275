"""Customer lifetime value without a contract: how often a customer will buy again, and for how much."""

from mining.clv.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.nbd import NBD, CommonDeathNBD
from mining.clv.pareto_nbd import ParetoNBD

__all__ = ["NBD", "BetaGeoNBD", "CommonDeathNBD", "GammaGamma", "ModifiedBetaGeoNBD", "ParetoNBD"]
