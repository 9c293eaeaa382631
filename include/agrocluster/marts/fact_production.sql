SELECT
    iso3, year, item_code, item, element_code, element, value, unit, value_raw, unit_raw, flag,
    source, dataset, vintage_id
FROM current_production
