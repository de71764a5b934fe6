"""Statistics of measurements: pure functions of samples, and what they are worth."""

from edgetool.measure.bootstrap import Interval, bootstrap_interval, median_interval
from edgetool.measure.paired import Ratio, paired_ratio
from edgetool.measure.percentiles import PERCENTILES, enough_for, percentiles
from edgetool.measure.settling import Slope, is_settled, relative_slope, slope
from edgetool.measure.verdict import Conditions, Verdict, judge

__all__ = [
    "PERCENTILES",
    "Conditions",
    "Interval",
    "Ratio",
    "Slope",
    "Verdict",
    "bootstrap_interval",
    "enough_for",
    "is_settled",
    "judge",
    "median_interval",
    "paired_ratio",
    "percentiles",
    "relative_slope",
    "slope",
]
