"""Investment under an uncertain carbon price: the price at which to act, and how long that takes.

The price P that an abating plant earns per tonne follows, with x = ln P,

dx = m(x) dt + sigma dz,
m = alpha - sigma^2 / 2 without reversion, m = kappa (ln M - x) - sigma^2 / 4 with it.

The second law returns to an expected price M. Besides, the policy may be stopped (rate lambda) and
restarted (rate mu); while it is stopped nothing is earned and the hidden price moves on. All
functions broadcast over any dims of their arguments.
"""

from dataclasses import dataclass, replace
from math import factorial as f

import numpy as np
import xarray as xr
from scipy.special import log_ndtr, ndtr
from scipy.stats import chi2

__all__ = [
    "Process",
    "chance_by",
    "chance_by_closed_form",
    "chance_ever",
    "income",
    "median_delay",
    "option_root",
    "pooled_volatility",
    "present_value",
    "trigger",
    "trigger_multiple",
    "volatility_of",
]

Array = xr.DataArray | float
NODES = 801  # of the price grid
BELOW, ABOVE = 14.0, 5.0  # reach of the grid in ln P, from e^-14 to e^5 of the price looked for
WIDTH = 0.3  # ln P around the middle where the grid is finest
QUADRATURE = np.polynomial.legendre.leggauss(48)
BLOCK = 2048
STEHFEST = 12  # terms of the inverse Laplace transform


@dataclass(frozen=True)
class Process:
    """How the price moves.

    Attributes:
        volatility: sigma, 1/year^0.5; not negative, above 0 for the numerical functions.
        drift: alpha, 1/year; used where speed is 0.
        speed: kappa of the return to the level, 1/year; 0 for a geometric Brownian motion.
        level: expected price in the long run M, where speed is above 0; unit of the price.
        stop: rate lambda at which the policy is stopped, 1/year.
        restart: rate mu at which it comes back, 1/year.
    """

    volatility: Array
    drift: Array = 0.0
    speed: Array = 0.0
    level: Array = 1.0
    stop: Array = 0.0
    restart: Array = 0.0


def option_root(rate: Array, *, drift: Array, volatility: Array) -> Array:
    """Return the exponent with which the value of waiting rises with the price.

    beta = 1/2 - alpha / sigma^2 + sqrt((alpha / sigma^2 - 1/2)^2 + 2 r / sigma^2),
    r / alpha at sigma = 0 and alpha > 0, infinite at sigma = 0 and alpha <= 0

    Args:
        rate: discount rate r, 1/year, any dims; above the drift and above 0.
        drift: alpha, 1/year, any dims.
        volatility: sigma, 1/year^0.5, any dims; not negative.

    Returns:
        beta, dimensionless, above 1, over all dims.

    Raises:
        ValueError: if the rate is not above the drift and 0, or the volatility is negative.

    Source: Dixit and Pindyck (1994), Investment under Uncertainty, chapter 5.
    """
    _check_rates(rate, drift)
    if bool(np.any(np.asarray(volatility) < 0)):
        raise ValueError(f"volatility must be 0 or more; got {float(np.min(volatility)):g}")
    return xr.apply_ufunc(_root, rate, drift, volatility)


def trigger_multiple(rate: Array, *, drift: Array = 0.0, volatility: Array) -> Array:
    """Return the value over cost at which investing now beats waiting.

    V* / I = beta / (beta - 1), and 1 where beta is infinite

    Args:
        rate, drift, volatility: as in `option_root`.

    Returns:
        V* / I, dimensionless, at least 1, over all dims.

    Raises:
        ValueError: as `option_root`.

    Source: McDonald and Siegel (1986), Quarterly Journal of Economics 101, 707-727; Dixit and
    Pindyck (1994), chapter 5.
    """
    beta = option_root(rate, drift=drift, volatility=volatility)
    return 1 / (1 - 1 / beta)


