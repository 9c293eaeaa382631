SELECT iso3, iso2, m49, fao_code, comtrade_code, wb_code, name_en, name_ru, region, focus, panel, yield_peer
FROM cat_country
