-- Formulas of trade in both directions and of change, as in agrocluster.measures. Sides are sums of one year or window.
CREATE MACRO chain_trade.lafay(s) AS 100 * (
    (s.x - s.m) / (s.x_all + s.m_all)
    - (s.x_all - s.m_all) / (s.x_all + s.m_all) * ((s.x + s.m) / (s.x_all + s.m_all))
);

CREATE MACRO chain_trade.rta(s) AS
    (s.x / nullif(s.x_all, 0)) / (nullif(s.xk, 0) / s.w_all)
    - (s.m / nullif(s.m_all, 0)) / (nullif(s.mk, 0) / s.wm_all);

CREATE MACRO chain_trade.price_class(ruv, band, holds) AS CASE
    WHEN NOT holds OR ruv IS NULL THEN NULL
    WHEN ruv < 1 / (1 + band) THEN 'low'
    WHEN ruv <= 1 + band THEN 'mid'
    ELSE 'high' END;

-- The quantile of RSCA whose normal score is z, from RCA and the error of its logarithm.
CREATE MACRO chain_trade.rsca_quantile(rca, sigma, z) AS (rca * exp(z * sigma) - 1) / (rca * exp(z * sigma) + 1);

-- Edwards and Schoer: own and world share now and before.
CREATE MACRO chain_trade.dynamic_class(now_, then_) AS CASE
    WHEN now_.own > 0 AND then_.own = 0 THEN 'entry'
    WHEN now_.own = 0 AND then_.own > 0 THEN 'exit'
    WHEN now_.own = 0 OR now_.world = 0 OR then_.world = 0 THEN NULL
    WHEN now_.own > then_.own AND now_.world > then_.world
        THEN CASE WHEN now_.own / then_.own > now_.world / then_.world THEN 'rising_star' ELSE 'lagging_opportunity' END
    WHEN now_.own > then_.own THEN 'falling_star'
    WHEN now_.world > then_.world THEN 'missed_opportunity'
    WHEN now_.own / then_.own < now_.world / then_.world THEN 'retreat'
    WHEN now_.own / then_.own >= now_.world / then_.world THEN 'lagging_retreat' END;

CREATE MACRO chain_trade.without(w, own) AS  -- imports of others; the last bits of a difference are no imports
    CASE WHEN w - own > 1e-12 * w THEN w - own ELSE 0 END;

CREATE MACRO chain_trade.rate(then_, now_, midpoint, wider) AS  -- growth, of the wider market where nobody imports
    CASE WHEN then_ = 0 AND now_ = 0 THEN wider
        ELSE (now_ - then_) / nullif(CASE WHEN midpoint THEN (now_ + then_) / 2 ELSE then_ END, 0) END;
