"""When to stop warming up: nothing drifts any more, or the time is over.

The host judges the samples again with edgetool.measure.settling, which this follows.
"""

import math

POINTS_MIN = 4
SIGNIFICANT = 2.0  # standard errors


def is_settled(times_s, values, limit_per_s, relative=False):
    """Whether a line through the later half of the points is no steeper than the limit, noise
    aside; True without a limit, False with too few points."""
    if limit_per_s is None:
        return True
    half = len(times_s) // 2
    times, found = times_s[half:], values[half:]
    slope = fitted(times, found)
    if slope is None:
        return False
    scale = sorted(found)[len(found) // 2] if relative else 1.0
    return scale > 0 and abs(slope[0]) - SIGNIFICANT * slope[1] <= limit_per_s * scale


def fitted(times, values):
    """(slope, its standard error) by least squares; None of too few points."""
    count = len(times)
    if count < POINTS_MIN:
        return None
    middle, mean = sum(times) / count, sum(values) / count
    away = [t - middle for t in times]
    spread = sum(a * a for a in away)
    if spread == 0:
        return None
    rises = [value - mean for value in values]
    slope = sum(away[i] * rises[i] for i in range(count)) / spread
    residual = sum((rises[i] - slope * away[i]) ** 2 for i in range(count))
    return slope, math.sqrt(residual / (count - 2) / spread)
