"""What scoring.toml says of whom to ask, as the choice takes it.

Apart from the other tables: whoever only reads a configuration need not load what chooses.
"""

from __future__ import annotations

from engine.config.scoring import ScoringConfig
from engine.dealers.axes import AxeParameters
from engine.selection.request import Exploring, Parameters


def choice_parameters(scoring: ScoringConfig) -> Parameters:
    """The desk's own settings of whom to ask."""
    model, explore = scoring.model, scoring.explore
    return Parameters(
        classic_weights=scoring.classic.percent,
        c_fail_bps=model.c_fail_bps,
        aversion=model.leak_weight,
        rho=model.rho,
        unfilled=model.unfilled,
        wait_bps_per_s=model.wait_bps_per_s,
        trade_share_min=model.trade_share_min,
        trade_share_bps=model.trade_share_bps,
        two_way_share=model.two_way_share,
        two_way_bps=model.two_way_bps,
        axes=AxeParameters(model.axe_logit, model.axe_edge_bps),
        exploring=Exploring(explore.epsilon, explore.epsilon_untried, explore.epsilon_drop, explore.quantity_max),
    )
