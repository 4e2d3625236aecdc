"""Fits of experience curves and of diffusion, with the errors that the points themselves tell.

Both curves are straight lines after a change of scale, so that least squares has a closed form. All
functions broadcast over any dims (technology, region, window) of their arguments; points that are
NaN do not count.
"""

import numpy as np
import xarray as xr
from scipy import stats

from unlock import learning

CURVES = ("logistic", "gompertz")


def fit_experience(cost, *, cumulative, dim="year"):
    """Fit an experience curve to costs and to what had been built.

    log2 c = a - b log2 X + e, least squares; LR = 1 - 2^-b

    Parameters
    ----------
    cost : DataArray (`dim`, any); c; any unit of money for a unit, above 0; NaN is left out
    cumulative : array (`dim`, any); all ever built X; any unit, above 0; NaN is left out
    dim : dimension of the points

    Returns
    -------
    Dataset over all dims together but `dim`: rate (LR; 1), exponent (b; 1), exponent_error
    (standard error of b; 1), r2 (1), n (points). NaN where fewer than three points are left.

    Raises
    ------
    ValueError
        For a cost or an amount that is not positive.

    Source: Wright (1936), Journal of the Aeronautical Sciences 3, 122-128.
    """
    _positive(cost=cost, cumulative=cumulative)
    line = _line(np.log2(cumulative), np.log2(cost), dim)
    found = {"rate": 1 - 2 ** line["slope"], "exponent": -line["slope"]}
    found |= {"exponent_error": line["error"], "r2": line["r2"], "n": line["n"]}
    return xr.Dataset(found)


def exponent_error(rate, *, r2, n):
    """Give the standard error of a fitted exponent where only the fit itself is known.

    s_b = |b| sqrt((1 / r2 - 1) / (n - 2)), with b of LR

    Parameters
    ----------
    rate : array, any dims; fitted learning rate LR; 1, below 1
    r2 : array, any dims; share of variance explained; 1, above 0 and up to 1
    n : array, any dims; points fitted; above 2

    Returns
    -------
    s_b over all dims together; 1

    Raises
    ------
    ValueError
        For an r2 outside 0 to 1, fewer than three points, or a rate of 1 or more.

    Source: identity of simple regression, t = r sqrt(n - 2) / sqrt(1 - r2).
    """
    if np.any((np.asarray(r2) <= 0) | (np.asarray(r2) > 1)):
        raise ValueError(f"r2 must be above 0 and at most 1, but {float(np.min(r2)):g} was given")
    if np.any(np.asarray(n) <= 2):
        raise ValueError(f"n must be above 2, but {float(np.min(n)):g} was given")
    return abs(learning.experience_exponent(rate)) * np.sqrt((1 / r2 - 1) / (n - 2))


def rate_quantile(p, *, rate, exponent_error, n):
    """Give the quantile of a learning rate that was fitted.

    LR_p = 1 - 2^-(b + t_p(n - 2) s_b), with b of LR

    Parameters
    ----------
    p : array, any dims; probability; 1, above 0 and below 1
    rate : array, any dims; fitted learning rate LR; 1, below 1
    exponent_error : array, any dims; standard error s_b of b; 1
    n : array, any dims; points fitted; above 2

    Returns
    -------
    LR_p over all dims together; 1

    Raises
    ------
    ValueError
        For a probability outside 0 to 1, fewer than three points, or a rate of 1 or more.
    """
    return 1 - 2.0 ** -(learning.experience_exponent(rate) + _student(p, n) * exponent_error)


