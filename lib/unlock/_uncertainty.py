"""Plain numpy kernels of `unlock.uncertainty`."""

import numpy as np
from scipy.special import ndtri

TAIL = 0.05  # low and high are the quantiles of this tail and its mirror image
Z_TAIL = -ndtri(TAIL)


def normal(p, value, low, high):
    """Two half normals that meet at the median."""
    z = ndtri(p) / Z_TAIL
    half = np.where(z < 0, value - low, high - value)
    with np.errstate(invalid="ignore"):
        return np.where(half == 0, value, value + z * half)


def lognormal(p, value, low, high):
    """Two half lognormals that meet at the median; all figures above 0, or all below."""
    z = ndtri(p) / Z_TAIL
    certain = low == high
    ratio = np.where(z < 0, low, high) / np.where(certain, 1.0, value)
    return value * np.where(certain, 1.0, ratio) ** np.abs(z)


def uniform(p, value, low, high):
    """Flat between two bounds; `value` plays no part."""
    return low + (p - TAIL) / (1 - 2 * TAIL) * (high - low)


def triangular(p, value, low, high):
    """Triangle with its mode at `value`."""
    below, width = triangle(value - low, high - value)
    rising = value - below * width + width * np.sqrt(p * below)
    falling = value + (1 - below) * width - width * np.sqrt((1 - p) * (1 - below))
    return np.where(p < below, rising, falling)


def triangle(down, up):
    """Share of a triangle's width below its mode, and the width.

    The 5 % quantile lies `down` below the mode and the 95 % quantile `up` above it:
    down = w (s - sqrt(0.05 s)) and up = w (1 - s - sqrt(0.05 (1 - s))) for the share s.
    The ratio down / (down + up) rises with s from 0 at 0.05 to 1 at 0.95: bisection.
    """
    least, most = np.full(np.shape(down), TAIL), np.full(np.shape(down), 1 - TAIL)
    for _ in range(55):
        share = (least + most) / 2
        left = share - np.sqrt(TAIL * share)
        right = 1 - share - np.sqrt(TAIL * (1 - share))
        low = left * up < right * down
        least, most = np.where(low, share, least), np.where(low, most, share)
    return share, (down + up) / (left + right)


def fixed(p, value, low, high):
    """No spread."""
    return value + 0 * p


LAWS = {
    "normal": normal,
    "lognormal": lognormal,
    "uniform": uniform,
    "triangular": triangular,
    "fixed": fixed,
}


def quantile_function(p, value, low, high, law):
    """Quantiles (row, cell) at p (row, cell) of cells with a value, a range and a law each."""
    out = np.full(np.broadcast_shapes(p.shape, value.shape), np.nan)
    known = ~np.isnan(value)
    for name in np.unique(law[known]):
        cells = np.flatnonzero(known & (law == name))
        some = p[:, cells] if p.shape[1] > 1 else p
        out[:, cells] = LAWS[name](some, value[cells], low[cells], high[cells])
    return out


def sobol_estimates(f_a, f_b, f_ab, centre, variance):
    """First-order (Saltelli et al. 2010) and total (Jansen 1999) index of one factor.

    f_a, f_b, f_ab: outputs (sample, any) of the two base samples, and of the first with the
    factor taken from the second; centre and variance: of the output (any).
    """
    moved = f_ab - f_a
    first = np.mean((f_b - centre) * moved, axis=0)
    total = np.mean(moved**2, axis=0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        still = variance == 0
        return np.where(still, 0, first / variance), np.where(still, 0, total / variance)
