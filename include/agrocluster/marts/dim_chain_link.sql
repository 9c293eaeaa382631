-- Which chain feeds, supplies or shares with which (method 5.3): data of the catalogue, published as they are.
SELECT chain_a, chain_b, link_type, weight, reason_en, reason_ru, source FROM cat_chain_link
