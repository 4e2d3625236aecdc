"""Directed technical change: clean and dirty inputs, research, the environment, best policy.

The quantitative model of Acemoglu, Aghion, Bursztyn and Hemous (2012), American Economic Review
102, 131-166. A final good is made of a clean and a dirty input. Scientists choose in which of the
two they work. Dirty output wears down the environment S, and S = 0 is the disaster.

Time runs in periods along the dim `year`. The equations take numbers or arrays over any dims;
an `Economy` may hold arrays too (a sample of calibrations), and every result has their dims.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from unlock import _innovation

__all__ = [
    "Economy",
    "best_policy",
    "consumption",
    "damage_exponent",
    "elasticity_exponent",
    "environment",
    "equilibrium_share",
    "initial_productivity",
    "input_ratio",
    "laissez_faire",
    "machine_scale",
    "outputs",
    "productivity",
    "profit_ratio",
    "quality",
    "research_subsidy",
    "simulate",
    "tax_threshold",
    "warming",
    "welfare",
    "welfare_cost",
]

Array = xr.DataArray | np.ndarray | float
INSTRUMENTS = ("both", "subsidy", "tax")
SELECTIONS = ("interior", "dirty", "clean")
CELLS = 1000  # of the grid on which the damage is matched
STEP = 4  # periods between the switching dates tried first


def elasticity_exponent(epsilon: Array, *, alpha: Array) -> Array:
    """Return the exponent that elasticity and machine share make together.

    phi = (1 - a) (1 - e)

    Args:
        epsilon: elasticity of substitution e, dimensionless, any dims; e > 1.
        alpha: share of machines a, dimensionless, any dims.

    Returns:
        phi, dimensionless, negative.
    """
    return (1 - alpha) * (1 - epsilon)


def machine_scale(alpha: Array, *, subsidised: bool = True) -> Array:
    """Return the output that machines add, for a machine that costs psi = a^2.

    K = (a / psi)^{a/(1-a)} with the machine subsidy, (a^2 / psi)^{a/(1-a)} at the monopoly price

    Args:
        alpha: share of machines a, dimensionless, any dims.
        subsidised: whether the subsidy 1 - a makes up for the monopoly price of machines.

    Returns:
        K, dimensionless.
    """
    cost = alpha**2
    return ((alpha if subsidised else alpha**2) / cost) ** (alpha / (1 - alpha))


def initial_productivity(output: Array, *, other: Array, alpha: Array, epsilon: Array) -> Array:
    """Return the productivity of a sector that makes both outputs an equilibrium without policy.

    A_j = Y_j / K (1 + (Y_j / Y_k)^{1/e - 1})^{a/phi + 1}

    Args:
        output: Y_j, energy a period, any dims.
        other: output of the other sector Y_k, same unit, any dims.
        alpha, epsilon: a and e, dimensionless, any dims.

    Returns:
        A_j, in the unit of the output.
    """
    power = alpha / elasticity_exponent(epsilon, alpha=alpha) + 1
    return output / machine_scale(alpha) * (1 + (output / other) ** (1 / epsilon - 1)) ** power


def productivity(share: xr.DataArray, *, initial: Array, step: Array) -> xr.DataArray:
    """Return the productivity of a sector under a path of research.

    A_t = (1 + gamma eta s_t) A_{t-1}

    Args:
        share: scientists in the sector s, from 0 to 1, dim `year` and any others.
        initial: A before the first period, any dims but `year`.
        step: gamma eta of a period, dimensionless, any dims but `year`.

    Returns:
        A, in the unit of `initial`, over all dims.
    """
    return initial * np.exp(np.log1p(step * share).cumsum("year"))


def _terms(clean: Array, dirty: Array, tax: Array, alpha: Array, epsilon: Array) -> tuple:
    """Logs of A_c, A_d, D1 and D2, and phi."""
    phi, theta = elasticity_exponent(epsilon, alpha=alpha), np.log1p(tax)
    log_c, log_d = np.log(clean), np.log(dirty)
    log_d1 = np.logaddexp((1 - epsilon) * theta + phi * log_c, phi * log_d)
    log_d2 = np.logaddexp(phi * log_c, epsilon * theta + phi * log_d)
    return log_c, log_d, log_d1, log_d2, phi


def outputs(
    clean: Array, dirty: Array, *, tax: Array, alpha: Array, epsilon: Array, subsidised: bool = True
) -> tuple[Array, Array]:
    """Return the clean and the dirty output of an equilibrium.

    Y_d = K A_c^{phi+a} A_d / (D1^{a/phi} D2), Y_c = Y_d `input_ratio`
    D1 = (1+tau)^{1-e} A_c^phi + A_d^phi, D2 = A_c^phi + (1+tau)^e A_d^phi

    Args:
        clean, dirty: productivity A_c and A_d, any dims.
        tax: input tax on the dirty good tau, dimensionless, any dims; tau >= 0.
        alpha, epsilon: a and e, dimensionless, any dims.
        subsidised: as in `machine_scale`.

    Returns:
        Y_c and Y_d, energy a period.
    """
    log_c, log_d, log_d1, log_d2, phi = _terms(clean, dirty, tax, alpha, epsilon)
    log_output = (phi + alpha) * log_c + log_d - alpha / phi * log_d1 - log_d2
    made = machine_scale(alpha, subsidised=subsidised) * np.exp(log_output)
    return made * input_ratio(clean / dirty, tax=tax, alpha=alpha, epsilon=epsilon), made


def input_ratio(ratio: Array, *, tax: Array, alpha: Array, epsilon: Array) -> Array:
    """Return clean over dirty output.

    Y_c / Y_d = (1+tau)^e (A_c / A_d)^{e (1-a)}

    Args:
        ratio: A_c / A_d, dimensionless, any dims.
        tax: tau, dimensionless, any dims.
        alpha, epsilon: a and e, dimensionless, any dims.

    Returns:
        Y_c / Y_d, dimensionless.
    """
    return (1 + tax) ** epsilon * ratio ** (epsilon * (1 - alpha))


def consumption(
    clean: Array, dirty: Array, *, tax: Array, alpha: Array, epsilon: Array, subsidised: bool = True
) -> Array:
    """Return what is left of the final good after machines are paid, tax revenue handed back.

    C = K A_c A_d D1^{-1/phi} (1 - a + tau A_c^phi / D2), with a^2 for a in the bracket where
    machines have no subsidy

    Args:
        clean, dirty, tax, alpha, epsilon, subsidised: as in `outputs`.

    Returns:
        C, units of the final good a period.
    """
    log_c, log_d, log_d1, log_d2, phi = _terms(clean, dirty, tax, alpha, epsilon)
    kept = 1 - (alpha if subsidised else alpha**2) + tax * np.exp(phi * log_c - log_d2)
    scale = machine_scale(alpha, subsidised=subsidised)
    return scale * np.exp(log_c + log_d - log_d1 / phi) * kept


def profit_ratio(
    share: Array,
    *,
    ratio: Array,
    tax: Array,
    subsidy: Array,
    alpha: Array,
    epsilon: Array,
    clean_step: Array,
    dirty_step: Array,
) -> Array:
    """Return the profit of clean research over that of dirty research.

    Pi = (1+q) (eta_c / eta_d) (1+tau)^e [(1 + g_c s) / (1 + g_d (1-s))]^{-phi-1} (A_c/A_d)^{-phi}

    Args:
        share: scientists in clean research s, from 0 to 1, any dims.
        ratio: A_c / A_d before the period, dimensionless, any dims.
        tax, subsidy: input tax tau and research subsidy q, dimensionless, any dims.
        alpha, epsilon: a and e, dimensionless, any dims.
        clean_step, dirty_step: g_j = gamma eta_j of a period, dimensionless, any dims.

    Returns:
        Pi_c / Pi_d, dimensionless; above 1 scientists move to clean research.
    """
    phi = elasticity_exponent(epsilon, alpha=alpha)
    lead = (1 + clean_step * share) / (1 + dirty_step * (1 - share))
    pull = (1 + subsidy) * clean_step / dirty_step * (1 + tax) ** epsilon
    return pull * lead ** (-phi - 1) * ratio ** (-phi)


def equilibrium_share(
    ratio: Array,
    *,
    tax: Array,
    subsidy: Array,
    alpha: Array,
    epsilon: Array,
    clean_step: Array,
    dirty_step: Array,
    selection: str = "interior",
) -> Array:
    """Return the share of scientists in clean research that the market chooses.

    1 where only Pi(1) >= 1, 0 where only Pi(0) <= 1; where neither holds, and where both do and
    `selection` is interior, s with Pi(s) = 1:
    s = (R (1 + g_d) - 1) / (g_c + g_d R), R = B^{1/(phi+1)}, B = (1+q) (eta_c/eta_d) (1+tau)^e
    (A_c/A_d)^{-phi}

    Args:
        ratio, tax, subsidy, alpha, epsilon, clean_step, dirty_step: as in `profit_ratio`.
        selection: which equilibrium where there are several, which takes e > (2-a)/(1-a):
            interior, dirty or clean.

    Returns:
        s_c, from 0 to 1.

    Raises:
        ValueError: for an unknown selection.
    """
    _one_of("selection", selection, SELECTIONS)
    common = {
        "ratio": ratio,
        "tax": tax,
        "subsidy": subsidy,
        "alpha": alpha,
        "epsilon": epsilon,
        "clean_step": clean_step,
        "dirty_step": dirty_step,
    }
    clean_holds, dirty_holds = profit_ratio(1.0, **common) >= 1, profit_ratio(0.0, **common) <= 1
    phi = elasticity_exponent(epsilon, alpha=alpha)
    pull = (1 + subsidy) * clean_step / dirty_step * (1 + tax) ** epsilon * ratio ** (-phi)
    flat = np.abs(phi + 1) < 1e-12  # profits do not depend on s: no interior equilibrium
    lead = pull ** (1 / xr.where(flat, 1.0, phi + 1))
    inside = (lead * (1 + dirty_step) - 1) / (clean_step + dirty_step * lead)
    several = {"interior": np.clip(inside, 0, 1), "dirty": 0.0, "clean": 1.0}[selection]
    corner = xr.where(clean_holds, 1.0, 0.0)
    either = xr.where(clean_holds & dirty_holds, several, corner)
    return xr.where(clean_holds | dirty_holds, either, np.clip(inside, 0, 1))


def research_subsidy(
    share: Array,
    *,
    ratio: Array,
    tax: Array,
    alpha: Array,
    epsilon: Array,
    clean_step: Array,
    dirty_step: Array,
) -> Array:
    """Return the subsidy of clean research that makes a share of scientists an equilibrium.

    q = 1 / Pi(s) - 1 where Pi(s) at q = 0 would move scientists away from s, else 0

    Args:
        share, ratio, tax, alpha, epsilon, clean_step, dirty_step: as in `profit_ratio`.

    Returns:
        q, dimensionless; negative where clean research must be held back.
    """
    profit = profit_ratio(
        share,
        ratio=ratio,
        tax=tax,
        subsidy=0.0,
        alpha=alpha,
        epsilon=epsilon,
        clean_step=clean_step,
        dirty_step=dirty_step,
    )
    moves = ((profit > 1) & (share < 1)) | ((profit < 1) & (share > 0))
    return xr.where(moves, 1 / profit - 1, 0.0)


def tax_threshold(
    ratio: Array,
    *,
    alpha: Array,
    epsilon: Array,
    clean_step: Array,
    dirty_step: Array,
    against: str = "dirty",
) -> Array:
    """Return the tax that alone ends an equilibrium of research.

    against dirty: Pi(0) = 1, 1+tau = [(eta_d/eta_c) (A_c/A_d)^phi (1+g_d)^{-phi-1}]^{1/e};
    against clean: Pi(1) = 1, 1+tau = [(eta_d/eta_c) (A_c/A_d)^phi (1+g_c)^{phi+1}]^{1/e}

    Args:
        ratio, alpha, epsilon, clean_step, dirty_step: as in `profit_ratio`.
        against: dirty, the tax above which all-dirty research is no equilibrium; or clean, the
            tax below which all-clean research is none.

    Returns:
        tau, dimensionless; negative where no tax is needed.

    Raises:
        ValueError: for another `against`.
    """
    _one_of("against", against, SELECTIONS[1:])
    phi = elasticity_exponent(epsilon, alpha=alpha)
    lead = (1 + dirty_step) ** (-phi - 1) if against == "dirty" else (1 + clean_step) ** (phi + 1)
    return (dirty_step / clean_step * ratio**phi * lead) ** (1 / epsilon) - 1


def environment(
    dirty: xr.DataArray, *, initial: Array, xi: Array, delta: Array, ceiling: Array
) -> xr.DataArray:
    """Return the quality of the environment that dirty output leaves.

    S_{t+1} = min(S_bar, max(0, (1 + delta) S_t - xi Y_d,t))

    Args:
        dirty: Y_d, energy a period, dim `year` and any others.
        initial: S in the first period, ppm, any dims but `year`.
        xi: loss of S per dirty output, ppm per energy, any dims but `year`.
        delta: regeneration a period, dimensionless, any dims but `year`.
        ceiling: S_bar, ppm, any dims but `year`.

    Returns:
        S, ppm, over all dims; S before the output of the same period acts.

    Raises:
        ValueError: if `dirty` has no dim `year`.
    """
    if "year" not in dirty.dims:
        raise ValueError(
            f"dirty must have the dim 'year'; it has {', '.join(dirty.dims) or 'none'}"
        )
    stock = xr.apply_ufunc(
        _innovation.environment,
        dirty,
        initial,
        xi,
        delta,
        ceiling,
        input_core_dims=[["year"], [], [], [], []],
        output_core_dims=[["year"]],
    )
    return stock.assign_attrs(units="ppm")


def warming(
    stock: Array, *, disaster: Array, sensitivity: Array = 3.0, preindustrial: Array = 280.0
) -> Array:
    """Return the rise of temperature that belongs to a quality of the environment.

    dT = k log2((c0 2^{Td/k} - S) / c0)

    Args:
        stock: S, ppm, any dims.
        disaster: rise at which S = 0, Td, degC, any dims.
        sensitivity: rise for a doubling k, degC, any dims.
        preindustrial: concentration before industry c0, ppm, any dims.

    Returns:
        dT, degC.
    """
    held = preindustrial * 2 ** (disaster / sensitivity) - stock
    return sensitivity * np.log2(held / preindustrial)


def quality(rise: Array, *, disaster: Array, exponent: Array) -> Array:
    """Return how much of its use consumption keeps at a rise of temperature.

    phi_S = [(Td - dT)^l - l Td^{l-1} (Td - dT)] / [(1-l) Td^l]

    Args:
        rise: dT, degC, any dims; from 0 to Td.
        disaster: Td, degC, any dims.
        exponent: l, dimensionless, between 0 and 1, any dims.

    Returns:
        phi_S, dimensionless: 1 at no rise, 0 at the disaster.
    """
    left = np.maximum(disaster - rise, 0)
    value = left**exponent - exponent * disaster ** (exponent - 1) * left
    return value / ((1 - exponent) * disaster**exponent)


def damage_exponent(
    damage: Array,
    *,
    disaster: Array,
    matched: float = 3.0,
    sensitivity: Array = 3.0,
    preindustrial: float = 280.0,
) -> Array:
    """Return the exponent that brings quality nearest to a quadratic damage function.

    l = argmin of the integral of (1 / (1 + d dT^2) - phi_S(dT(S); l))^2 over S, from dT = 0 to m

    Args:
        damage: d, 1/degC^2, any dims; d > 0.
        disaster: Td, degC, any dims; above `matched`.
        matched: largest rise that counts m, degC.
        sensitivity, preindustrial: as in `warming`.

    Returns:
        l, dimensionless.

    Raises:
        ValueError: if the disaster does not lie above the matched range.
    """
    if bool(np.any(np.asarray(disaster) <= matched)):
        raise ValueError(
            f"disaster must lie above {matched:g} degC, the range over which damage is matched; "
            f"got {float(np.min(disaster)):g}"
        )

    def match(d, td, k):
        d, td, k = (np.expand_dims(np.asarray(part, dtype=float), -1) for part in (d, td, k))
        cells = (np.arange(CELLS) + 0.5) / CELLS
        held = preindustrial * (1 + (2 ** (matched / k) - 1) * cells)  # midpoints in S
        rise = k * np.log2(held / preindustrial)
        target = 1 / (1 + d * rise**2)

        def misfit(exponent):
            kept = quality(rise, disaster=td, exponent=exponent[..., None])
            return ((target - kept) ** 2).mean(-1)

        shape = np.broadcast_shapes(d.shape, td.shape, k.shape)[:-1]
        return _golden(misfit, np.full(shape, 1e-6), np.full(shape, 0.999))

    return xr.apply_ufunc(match, damage, disaster, sensitivity)


def _golden(function, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Minimum of a function with one valley, in every cell, by golden section."""
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(50):
        span = golden * (high - low)
        left, right = high - span, low + span
        down = function(left) < function(right)
        low, high = np.where(down, low, left), np.where(down, right, high)
    return (low + high) / 2


