-- One row per chain: names, tier, essence and the codes behind its stages.
WITH codes AS (
    SELECT
        chain,
        string_agg(code, ' ' ORDER BY code) FILTER (stage = 'input') AS hs12_input,
        string_agg(code, ' ' ORDER BY code) FILTER (stage = 'primary') AS hs12_primary,
        string_agg(code, ' ' ORDER BY code) FILTER (stage = 'processed') AS hs12_processed,
        string_agg(code, ' ' ORDER BY code) FILTER (stage = 'final') AS hs12_final,
        count(*) AS n_codes
    FROM cat_chain_code
    WHERE system = parameter_text('hs_edition') AND role IN ('own', 'dual')
    GROUP BY chain
),
items AS (
    SELECT
        chain,
        string_agg(item_code, ' ' ORDER BY item_code::INTEGER) FILTER (role = 'output') AS fao_output,
        string_agg(item_code, ' ' ORDER BY item_code::INTEGER) FILTER (role = 'herd') AS fao_herd,
        string_agg(item_code, ' ' ORDER BY item_code::INTEGER) FILTER (role = 'balance') AS fao_balance
    FROM cat_production_item
    GROUP BY chain
)
SELECT
    chain, en AS chain_en, ru AS chain_ru, tier, yield_of, essence_en, essence_ru,
    hs12_input, hs12_primary, hs12_processed, hs12_final, coalesce(n_codes, 0) AS n_codes,
    fao_output, fao_herd, fao_balance
FROM cat_chain
LEFT JOIN codes USING (chain)
LEFT JOIN items USING (chain)