def present_value(rate: Array, *, life: Array, drift: Array = 0.0) -> Array:
    """Return the present value of an income that starts at 1 a year and grows at the drift.

    v = (1 - exp(-(r - alpha) L)) / (r - alpha), and L where r = alpha

    Args:
        rate: r, 1/year, any dims.
        life: L, year, any dims; above 0.
        drift: alpha, 1/year, any dims.

    Returns:
        v, year, over all dims.

    Raises:
        ValueError: if a life is not positive.
    """
    _check_life(life)
    return xr.apply_ufunc(_annuity, rate - drift, life)


def income(price: Array, *, process: Process, rate: Array, life: Array) -> xr.DataArray:
    """Return the expected present value of what a plant earns that starts under a policy in force.

    V = integral from 0 to L of exp(-r t) E(P_t) s(t) dt,
    s(t) = (mu + lambda exp(-(lambda + mu) t)) / (lambda + mu), 1 where lambda = 0

    Args:
        price: P, any dims.
        process: how the price moves.
        rate: r, 1/year, any dims.
        life: L, year, any dims; above 0.

    Returns:
        V, unit of the price times year, over all dims.

    Raises:
        ValueError: if a life is not positive, or a rate of the process is negative.

    Source: Gauss-Legendre quadrature with 48 nodes.
    """
    _check_life(life)
    _check_process(process, still=True)
    return xr.apply_ufunc(_income, price, *_parts(process), rate, life)


def trigger(process: Process, *, cost: Array, rate: Array, life: Array) -> xr.DataArray:
    """Return the price at which an owner invests who could wait for ever.

    max over P* of the value F of investing at P*, where
    sigma^2 / 2 F'' + m F' - r F + lambda (G - F) = 0 while the policy holds, F(P*) = V(P*) - I,
    sigma^2 / 2 G'' + m G' - r G + mu (F - G) = 0 while it is stopped: no one invests then,
    since nothing is earned and the cost can wait

    Args:
        process: how the price moves.
        cost: what is sunk I, present value for a tonne a year; unit of the price times year;
            any dims; above 0.
        rate: r, 1/year, any dims; above 0 and, without reversion, above the drift.
        life: L, year, any dims; above 0.

    Returns:
        P*, unit of the price, over all dims.

    Raises:
        ValueError: if a cost, life or volatility is not positive, a rate of the process is
            negative, the discount rate is not above the drift, or no price on the grid makes
            investing worth while.

    Source: finite differences on a grid that is finest around P*; one sweep from each end solves
    for every P* at once. Agrees with `trigger_multiple` to 1e-3.
    """
    _check_life(life)
    _check_process(process)
    _check_rates(rate, np.where(np.asarray(process.speed) > 0, 0.0, process.drift))
    if bool(np.any(np.asarray(cost) <= 0)):
        raise ValueError(f"cost must be above 0; got {float(np.min(cost)):g}")
    return xr.apply_ufunc(_trigger, *_parts(process), cost, rate, life)


def chance_ever(price: Array, *, trigger: Array, drift: Array, volatility: Array) -> Array:
    """Return the chance that a geometric Brownian motion ever reaches the trigger.

    p = min(1, (P* / P)^(2 alpha / sigma^2 - 1)), 1 where P >= P*

    Args:
        price: P, any dims; above 0.
        trigger: P*, any dims; above 0.
        drift: alpha, 1/year, any dims.
        volatility: sigma, 1/year^0.5, any dims; above 0.

    Returns:
        p, dimensionless, over all dims. Where p < 1 the expected delay is infinite.

    Raises:
        ValueError: if a volatility is not positive.

    Source: Harrison (1985), Brownian Motion and Stochastic Flow Systems, chapter 1.
    """
    _check_positive("volatility", volatility)
    gap = np.log(np.maximum(trigger / price, 1.0))
    return np.exp(np.minimum(gap * (2 * drift / volatility**2 - 1), 0.0))