def welfare(
    consumed: xr.DataArray, *, kept: xr.DataArray, discount: Array, sigma: Array, period: float
) -> xr.DataArray:
    """Return the discounted utility of a path.

    U = sum_t (1 + P rho)^{-t} (phi_S C)^{1-sigma} / (1 - sigma)

    Args:
        consumed: C a period, dim `year` and any others.
        kept: phi_S, dimensionless, dim `year` and any others.
        discount: rho, 1/year, any dims but `year`.
        sigma: relative risk aversion, dimensionless, any dims but `year`; sigma > 1.
        period: length of a period P, year.

    Returns:
        U, negative; minus infinity after a disaster.
    """
    count = xr.DataArray(np.arange(consumed.sizes["year"]), dims="year")
    with np.errstate(divide="ignore"):
        flow = (kept * consumed) ** (1 - sigma) / (1 - sigma)
    return (flow * (1 + period * discount) ** -count).sum("year")


def welfare_cost(utility: Array, *, reference: Array, sigma: Array) -> Array:
    """Return the consumption in every period that a path is worth less than a reference path.

    x = 100 (1 - (U / U_ref)^{1/(1-sigma)})

    Args:
        utility: U, any dims.
        reference: U_ref, any dims.
        sigma: as in `welfare`.

    Returns:
        x, percent of consumption.
    """
    cost = 100 * (1 - (utility / reference) ** (1 / (1 - sigma)))
    return cost.assign_attrs(units="percent") if isinstance(cost, xr.DataArray) else cost


