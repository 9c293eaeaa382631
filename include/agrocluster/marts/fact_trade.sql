SELECT
    exporter, importer, hs_edition, hs_code, year, flow_variant, value_usd, net_kg, flag, source, dataset, vintage_id
FROM current_trade