def chance_by_closed_form(
    price: Array, *, trigger: Array, drift: Array, volatility: Array, year: Array
) -> Array:
    """Return the chance that a geometric Brownian motion reaches the trigger within some years.

    p(t) = Phi((n t - b) / (sigma sqrt t)) + exp(2 n b / sigma^2) Phi((-n t - b) / (sigma sqrt t)),
    b = ln(P* / P), n = alpha - sigma^2 / 2; 1 where P >= P*

    Args:
        price, trigger, drift, volatility: as in `chance_ever`.
        year: years from now t, any dims; not negative.

    Returns:
        p, dimensionless, over all dims.

    Raises:
        ValueError: if a volatility is not positive or a year is negative.

    Source: Harrison (1985), chapter 1.
    """
    _check_positive("volatility", volatility)
    _check_years(year)
    return xr.apply_ufunc(_first_passage, price, trigger, drift, volatility, year)


def chance_by(
    process: Process, *, trigger: Array, price: Array, year: xr.DataArray
) -> xr.DataArray:
    """Return the chance that investment comes within some years, for any process.

    p(t) by inverse Laplace transform (Gaver-Stehfest) of E(exp(-s T)) / s, T the first year in
    which the policy holds and the price is at the trigger; E solves the equations of `trigger`
    with s for r and F(P*) = 1

    Args:
        process: how the price moves; the policy holds today.
        trigger: P*, unit of the price, any dims; above 0.
        price: P today, any dims; above 0.
        year: years from now t, any dims; above 0.

    Returns:
        p, dimensionless, over all dims.

    Raises:
        ValueError: if a year or a volatility is not positive, or a rate of the process is
            negative.

    Source: Stehfest (1970), Communications of the ACM 13, 47-49.
    """
    _check_process(process)
    _check_positive("year", year)
    turn = xr.DataArray(np.arange(1.0, STEHFEST + 1), dims="_turn")
    rate = turn * np.log(2) / year
    transform = xr.apply_ufunc(_transform, *_parts(process), trigger, price, rate)
    weights = xr.DataArray(_stehfest_weights(), dims="_turn")
    return np.clip(xr.dot(weights / turn, transform, dim="_turn"), 0, 1)


def median_delay(chance: xr.DataArray, *, dim: str = "year") -> xr.DataArray:
    """Return the years by which half of the investments of a horizon have come.

    t with p(t) = p(H) / 2, p linear between the years and 0 today

    Args:
        chance: p, dimensionless, dim `dim` with its years from now (rising), and any others.
        dim: name of the axis.

    Returns:
        t, year, over the other dims; NaN where no investment comes within the horizon.

    Raises:
        ValueError: if the array has no such axis.
    """
    if dim not in chance.dims:
        raise ValueError(f"chance must have the dim {dim!r}; it has {', '.join(chance.dims)}")
    delay = xr.apply_ufunc(
        _half_time, chance, chance[dim].astype(float), input_core_dims=[[dim], [dim]]
    )
    return delay.assign_attrs(units="year")


def volatility_of(price: xr.DataArray, *, dim: str = "year", averaged: bool = False) -> xr.Dataset:
    """Return the volatility of a yearly price series with its 5 and 95 % confidence limits.

    sigma^2 = variance of ln(P_t / P_{t-1}), n - 1 degrees of freedom; limits by chi squared.
    Changes of yearly means have 2/3 of the variance of changes between dates a year apart, so
    that sigma is then raised by sqrt(3/2).

    Args:
        price: P in years that follow each other, dim `dim` and any others; above 0; NaN before
            and after the years of a series.
        dim: name of the axis.
        averaged: whether the figures are yearly means.

    Returns:
        value, low, high, 1/year^0.5, and freedom (n - 1), over the other dims.

    Raises:
        ValueError: if a price is not positive, or a series has fewer than two changes.

    Source: Working (1960), Econometrica 28, 916-918, for yearly means.
    """
    if bool((price <= 0).any()):
        raise ValueError(f"price must be above 0; got {float(price.min()):g}")
    price = price.sortby(dim) if dim in price.coords else price
    change = np.log(price).diff(dim)
    freedom = change.notnull().sum(dim) - 1
    if bool((freedom < 1).any()):
        raise ValueError("price must have at least three years that follow each other")
    squares = freedom * change.var(dim, ddof=1) * (1.5 if averaged else 1.0)
    return _limits(squares, freedom)