@dataclass(frozen=True, kw_only=True, eq=False)
class Economy:
    """One calibration of the model, or a sample of them: numbers, or arrays without dim `year`.

    Derived: phi; xi = emissions / Y_d0; S_bar = c0 (2^{Td/k} - 1); S_0 = S_bar - rise;
    delta = absorbed emissions / S_0; A_c0, A_d0 by `initial_productivity`; lambda by
    `damage_exponent`; g_j = gamma eta_j P.

    Raises:
        ValueError: for a number that the model cannot take; it names the field.
    """

    epsilon: Array  # elasticity of substitution e, 1; above 1
    discount: Array  # rho, 1/year
    alpha: Array  # share of machines, 1
    gamma: Array  # size of an innovation, 1
    eta_c: Array  # chance of success in clean research, 1/year
    eta_d: Array  # chance of success in dirty research, 1/year
    sigma: Array  # relative risk aversion, 1; above 1
    clean: Array  # Y_c0 of the first period, energy
    dirty: Array  # Y_d0 of the first period, energy
    emissions: Array  # of the first period, ppm
    rise: Array  # concentration above the preindustrial one, ppm
    absorbed: Array  # share of first emissions that nature takes up, 1
    disaster: Array  # Td, degC
    sensitivity: Array  # k, degC
    preindustrial: Array  # c0, ppm
    damage: Array  # d, 1/degC^2
    matched: float  # m, degC
    period: float  # P, year
    horizon: float  # year

    def __post_init__(self):
        """Check every number."""
        above = {"epsilon": 1, "sigma": 1} | dict.fromkeys(
            ("alpha", "gamma", "eta_c", "eta_d", "clean", "dirty", "emissions", "disaster"), 0
        )
        above |= dict.fromkeys(("sensitivity", "preindustrial", "damage", "period", "horizon"), 0)
        for name, bound in above.items():
            _require(name, getattr(self, name), np.greater, bound, "above")
        for name in ("discount", "rise", "absorbed"):
            _require(name, getattr(self, name), np.greater_equal, 0, "at least")
        _require("alpha", self.alpha, np.less, 1, "below")
        _require("rise", self.rise, np.less, float(np.min(self.ceiling)), "below S_bar =")
        _whole_periods("horizon", self.horizon, self.period)

    @cached_property
    def phi(self) -> Array:
        """phi, 1."""
        return elasticity_exponent(self.epsilon, alpha=self.alpha)

    @cached_property
    def xi(self) -> Array:
        """xi, ppm per energy."""
        return self.emissions / self.dirty

    @cached_property
    def ceiling(self) -> Array:
        """S_bar, ppm."""
        return self.preindustrial * (2 ** (self.disaster / self.sensitivity) - 1)

    @cached_property
    def initial(self) -> Array:
        """S_0, ppm."""
        return self.ceiling - self.rise

    @cached_property
    def delta(self) -> Array:
        """delta of a period, 1."""
        return self.absorbed * self.emissions / self.initial

    @cached_property
    def exponent(self) -> Array:
        """lambda, 1."""
        return damage_exponent(
            self.damage,
            disaster=self.disaster,
            matched=self.matched,
            sensitivity=self.sensitivity,
            preindustrial=self.preindustrial,
        )

    @cached_property
    def clean_step(self) -> Array:
        """g_c of a period, 1."""
        return self.gamma * self.eta_c * self.period

    @cached_property
    def dirty_step(self) -> Array:
        """g_d of a period, 1."""
        return self.gamma * self.eta_d * self.period

    @cached_property
    def productivity(self) -> tuple[Array, Array]:
        """A_c0 and A_d0."""
        common = {"alpha": self.alpha, "epsilon": self.epsilon}
        return (
            initial_productivity(self.clean, other=self.dirty, **common),
            initial_productivity(self.dirty, other=self.clean, **common),
        )

    @property
    def technology(self) -> dict[str, Array]:
        """a and e."""
        return {"alpha": self.alpha, "epsilon": self.epsilon}

    @property
    def research(self) -> dict[str, Array]:
        """a, e, g_c and g_d."""
        return self.technology | {"clean_step": self.clean_step, "dirty_step": self.dirty_step}

    @property
    def periods(self) -> int:
        """Number of periods."""
        return round(self.horizon / self.period)

    @property
    def years(self) -> xr.DataArray:
        """First year of each period, counted from the start."""
        years = self.period * np.arange(self.periods)
        return xr.DataArray(years, dims="year", coords={"year": years})

    @property
    def sizes(self) -> dict[str, int]:
        """Dims of the sample, none for one calibration."""
        fields = [getattr(self, field.name) for field in dataclasses.fields(self)]
        arrays = [field for field in fields if isinstance(field, xr.DataArray)]
        return dict(xr.broadcast(*arrays)[0].sizes) if arrays else {}

    def isel(self, **cell: int) -> "Economy":
        """Return the calibration in one cell of the sample."""
        chosen = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, xr.DataArray):
                value = value.isel({d: i for d, i in cell.items() if d in value.dims}, drop=True)
                value = value.item() if value.ndim == 0 else value
            chosen[field.name] = value
        return Economy(**chosen)