def fit_diffusion(level, *, curve="logistic", saturation=1.0, dim="year"):
    """Fit an S-curve to the share that a new thing has won.

    logistic: ln(s / (K - s)) = ln(81) (t - t_m) / D + e, least squares
    gompertz: -ln(ln(K / s) / ln 2) = k (t - t_m) + e, with k = ln(ln 10 / ln(10/9)) / D

    Parameters
    ----------
    level : DataArray (`dim`, any); s; unit of K. NaN, and levels of 0 or below or of K or above,
        are left out: on this scale they lie at infinity
    curve : "logistic" or "gompertz"
    saturation : array, any dims but `dim`; K; any unit, above 0
    dim : dimension of the years t

    Returns
    -------
    Dataset over all dims together but `dim`: midpoint (t_m; year), duration (D from 10 to 90 % of
    K; year), duration_error (standard error of D; year), r2 (1), n (points). NaN where fewer than
    three points are left; the duration is negative where the share falls.

    Raises
    ------
    ValueError
        For another curve or a saturation that is not positive.

    Source: Wilson et al. (2013), Climatic Change 118, 381-395 (logistic).
    """
    if curve not in CURVES:
        raise ValueError(f"curve must be one of {', '.join(CURVES)}, not {curve!r}")
    _positive(saturation=saturation)
    inside = level.where((level > 0) & (level < saturation))
    if curve == "logistic":
        straight, span = np.log(inside / (saturation - inside)), learning.LN81
    else:
        straight = -np.log(np.log(saturation / inside) / np.log(2.0))
        span = learning.GOMPERTZ_SPAN
    line = _line(level[dim].astype(float), straight, dim)
    duration = span / line["slope"]
    found = {"midpoint": -line["intercept"] / line["slope"], "duration": duration}
    found |= {"duration_error": abs(duration * line["error"] / line["slope"])}
    return xr.Dataset(found | {"r2": line["r2"], "n": line["n"]})


def duration_quantile(p, *, duration, error, n):
    """Give the quantile of a duration that was fitted.

    1 / D_p = (1 + t_(1-p)(n - 2) s_D / D) / D: the slope of the line has the error, not the time

    Parameters
    ----------
    p : array, any dims; probability; 1, above 0 and below 1
    duration : array, any dims; fitted duration D; year
    error : array, any dims; standard error s_D of D; year
    n : array, any dims; points fitted; above 2

    Returns
    -------
    D_p over all dims together; year. Negative where the error is so large that the share may fall.

    Raises
    ------
    ValueError
        For a probability outside 0 to 1, or fewer than three points.
    """
    t = _student(1 - p, n)
    return duration / (1 + t * error / duration)


def fastest_growth(level, *, window, dim="year"):
    """Give the fastest growth that a level kept up for some years.

    g = max over t of (x_(t + w) / x_t)^(1 / w) - 1

    Parameters
    ----------
    level : DataArray (`dim`, any); x; any unit. NaN and levels of 0 or below are left out
    window : number of years w, above 0; a pair counts whose years lie exactly w apart
    dim : dimension of the years t, rising

    Returns
    -------
    g over the dims of `level` but `dim`; 1/year; NaN where no pair lies w years apart

    Raises
    ------
    ValueError
        For a window that is not positive.
    """
    _positive(window=window)
    year = level[dim]
    later = level.where(level > 0).reindex({dim: year + window})
    growth = (later.assign_coords({dim: year}) / level.where(level > 0)) ** (1 / window) - 1
    return growth.max(dim)


def _student(p, n):
    """Quantile of Student's t for a line through n points."""
    if np.any((np.asarray(p) <= 0) | (np.asarray(p) >= 1)):
        odd = np.asarray(p, dtype=float)
        raise ValueError(
            f"p must lie between 0 and 1, but {odd.min():g} to {odd.max():g} was given"
        )
    if np.any(np.asarray(n) <= 2):
        raise ValueError(f"n must be above 2, but {float(np.min(n)):g} was given")
    return xr.apply_ufunc(stats.t.ppf, p, n - 2)


def _line(x, y, dim):
    """Least-squares line through the points of a dim where both numbers are known."""
    known = np.isfinite(x) & np.isfinite(y)
    n = known.sum(dim)
    x, y = x.where(known), y.where(known)
    dx, dy = x - x.mean(dim), y - y.mean(dim)
    spread = (dx**2).sum(dim)
    enough = (n >= 3) & (spread > 0)
    slope = ((dx * dy).sum(dim) / spread).where(enough)
    rest = ((dy - slope * dx) ** 2).sum(dim)
    total = (dy**2).sum(dim)
    return {
        "slope": slope,
        "intercept": y.mean(dim) - slope * x.mean(dim),
        "error": np.sqrt(rest / (n - 2).where(enough) / spread),
        "r2": (1 - rest / total).where(enough),
        "n": n,
    }


def _positive(**arrays):
    """Refuse numbers that are not above 0; NaN may stand for what is not known."""
    for name, array in arrays.items():
        if np.any(np.asarray(array) <= 0):
            raise ValueError(f"{name} must be above 0, but {float(np.nanmin(array)):g} was given")
