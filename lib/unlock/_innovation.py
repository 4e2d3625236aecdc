"""Numpy kernels of `unlock.innovation`: the recursion of the environment and the optimisation.

A policy is a vector (s, theta): the share of scientists in clean research and theta = log(1 + tau)
in each period. The loss is log|U|, which is smooth where U spans many powers of ten, and its
gradient comes from the adjoint of the environment, so that one call costs a tenth of a millisecond.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

LARGEST_TAX = np.log(51.0)  # bound of theta: tau = 50 leaves no dirty output worth the name
FLOOR = 1e-6  # share of S_bar below which log quality goes on in a straight line
SAFE = 0.05  # share of S_bar that a start must keep
TAXES = (0.02, 0.1, 0.3, 0.6, 1.0, 2.0, LARGEST_TAX)  # theta of the starts
MEMORY = 30  # pairs of steps that L-BFGS-B keeps


@dataclass(frozen=True)
class Problem:
    """Numbers of one economy and the bounds of its policy."""

    alpha: float
    epsilon: float
    sigma: float
    phi: float
    scale: float  # K
    clean: float  # A_c0
    dirty: float  # A_d0
    clean_step: float  # gamma eta_c per period
    dirty_step: float
    log_beta: float  # log discount factor of a period
    start: float  # S_0
    ceiling: float  # S_bar
    xi: float
    delta: float
    disaster: float  # T_d
    preindustrial: float
    sensitivity: float
    curvature: float  # lambda
    lower: np.ndarray  # bounds of (s, theta)
    upper: np.ndarray


def environment(dirty, start, xi, delta, ceiling):
    """S over the last axis of `dirty`, one period later than the output that moves it."""
    stock = np.empty(np.broadcast_shapes(dirty.shape, (*np.shape(start), 1)))
    now = np.broadcast_to(start, stock.shape[:-1])
    for t in range(stock.shape[-1]):
        stock[..., t] = now
        now = np.clip(now * (1 + delta) - xi * dirty[..., t], 0, ceiling)
    return stock


@dataclass(frozen=True)
class State:
    """What a policy makes of an economy, period by period."""

    log_clean: np.ndarray  # log A_c
    log_dirty: np.ndarray
    tau: np.ndarray
    v: np.ndarray  # share of the clean term in D1
    w: np.ndarray  # dirty share of the value of inputs
    kept: np.ndarray  # consumption over that value
    consumption: np.ndarray  # log C
    output: np.ndarray  # Y_d


def state(policy, p):
    """The economy under a policy."""
    s, theta = np.split(policy, 2)
    log_c = np.log(p.clean) + np.cumsum(np.log1p(p.clean_step * s))
    log_d = np.log(p.dirty) + np.cumsum(np.log1p(p.dirty_step * (1 - s)))
    gap, tau = p.phi * (log_c - log_d), np.expm1(theta)
    w = expit(gap - p.epsilon * theta)
    v = expit((1 - p.epsilon) * theta + gap)
    log_d1 = np.logaddexp((1 - p.epsilon) * theta + p.phi * log_c, p.phi * log_d)
    kept = 1 - p.alpha + tau * w
    consumption = np.log(p.scale) + log_c + log_d - log_d1 / p.phi + np.log(kept)
    output = p.scale * np.exp(p.alpha * log_c + log_d - p.alpha / p.phi * log_d1) * w
    return State(log_c, log_d, tau, v, w, kept, consumption, output)


def loss(policy, p):
    """log|U| and its gradient in (s, theta)."""
    x = state(policy, p)
    stock, free = _unclipped(x.output, p)
    log_quality, slope = _log_quality(stock, p)
    terms = p.log_beta * np.arange(stock.size) + (1 - p.sigma) * (log_quality + x.consumption)
    weights = np.exp(terms - terms.max())
    value = terms.max() + np.log(weights.sum()) - np.log(p.sigma - 1)
    weights *= (1 - p.sigma) / weights.sum()
    harm = -_shadow_price(weights * slope, free, p) * p.xi * x.output
    return value, _gradient(policy, x, weights, harm, p)


def _gradient(policy, x, weights, harm, p):
    """Chain rule through log C (`weights`) and log Y_d (`harm`)."""
    s, v, w, tau = policy[: policy.size // 2], x.v, x.w, x.tau
    k = tau * w * (1 - w) / x.kept
    by_clean = weights * (1 - v + p.phi * k) + harm * (p.alpha * (1 - v) + p.phi * (1 - w))
    by_dirty = weights * (v - p.phi * k) + harm * (1 - p.alpha * (1 - v) - p.phi * (1 - w))
    by_share = _later(by_clean) * p.clean_step / (1 + p.clean_step * s)
    by_share -= _later(by_dirty) * p.dirty_step / (1 + p.dirty_step * (1 - s))
    revenue = ((1 + tau) * w - p.epsilon * tau * w * (1 - w)) / x.kept
    by_theta = weights * (revenue - v / (1 - p.alpha))
    by_theta += harm * (-p.alpha / p.phi * (1 - p.epsilon) * v - p.epsilon * (1 - w))
    return np.concatenate([by_share, by_theta])


def _later(array):
    """Sum from each period to the last."""
    return np.cumsum(array[::-1])[::-1]


def _unclipped(output, p):
    """S with no floor, and where it stays below its ceiling a period later."""
    stock, free, now = [], [], p.start
    for emitted in (p.xi * output).tolist():
        stock.append(now)
        now = now * (1 + p.delta) - emitted
        free.append(now < p.ceiling)
        now = min(now, p.ceiling)
    return np.array(stock), free


def _log_quality(stock, p):
    """log phi_S and its slope; below the floor a straight line leads back to where S > 0."""
    inside = np.maximum(stock, FLOOR * p.ceiling)
    room = p.preindustrial * 2 ** (p.disaster / p.sensitivity) - inside
    left = p.disaster - p.sensitivity * np.log2(room / p.preindustrial)  # degC to the disaster
    left_slope = p.sensitivity / (np.log(2) * room)
    bend, linear = p.curvature, p.curvature * p.disaster ** (p.curvature - 1)
    quality = left**bend - linear * left
    slope = (bend * left ** (bend - 1) - linear) * left_slope / quality
    most = (1 - bend) * p.disaster**bend
    return np.log(quality / most) + slope * (stock - inside), slope


def _shadow_price(own, free, p):
    """d loss / d S of the next period, for each period; S at its ceiling is worth no more."""
    prices, price = [], 0.0
    for marginal, open_ in zip(own[::-1].tolist(), free[::-1], strict=True):
        passed = price if open_ else 0.0
        prices.append(passed)
        price = marginal + (1 + p.delta) * passed
    return np.array(prices[::-1])


def residual(policy, p):
    """Largest step that a unit step down the gradient makes within the bounds."""
    gradient = loss(policy, p)[1]
    return np.abs(policy - np.clip(policy - gradient, p.lower, p.upper)).max()


def lowest(policy, p):
    """Least S over the path, as a share of S_bar."""
    return unclipped(policy, p).min() / p.ceiling


def unclipped(policy, p):
    """S under a policy, with no floor."""
    return _unclipped(state(policy, p).output, p)[0]


def feasible(share, p):
    """The policy with this research and the lowest of a few level taxes that averts the disaster.

    None if not even the highest does.
    """
    for theta in TAXES:
        policy = np.concatenate([share, np.full(share.size, theta)])
        policy = np.clip(policy, p.lower, p.upper)
        if lowest(policy, p) > SAFE:
            return policy
    return None


def stretch(p):
    """Units of (s, theta) in which a step matters alike early and late.

    Welfare of period t weighs beta^t C^{1-sigma}; its root, with C growing as research does.
    """
    growth = np.log1p(max(p.clean_step, p.dirty_step))
    fading = (p.sigma - 1) * growth - p.log_beta
    return np.tile(np.exp(fading / 2 * np.arange(p.lower.size // 2)), 2)


def descend(policy, p, iterations):
    """The policy that L-BFGS-B reaches."""
    unit = stretch(p)

    def scaled(steps):
        value, gradient = loss(steps * unit, p)
        return value, gradient * unit

    found = minimize(
        scaled,
        policy / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=np.column_stack([p.lower / unit, p.upper / unit]),
        options={
            "maxiter": iterations,
            "maxfun": 2 * iterations,
            "maxcor": MEMORY,
            "ftol": 1e-14,
            "gtol": 1e-9,
        },
    )
    return np.clip(found.x * unit, p.lower, p.upper)


def pulled_back(policy, start, p):
    """The policy mixed with as little of its start as keeps S above 0.

    A short descent may end a hair beyond S = 0 in the last period, where nothing later is lost.
    """
    for part in (0.0, *np.logspace(-6, 0, 7)):
        mixed = (1 - part) * policy + part * start
        if lowest(mixed, p) > 0:
            break
    return mixed


def best(starts, p, iterations):
    """The best policy reached from the starts, and the losses of all; None without a start."""
    if not starts:
        return None, []
    reached = [pulled_back(descend(start, p, iterations), start, p) for start in starts]
    losses = [loss(policy, p)[0] for policy in (*reached, *starts)]
    return (*reached, *starts)[int(np.argmin(losses))], losses[: len(reached)]