def simulate(
    economy: Economy, share: xr.DataArray, *, tax: Array, subsidised: bool = True
) -> xr.Dataset:
    """Return the path of an economy under a path of research and of the tax.

    Args:
        economy: calibration.
        share: scientists in clean research s_c, dim `year` and any others.
        tax: tau, dimensionless, dim `year` and any others, or a number.
        subsidised: as in `machine_scale`; without it the first outputs stay the recorded ones.

    Returns:
        share, tax, subsidy q, productivity clean_productivity and dirty_productivity, output
        clean and dirty, consumption, environment S, warming, quality, over `year` and the other
        dims; welfare U.
    """
    first = [a if subsidised else a * machine_scale(economy.alpha) for a in economy.productivity]
    steps = economy.clean_step, economy.dirty_step
    clean = productivity(share, initial=first[0], step=steps[0])
    dirty = productivity(1 - share, initial=first[1], step=steps[1])
    common = economy.technology | {"tax": tax, "subsidised": subsidised}
    made = outputs(clean, dirty, **common)
    consumed = consumption(clean, dirty, **common)
    stock = environment(
        made[1],
        initial=economy.initial,
        xi=economy.xi,
        delta=economy.delta,
        ceiling=economy.ceiling,
    )
    climate = {"sensitivity": economy.sensitivity, "preindustrial": economy.preindustrial}
    rise = warming(stock, disaster=economy.disaster, **climate)
    kept = quality(rise, disaster=economy.disaster, exponent=economy.exponent)
    lead = first[0] / first[1]
    before = (clean / dirty).shift(year=1, fill_value=1.0)
    before = xr.where(economy.years == 0, lead, before)
    path = {
        "share": share,
        "tax": tax,
        "subsidy": research_subsidy(share, ratio=before, tax=tax, **economy.research),
        "clean_productivity": clean,
        "dirty_productivity": dirty,
        "clean": made[0],
        "dirty": made[1],
        "consumption": consumed,
        "environment": stock,
        "warming": rise.assign_attrs(units="delta_degC"),
        "quality": kept,
        "welfare": welfare(
            consumed,
            kept=kept,
            discount=economy.discount,
            sigma=economy.sigma,
            period=economy.period,
        ),
    }
    return xr.Dataset(path)