def pooled_volatility(found: xr.Dataset, *, dim: str = "market") -> xr.Dataset:
    """Return one volatility from several, with its 5 and 95 % confidence limits.

    sigma^2 = sum f_i sigma_i^2 / sum f_i, f the degrees of freedom; limits by chi squared

    Args:
        found: value and freedom as `volatility_of` gives them, dim `dim` and any others.
        dim: name of the dim to pool.

    Returns:
        value, low, high, 1/year^0.5, and freedom, over the other dims.
    """
    freedom = found["freedom"].sum(dim)
    return _limits((found["value"] ** 2 * found["freedom"]).sum(dim), freedom)


def _limits(squares, freedom):
    ends = {"value": squares / freedom}
    ends |= {name: squares / chi2.ppf(p, freedom) for name, p in (("low", 0.95), ("high", 0.05))}
    return xr.Dataset({name: np.sqrt(end) for name, end in ends.items()} | {"freedom": freedom})


def _root(rate, drift, volatility):
    moving = np.asarray(volatility) > 0
    variance = np.where(moving, volatility, 1.0) ** 2
    half = drift / variance - 0.5
    beta = np.sqrt(half**2 + 2 * rate / variance) - half
    rising = np.asarray(drift) > 0
    certain = np.where(rising, rate / np.where(rising, drift, 1.0), np.inf)
    return np.where(moving, beta, certain)


def _annuity(rate, life):
    rate, life = np.broadcast_arrays(np.asarray(rate, float), np.asarray(life, float))
    still = rate == 0
    safe = np.where(still, 1.0, rate)
    return np.where(still, life, -np.expm1(-safe * life) / safe)


def _income(price, volatility, drift, speed, level, stop, restart, rate, life):
    """Expected income; the nodes of the quadrature are summed one by one to save memory."""
    total, log_price = 0.0, np.log(price)
    back = np.where(np.asarray(speed) > 0, speed, 1.0)
    leaving = np.asarray(stop) + restart
    hold = np.where(leaving > 0, restart / np.where(leaving > 0, leaving, 1.0), 1.0)
    for node, weight in zip(*QUADRATURE, strict=True):
        t = life * (1 + node) / 2
        fading = np.exp(-back * t)
        centre = np.log(level) - volatility**2 / (4 * back)
        spread = volatility**2 * (1 - fading**2) / (4 * back)
        reverting = log_price * fading + centre * (1 - fading) + spread
        expected = np.where(np.asarray(speed) > 0, reverting, log_price + drift * t)
        holding = hold + (1 - hold) * np.exp(-leaving * t)
        total = total + weight * life / 2 * np.exp(expected - rate * t) * holding
    return total


def _log_drift(x, volatility, drift, speed, level):
    reverting = speed * (np.log(level) - x) - volatility**2 / 4
    return np.where(np.asarray(speed) > 0, reverting, drift - volatility**2 / 2)


def _differences(x, volatility, drift, speed, level):
    """Weights of the neighbours below and above; upwind where central ones would turn negative."""
    down, up = x[1:-1] - x[:-2], x[2:] - x[1:-1]
    move, variance = _log_drift(x[1:-1], volatility, drift, speed, level), volatility**2
    low, high = (variance - move * up) / (down * (down + up)), 0.0
    high = (variance + move * down) / (up * (down + up))
    steep = (low < 0) | (high < 0)
    low = np.where(steep, variance / (down * (down + up)) + np.maximum(-move, 0) / down, low)
    high = np.where(steep, variance / (up * (down + up)) + np.maximum(move, 0) / up, high)
    return low, high


