"""Who is who: scores candidate pairs of accounts and customers; SQL decides."""

from pipelines.matching.scoring import ScoreSummary, score

__all__ = ["ScoreSummary", "score"]