def laissez_faire(
    economy: Economy, *, subsidised: bool = False, selection: str = "interior"
) -> xr.Dataset:
    """Return the path without a tax and without a subsidy of research.

    s_t by `equilibrium_share` at tau = q = 0, given A_c,t-1 / A_d,t-1

    Args:
        economy: calibration.
        subsidised: as in `machine_scale`.
        selection: as in `equilibrium_share`.

    Returns:
        As `simulate`, with disaster_year: the year in which S reaches 0, infinite if it never
        does, and clean_year: the year in which some research turns clean, likewise.

    Raises:
        ValueError: as in `equilibrium_share`.
    """
    clean, dirty = economy.productivity
    ratio, shares = clean / dirty, []
    for _ in range(economy.periods):
        share = equilibrium_share(
            ratio, tax=0.0, subsidy=0.0, selection=selection, **economy.research
        )
        step = (1 + economy.clean_step * share) / (1 + economy.dirty_step * (1 - share))
        ratio = ratio * step
        shares.append(xr.DataArray(share))
    path = simulate(
        economy, xr.concat(shares, economy.years), tax=0 * economy.years, subsidised=subsidised
    )
    path["disaster_year"] = _first(path["environment"] <= 0).assign_attrs(units="year")
    path["clean_year"] = _first(path["share"] > 0).assign_attrs(units="year")
    return path


