SELECT name, text AS value, value AS value_number, unit, reason, version
FROM cat_parameter