def _sweep(x, low, high, rate, stop, restart, payoff, origin, first, last):
    """Value at node `origin`, policy in force, of stopping at each node from first to last.

    Below the stopping node both regimes continue: F_j = M_j F_{j+1} by elimination from below.
    Above it only the stopped regime does: G_j = p_j G_{j-1} + s_j by elimination from above.
    """
    cells = x.shape[1]
    hold = rate + stop
    slope, shift = np.empty_like(x), np.empty_like(x)
    slope[-1], shift[-1] = np.exp(x[-1] - x[-2]), 0.0  # far above, value rises with the price
    for j in range(len(x) - 2, first, -1):
        a, c = low[j - 1], high[j - 1]
        pivot = a + c + rate + restart - c * slope[j + 1]
        slope[j], shift[j] = a / pivot, (restart * payoff[j] + c * shift[j + 1]) / pivot
    m = np.array([np.ones(cells), np.zeros(cells), np.zeros(cells), np.ones(cells)])
    there, values = np.array([np.ones(cells), np.zeros(cells)]), []
    for k in range(1, last + 1):
        a, c = low[k - 1], high[k - 1]
        if k > origin:  # there = first row of M_origin ... M_{k-1}
            there = np.array([there[0] * m[0] + there[1] * m[2], there[0] * m[1] + there[1] * m[3]])
        if k >= first:
            pivot = a + c + rate + restart - a * m[3] - c * slope[k + 1]
            stopped = ((a * m[2] + restart) * payoff[k] + c * shift[k + 1]) / pivot
            values.append(there[0] * payoff[k] + there[1] * stopped)
        b = (a + c + hold - a * m[0], -stop - a * m[1], -restart - a * m[2])
        b = (*b, a + c + rate + restart - a * m[3])
        m = c / (b[0] * b[3] - b[1] * b[2]) * np.array([b[3], -b[1], -b[2], b[0]])
    return np.array(values)


def _trigger(*arguments):
    *process, cost, rate, life = (a.ravel() for a in np.broadcast_arrays(*arguments))
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    volatility, drift, speed, level, stop, restart = (np.asarray(a, float) for a in process)
    beta = _root(rate, np.where(speed > 0, 0.0, drift), volatility)
    middle = np.log(cost / _annuity(rate, life) * np.minimum(beta / (beta - 1), 20.0))
    ends = -np.arcsinh(BELOW / WIDTH), np.arcsinh(ABOVE / WIDTH)
    steps = WIDTH * np.sinh(np.linspace(*ends, NODES))[:, None]
    for fine in (4, 1):  # a coarse pass finds the place for the fine part of the grid
        x = middle + steps[::fine]
        low, high = _differences(x, volatility, drift, speed, level)
        payoff = _income(np.exp(x), volatility, drift, speed, level, stop, restart, rate, life)
        payoff = payoff - cost
        value = _sweep(x, low, high, rate, stop, restart, payoff, 0, 1, len(x) - 2)
        middle = _peak(x[1:-1], value)
    return np.exp(middle).reshape(shape)


def _peak(x, value):
    """Place of the largest value, by the parabola through it and its neighbours."""
    best = np.argmax(value, axis=0)
    if np.any((best == 0) | (best == len(x) - 1) | (value.max(axis=0) <= 0)):
        raise ValueError(
            "cost must be low enough for some price to repay it; no price between e^-14 and e^5 "
            "times the first guess does"
        )
    cells = np.arange(x.shape[1])
    (x0, x1, x2), (f0, f1, f2) = (
        (array[best - 1, cells], array[best, cells], array[best + 1, cells]) for array in (x, value)
    )
    left, right = (f1 - f0) * (x1 - x2), (f1 - f2) * (x1 - x0)
    bend = left - right
    curved = bend != 0
    shift = ((x1 - x0) * right - (x1 - x2) * left) / np.where(curved, bend, 1.0) / 2
    return np.where(curved, x1 + shift, x1)


def _transform(*arguments):
    """E(exp(-s T)) from today's price, in blocks of cells small enough for the cache."""
    flat = [np.asarray(a, float).ravel() for a in np.broadcast_arrays(*arguments)]
    blocks = range(0, len(flat[0]), BLOCK)
    parts = [_transform_block(*(a[i : i + BLOCK] for a in flat)) for i in blocks]
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    return np.concatenate(parts).reshape(shape)


