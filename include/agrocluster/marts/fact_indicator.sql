SELECT iso3, year, indicator, value, unit, flag, source, dataset, vintage_id FROM current_indicator