def _first(holds: xr.DataArray) -> xr.DataArray:
    """First year in which a condition holds, infinite if it never does."""
    return holds["year"].where(holds, np.inf).min("year")


def best_policy(
    economy: Economy,
    *,
    delay: float = 0,
    instruments: str = "both",
    selection: str = "dirty",
    starts: Sequence[float] = (0, 25, 50, 75),
    near: Sequence[xr.Dataset] = (),
    iterations: int = 1000,
) -> xr.Dataset:
    """Return the policy with the highest welfare, and the path under it.

    max U over s_c,t in [0, 1] and tau_t in [0, 50]; s_c = tau = 0 before the delay is over;
    tau = 0 throughout for `subsidy`; for `tax` the market chooses s_c at q = 0: research is dirty
    until a switching date and clean from then on, with the tax on the right side of
    `tax_threshold`. Machines are subsidised.

    Solved with L-BFGS-B on (s_c, log(1 + tau)) with the exact gradient of log|U|, from several
    switching dates, of which the best result is kept. The problem is not convex: a start finds a
    local optimum.

    Args:
        economy: calibration; a sample is solved cell by cell.
        delay: years without policy; whole periods.
        instruments: both, subsidy or tax.
        selection: for `tax`, which equilibrium research takes where both are one: dirty (clean
            research must be the only one) or clean.
        starts: switching dates that the descents start from, year; for `tax` all dates are
            searched instead.
        near: paths that descents start from as well, of one calibration or of the same sample.
        iterations: bound on the steps of a descent.

    Returns:
        As `simulate`, with first_order: the largest step a unit step along the gradient makes
        within the bounds; local: losses log|U| of all starts (dim `start`, NaN where none).

    Raises:
        ValueError: for an unknown instrument or selection, a delay that is no whole number of
            periods or outlasts the environment, or if no policy averts the disaster.
    """
    _one_of("instruments", instruments, INSTRUMENTS)
    _one_of("selection", selection, SELECTIONS[1:])
    _whole_periods("delay", delay, economy.period)
    settings = (round(delay / economy.period), instruments, selection, iterations)
    dates = [round(start / economy.period) for start in starts]
    sizes = economy.sizes
    names, found = list(sizes), []
    for index in itertools.product(*(range(size) for size in sizes.values())):
        cell = dict(zip(names, index, strict=True))
        warm = [_policy_of(path, cell) for path in near]
        found.append(_optimum(economy.isel(**cell), dates, warm, *settings))
    shape, n = tuple(sizes.values()), economy.periods
    policy = np.array([policy for policy, _, _ in found]).reshape(*shape, 2 * n)
    dims, coords = (*names, "year"), {"year": economy.years}
    share = xr.DataArray(policy[..., :n], dims=dims, coords=coords)
    tax = xr.DataArray(np.expm1(policy[..., n:]), dims=dims, coords=coords)
    path = simulate(economy, share, tax=tax)
    path["first_order"] = (names, np.reshape([step for _, step, _ in found], shape))
    most = max(len(losses) for _, _, losses in found)
    padded = [losses + [np.nan] * (most - len(losses)) for _, _, losses in found]
    path["local"] = ((*names, "start"), np.reshape(padded, (*shape, most)))
    return path


