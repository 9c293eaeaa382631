-- What practitioners say of the clusters they know, beside the score of the chain and never mixed in (method 9.10).
-- Scales stay apart: there is no total. Benchmarks are those of the European Cluster Collaboration Platform.
WITH form AS (
    SELECT o.* REPLACE (
            nullif(territory, '') AS territory,
            nullif(readiness_anchor_firms, '')::SMALLINT AS readiness_anchor_firms,
            nullif(readiness_cooperation, '')::SMALLINT AS readiness_cooperation,
            nullif(readiness_trust, '')::SMALLINT AS readiness_trust,
            nullif(readiness_legal_form, '')::SMALLINT AS readiness_legal_form,
            nullif(readiness_commitment, '')::SMALLINT AS readiness_commitment,
            nullif(readiness_management, '')::SMALLINT AS readiness_management,
            nullif(readiness_funding, '')::SMALLINT AS readiness_funding,
            nullif(readiness_mandate, '')::SMALLINT AS readiness_mandate,
            nullif(readiness_infrastructure, '')::SMALLINT AS readiness_infrastructure,
            nullif(committed_members, '')::INTEGER AS committed_members,
            nullif(member_types, '') AS member_types,
            nullif(management_fte, '')::DOUBLE AS management_fte,
            assessed_on::DATE AS assessed_on,
            nullif(note, '') AS note
        ),
        len(string_split(nullif(member_types, ''), ' '))::SMALLINT AS n_member_types
    FROM practitioner_overlay o
)
SELECT
    c.baseline_id, f.*,
    f.committed_members >= parameter('overlay_members_min') AS members_met,
    f.n_member_types >= parameter('overlay_member_types_min') AS member_types_met,
    f.management_fte >= parameter('overlay_management_fte_min') AS management_met,
    c.position, c.headroom, c.potential, c.rank_country, c.quadrant, c.grade
FROM form f
JOIN mart_cluster_baseline c USING (iso3, chain)
