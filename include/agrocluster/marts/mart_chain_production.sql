-- The whole picture of every chain by country and year: what its farms give, how it balances, what it earns and pays.
-- The three questions are answered in mart_chain_output, mart_chain_balance and mart_chain_value; here they meet.
SELECT
    iso3, chain, year, c.focus, c.panel,
    o.* EXCLUDE (
        iso3, chain, year, focus, panel, coverage, flag, gpv_country_usd, gpv_chain_world_usd, gpv_world_usd
    ),
    b.* EXCLUDE (iso3, chain, year, focus, supply_t, home_use_t, flag),
    v.* EXCLUDE (iso3, chain, year, focus, flag),
    coalesce(o.coverage, 0) AS coverage,
    concat_ws(';', nullif(coalesce(o.flag, 'no_source'), ''), nullif(b.flag, ''), nullif(v.flag, '')) AS flag
FROM mart_chain_output o
FULL JOIN mart_chain_balance b USING (iso3, chain, year)
LEFT JOIN mart_chain_value v USING (iso3, chain, year)
JOIN dim_country c USING (iso3)