def _policy_of(path: xr.Dataset, cell: dict[str, int]) -> np.ndarray:
    """The policy (s, theta) of a path in one cell of a sample."""
    own = path[["share", "tax"]].isel({d: i for d, i in cell.items() if d in path.dims})
    return np.concatenate([own["share"], np.log1p(own["tax"])])


def _optimum(economy, dates, warm, wait, instruments, selection, iterations):
    """The best policy of one calibration, its first-order step and the losses of all starts."""
    n = economy.periods
    lower, upper = np.zeros(2 * n), np.repeat([1.0, _innovation.LARGEST_TAX], n)
    upper[:wait] = upper[n : n + wait] = 0
    if instruments == "subsidy":
        upper[n:] = 0
    problem = _problem(economy, lower, upper)
    _require_time(economy, problem, wait)
    if instruments == "tax":
        policy, losses, problem = _best_switch(economy, problem, wait, selection, iterations)
    else:
        shares = [np.where(np.arange(n) >= max(date, wait), 0.99, 0.01) for date in dates]
        shares += [start[:n] for start in warm]
        starts = [_innovation.feasible(np.clip(s, 0, upper[:n]), problem) for s in shares]
        clipped = [np.clip(start, lower, upper) for start in warm]
        starts += [start for start in clipped if _innovation.lowest(start, problem) > 0]
        starts = [start for start in starts if start is not None]
        policy, losses = _innovation.best(starts, problem, iterations)
    if policy is None:
        raise ValueError(
            f"no policy averts the disaster with instruments={instruments!r} and "
            f"delay={wait * economy.period:g} years at epsilon={economy.epsilon:g}; shorten the "
            "delay, or allow both instruments"
        )
    return policy, _innovation.residual(policy, problem), losses


