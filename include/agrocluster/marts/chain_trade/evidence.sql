-- What both sides say of the focus countries' exports, beside every chain stage: how far they agree, and which part is
-- of the country's own making (method 2.2, 2.6). Where a country's own report is not held, nothing is known.
CREATE TABLE chain_trade.evidence AS
SELECT t.iso3, t.year, k.chain, k.stage,
    m.domestic_share AS share, m.domestic_share_agri AS share_base,
    t.domestic_share AS total_share, t.domestic_share_agri AS agri_share,
    m.both_usd, m.apart_usd,
    CASE WHEN m.domestic_share IS NOT NULL THEN concat_ws(
        ';',
        CASE WHEN m.x_reexport_usd > 0 THEN 'reported' END,
        CASE WHEN m.transit_usd > 0 THEN 'transit_suspect' END
    ) END AS reexport_flag
FROM mart_chain_mirror t
CROSS JOIN (SELECT DISTINCT chain, stage FROM chain_trade.placed) k
LEFT JOIN mart_chain_mirror m ON m.iso3 = t.iso3 AND m.year = t.year AND m.chain = k.chain AND m.stage = k.stage
WHERE t.chain = 'TOTAL';