def _transform_block(volatility, drift, speed, level, stop, restart, goal, price, rate):
    """The same for one block; today's price and the trigger are nodes of the grid."""
    here, there = np.log(price), np.log(goal)
    open_ = there > here
    there = np.where(open_, there, here + 1.0)
    outer = np.sinh(np.linspace(0, np.arcsinh(BELOW / WIDTH), 101)[1:, None]) * WIDTH
    between = here + np.linspace(0, 1, 121)[:, None] * (there - here)
    above = there + outer[outer[:, 0] < ABOVE]
    x = np.concatenate([here - outer[::-1], between, above])
    low, high = _differences(x, volatility, drift, speed, level)
    origin, end = len(outer), len(outer) + 120
    value = _sweep(x, low, high, rate, stop, restart, np.ones_like(x), origin, end, end)[0]
    return np.where(open_, value, 1.0)


def _stehfest_weights():
    half, weights = STEHFEST // 2, []
    for i in range(1, STEHFEST + 1):
        terms = (
            k**half * f(2 * k) / (f(half - k) * f(k) * f(k - 1) * f(i - k) * f(2 * k - i))
            for k in range((i + 1) // 2, min(i, half) + 1)
        )
        weights.append((-1) ** (i + half) * sum(terms))
    return np.array(weights)


def _first_passage(price, goal, drift, volatility, year):
    gap = np.log(np.maximum(goal / price, 1.0))
    move = drift - volatility**2 / 2
    spread = volatility * np.sqrt(np.where(np.asarray(year) > 0, year, 1.0))
    direct = ndtr((move * year - gap) / spread)
    mirrored = 2 * move * gap / volatility**2 + log_ndtr((-move * year - gap) / spread)
    chance = np.where(np.asarray(year) > 0, direct + np.exp(mirrored), 0.0)
    return np.where(gap <= 0, 1.0, np.minimum(chance, 1.0))


def _half_time(chance, year):
    """First year at half of the last chance; a first row of zeros stands for today."""
    years = np.concatenate([[0.0], year])
    p = np.concatenate([np.zeros((*chance.shape[:-1], 1)), chance], axis=-1)
    half = p[..., -1:] / 2
    after = np.argmax(p >= half, axis=-1)[..., None]
    after = np.maximum(after, 1)
    early, late = (np.take_along_axis(p, at, axis=-1) for at in (after - 1, after))
    rise = np.where(late > early, late - early, 1.0)
    t = years[after - 1] + (half - early) / rise * (years[after] - years[after - 1])
    return np.where(half > 0, t, np.nan)[..., 0]


def _parts(process: Process):
    names = ("volatility", "drift", "speed", "level", "stop", "restart")
    return [getattr(process, name) for name in names]


def _check_process(process: Process, *, still: bool = False) -> None:
    if still:
        process = replace(process, volatility=np.maximum(process.volatility, 1e-12))
    _check_positive("volatility", process.volatility)
    _check_positive("level", process.level)
    for name in ("speed", "stop", "restart"):
        value = getattr(process, name)
        if bool(np.any(np.asarray(value) < 0)):
            raise ValueError(f"{name} must be 0 or more a year; got {float(np.min(value)):g}")


def _check_rates(rate: Array, drift: Array) -> None:
    gap = np.min(np.asarray(rate - drift))
    if gap <= 0 or np.min(np.asarray(rate)) <= 0:
        raise ValueError(
            "rate must be above 0 and above the drift, or waiting for ever is best; the smallest "
            f"rate is {float(np.min(rate)):g}, rate less drift {float(gap):g} a year"
        )


def _check_life(life: Array) -> None:
    if bool(np.any(np.asarray(life) <= 0)):
        raise ValueError(f"life must be above 0 years; got {float(np.min(life)):g}")


def _check_years(year: Array) -> None:
    if bool(np.any(np.asarray(year) < 0)):
        raise ValueError(f"year must be 0 or more; got {float(np.min(year)):g}")


def _check_positive(name: str, value: Array) -> None:
    if bool(np.any(np.asarray(value) <= 0)):
        raise ValueError(f"{name} must be above 0; got {float(np.min(value)):g}")