def _require_time(economy, problem, wait):
    """Refuse a delay that outlasts the environment."""
    nothing = np.zeros(2 * economy.periods)
    stock = _innovation.unclipped(nothing, problem)
    if wait and stock[: wait + 1].min() <= 0:
        end = economy.period * np.argmax(stock <= 0)
        raise ValueError(
            f"delay must end before the disaster in year {end:g}; got {wait * economy.period:g}"
        )


def _best_switch(economy, problem, wait, selection, iterations):
    """The best switching date and tax where the tax alone steers research.

    Every fourth date is tried in few steps, then all dates around the best one in full.
    """
    last = economy.periods - 1

    def solve(date, steps):
        bounded = _steered(economy, problem, date, wait, selection)
        start = bounded and _innovation.feasible(bounded.lower[: economy.periods], bounded)
        policy, losses = _innovation.best([] if start is None else [start], bounded, steps)
        return (losses[0] if losses else np.inf), policy, bounded

    rough = {}
    for date in range(wait, last, STEP):
        rough[date] = solve(date, -(-iterations // STEP))[0]
        if not np.isfinite(rough[date]) and date > wait:
            break  # later still is too late
    centre = min(rough, key=rough.get)
    near = range(max(wait, centre - STEP + 1), min(last, centre + STEP))
    tried = [solve(date, iterations) for date in near]
    _, policy, bounded = min(tried, key=lambda entry: entry[0])
    return policy, [value for value, _, _ in tried if np.isfinite(value)], bounded


def _steered(economy, problem, date, wait, selection):
    """The problem with research switched at a date and the tax bounded to match; None if none."""
    n = economy.periods
    share = (np.arange(n) >= date).astype(float)
    moves = np.log1p(problem.clean_step * share) - np.log1p(problem.dirty_step * (1 - share))
    ratio = problem.clean / problem.dirty * np.exp(np.cumsum(moves) - moves)  # before the period
    research = economy.research
    ends = [np.log1p(tax_threshold(ratio, against=side, **research)) for side in ("dirty", "clean")]
    to_clean = np.maximum(*ends) if selection == "dirty" else ends[1]
    to_dirty = ends[0] if selection == "dirty" else np.minimum(*ends)
    most = np.where(np.arange(n) < wait, 0.0, _innovation.LARGEST_TAX)
    lower = np.where(share > 0, np.maximum(to_clean, 0), 0)
    upper = np.where(share > 0, most, np.minimum(to_dirty, most))
    if (lower > upper).any():
        return None
    bounds = {"lower": np.concatenate([share, lower]), "upper": np.concatenate([share, upper])}
    return dataclasses.replace(problem, **bounds)


def _problem(economy: Economy, lower: np.ndarray, upper: np.ndarray) -> _innovation.Problem:
    """The numbers of one calibration as the kernel takes them."""
    clean, dirty = economy.productivity
    return _innovation.Problem(
        alpha=economy.alpha,
        epsilon=economy.epsilon,
        sigma=economy.sigma,
        phi=economy.phi,
        scale=machine_scale(economy.alpha),
        clean=clean,
        dirty=dirty,
        clean_step=economy.clean_step,
        dirty_step=economy.dirty_step,
        log_beta=-np.log1p(economy.period * economy.discount),
        start=economy.initial,
        ceiling=economy.ceiling,
        xi=economy.xi,
        delta=economy.delta,
        disaster=economy.disaster,
        preindustrial=economy.preindustrial,
        sensitivity=economy.sensitivity,
        curvature=float(economy.exponent),
        lower=lower,
        upper=upper,
    )


def _require(name: str, value: Array, holds, bound: float, words: str) -> None:
    numbers = np.asarray(value, dtype=float)
    wrong = ~holds(numbers, bound)  # also where a number is missing
    if wrong.any():
        raise ValueError(f"{name} must be {words} {bound:g}; got {float(numbers[wrong].flat[0]):g}")


def _whole_periods(name: str, value: float, period: float) -> None:
    if value < 0 or abs(value / period - round(value / period)) > 1e-9:
        raise ValueError(f"{name} must be a whole number of {period:g}-year periods; got {value:g}")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
