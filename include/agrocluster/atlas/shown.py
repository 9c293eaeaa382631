"""Which columns of which marts the pages show: the glossary explains them and the downloads hold them. Data only.

``{lang}`` stands for the language of the page.
"""

from __future__ import annotations

STAGES = ("input", "primary", "processed", "final", "market")
TRADED = STAGES[:4]
"""Stages with exports."""
PILLARS = ("p1", "p2", "p3", "p4", "h1", "h2", "h3", "h4")
SCORES = ("potential", "position", "headroom")

SHOWN: dict[str, tuple[str, ...]] = {
    "mart_cluster_baseline": (
        "baseline_id", "first_year", "last_year", "iso3", "country_{lang}", "chain", "chain_{lang}",
        *(f"{score}{end}" for score in SCORES for end in ("", "_p05", "_p95")),
        "rank_country", "rank_p05", "rank_p95", "rank_chain", "rank_chain_p05", "rank_chain_p95", "p_top3",
        "p_build", "quadrant", "typology", *PILLARS, "bottleneck", *(f"b_{stage}" for stage in STAGES),
        "exports_usd", "untapped_usd", "realised_share", "largest_market", "share_largest", "ssr", "jobs_low",
        "jobs_high", "grade", "confidence", "c_cov", "c_src", "c_mir", "c_time", "coverage", "caveats", "reasons",
        "explain_{lang}",
    ),
    "mart_baseline_indicators": (
        "baseline_id", "iso3", "chain", "sub_index", "pillar", "indicator", "name_{lang}", "raw_value", "unit",
        "goalpost_id", "score", "nominal_weight", "effective_weight", "reason",
    ),
    "mart_chain_trade": ("iso3", "chain", "stage", "year", "exports_usd"),
    "mart_export_potential_chain": (
        "iso3", "chain", "market", "actual_usd", "epi_usd", "untapped_usd", "realised_share",
    ),
    "mart_lifecycle_support": (
        "baseline_id", "iso3", "chain", "cause", "place", "item", "name_{lang}", "score", "loss", "peer_median",
        "support", "support_{lang}", "why_{lang}", "reason",
    ),
    "mart_market_ease": (
        "iso3", "market", "first_year", "last_year", "exports_usd", "epi_usd", "untapped_usd", "realised_share",
        "ease", "distance_km",
    ),
    "mart_lifecycle_mobilisation": (
        "baseline_id", "iso3", "topic", "indicator", "dataset", "name_{lang}", "value", "unit", "value_year",
        "peer_median", "scope", "note_{lang}", "source", "reason",
    ),
    "mart_chain_jobs": ("jobs_confidence", "reason"),
    "mart_cluster_progress": ("s_baseline", "d_real", "mdc", "verdict"),
    "mart_provenance": (
        "source", "dataset", "title", "vintage_id", "stamp", "retrieved_at", "first_year", "last_year", "rows",
        "rows_excluded", "rows_quarantined", "licence", "attribution",
    ),
}  # fmt: skip

HELP = {
    "rank_country": "mart_cluster_baseline.rank_country",
    "rank_chain": "mart_cluster_baseline.rank_chain",
    "potential": "mart_cluster_baseline.potential",
    "position": "mart_cluster_baseline.position",
    "headroom": "mart_cluster_baseline.headroom",
    "quadrant": "mart_cluster_baseline.quadrant",
    "typology": "mart_cluster_baseline.typology",
    "bottleneck": "mart_cluster_baseline.bottleneck",
    "stages": "mart_cluster_baseline.b_input",
    "grade": "mart_cluster_baseline.grade",
    "confidence": "mart_cluster_baseline.confidence",
    "c_cov": "mart_cluster_baseline.c_cov",
    "c_src": "mart_cluster_baseline.c_src",
    "c_mir": "mart_cluster_baseline.c_mir",
    "c_time": "mart_cluster_baseline.c_time",
    "coverage": "mart_cluster_baseline.coverage",
    "exports_usd": "mart_cluster_baseline.exports_usd",
    "untapped_usd": "mart_cluster_baseline.untapped_usd",
    "realised_share": "mart_cluster_baseline.realised_share",
    "largest_market": "mart_cluster_baseline.largest_market",
    "share_largest": "mart_cluster_baseline.share_largest",
    "ssr": "mart_cluster_baseline.ssr",
    "jobs": "mart_cluster_baseline.jobs_low",
    "jobs_confidence": "mart_chain_jobs.jobs_confidence",
    "p_build": "mart_cluster_baseline.p_build",
    "p_top3": "mart_cluster_baseline.p_top3",
    "earlier": "mart_cluster_progress.s_baseline",
    "change": "mart_cluster_progress.d_real",
    "mdc": "mart_cluster_progress.mdc",
    "verdict": "mart_cluster_progress.verdict",
    "weight": "mart_baseline_indicators.nominal_weight",
    "value": "mart_baseline_indicators.raw_value",
    "score": "mart_baseline_indicators.score",
    "carried": "mart_baseline_indicators.effective_weight",
    "limit": "mart_lifecycle_support.item",
    "limit_score": "mart_lifecycle_support.score",
    "support": "mart_lifecycle_support.support",
    "firm_value": "mart_lifecycle_mobilisation.value",
    "peer_median": "mart_lifecycle_mobilisation.peer_median",
    "covers": "mart_lifecycle_mobilisation.scope",
    "market_exports": "mart_market_ease.exports_usd",
    "market_potential": "mart_market_ease.epi_usd",
    "market_untapped": "mart_market_ease.untapped_usd",
    "market_realised": "mart_market_ease.realised_share",
    "ease": "mart_market_ease.ease",
    "distance": "mart_market_ease.distance_km",
    "actual_usd": "mart_export_potential_chain.actual_usd",
    "epi_usd": "mart_export_potential_chain.epi_usd",
    "untapped": "mart_export_potential_chain.untapped_usd",
    "realised": "mart_export_potential_chain.realised_share",
}
"""Heading of a column to its entry in the glossary."""

SIDE = (
    ("potential", "points", "within"),
    ("rank_country", "", "rank"),
    ("rank_chain", "", "rank"),
    ("position", "points", "within"),
    ("headroom", "points", "within"),
    ("quadrant", "", "code"),
    ("p_build", "%", "share"),
    ("p_top3", "%", "share"),
    ("typology", "", "code"),
    ("grade", "", "text"),
    ("confidence", "%", "share"),
    ("c_cov", "%", "share"),
    ("c_src", "%", "share"),
    ("c_mir", "%", "share"),
    ("c_time", "%", "share"),
    ("exports_usd", "USD", "money"),
    ("largest_market", "", "market"),
    ("share_largest", "%", "share"),
    ("untapped_usd", "USD", "money"),
    ("realised_share", "%", "share"),
    ("ssr", "%", "share"),
)
"""Rows of the table that sets countries side by side: column, unit, how its figure is written."""
EARLIER = (("earlier", "s_baseline", "points"), ("change", "d_real", "points"), ("mdc", "mdc", "points"))
"""Rows about change: heading, column of mart_cluster_progress, unit."""
