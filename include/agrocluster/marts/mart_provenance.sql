-- One row per accepted vintage and file it was staged from.
SELECT
    v.source, v.dataset, v.title, v.vintage_id, v.stamp, v.scope, v.data_mode,
    coalesce(f.name, '-') AS file, f.format, f.url, f.retrieved_at, f.source_updated_at, f.sha256, f.bytes,
    v.rows, v.rows_excluded, v.rows_quarantined, v.first_year, v.last_year, v.licence, v.attribution
FROM vintages v
LEFT JOIN vintage_files f USING (vintage_id)
