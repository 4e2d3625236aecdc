"""Research budgets: what a yuan of research saves, what stops cost, and how to split a budget.

A research stock K grows by what is spent and shrinks as knowledge gets out of date. It lowers the
unit cost of a technology along the two-factor curve of `unlock.learning`; the part S of yearly
cost that research can lower turns that into money. All functions broadcast over any dims
(technology, sample) of their arguments.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from unlock import _research

__all__ = [
    "Programme",
    "allocate",
    "cumulative_logistic",
    "effective_research",
    "histories",
    "marginal_saving",
    "midpoint",
    "programme_value",
    "return_on_one_year",
    "return_on_the_level",
    "saving",
    "start_stock",
    "steady",
    "stock_path",
    "stop_and_go",
]

STATES = ("go", "cut", "idle", "back")


@dataclass(frozen=True)
class Programme:
    """A research programme whose budget follows a Markov chain.

    Attributes
    ----------
    budget : DataArray (state, any); m; money a year
    delivered : DataArray (state, any); share of the budget that becomes research; 1
    lost : DataArray (state, any); share lost in a year of what the programme has added to the
        stock, on top of depreciation; 1
    transition : DataArray (state, next, any); chance to go from one state to the next in a year; 1
    start : DataArray (state, any); chance of each state in the first year; 1
    """

    budget: xr.DataArray
    delivered: xr.DataArray
    lost: xr.DataArray
    transition: xr.DataArray
    start: xr.DataArray


def start_stock(spending, *, growth, depreciation):
    """Give the research stock to which spending that grew evenly has led.

    K = R (1 + g) / (g + delta)

    Parameters
    ----------
    spending : array, any dims; R of the last year; money a year
    growth : array, any dims; yearly growth g of spending; 1/year
    depreciation : array, any dims; share delta of the stock that is lost in a year; 1

    Returns
    -------
    K over all dims together; money

    Raises
    ------
    ValueError
        Where growth and depreciation do not add to more than 0.

    Source: Griliches (1979), Bell Journal of Economics 10, 92-116 (perpetual inventory).
    """
    _above("growth + depreciation", growth + depreciation, 0)
    return spending * (1 + growth) / (growth + depreciation)


def effective_research(spending, *, reference, duplication):
    """Give the research that spending amounts to where teams work on the same thing.

    r = R_0 (R / R_0)^lambda

    Parameters
    ----------
    spending : array, any dims; R; money a year, 0 or more
    reference : array, any dims; R_0 for which r is R; money a year, above 0
    duplication : array, any dims; lambda; 1; 1 where nothing overlaps

    Returns
    -------
    r over all dims together; money a year

    Raises
    ------
    ValueError
        For a reference that is not positive or a duplication outside 0 to 1.

    Source: Jones and Williams (1998), Quarterly Journal of Economics 113, 1119-1135.
    """
    _above("reference", reference, 0)
    _within("duplication", duplication)
    return _research.effective(spending, reference, duplication)


def saving(stock, *, initial, exponent, exposed):
    """Give what a research stock saves in a year, against the stock of the start.

    u = S (1 - (K / K_0)^-beta)

    Parameters
    ----------
    stock : array, any dims; K; money, above 0
    initial : array, any dims; K_0; money, above 0
    exponent : array, any dims; beta of the two-factor curve, `learning.experience_exponent` of the
        rate by which a doubled stock lowers cost; 1
    exposed : array, any dims; S, yearly cost that research can lower, at the stock of the start;
        money a year

    Returns
    -------
    u over all dims together; money a year

    Raises
    ------
    ValueError
        For a stock that is not positive.

    Source: Kouvaritakis, Soria and Isoard (2000), International Journal of Global Energy Issues 14,
    104-115, the two-factor curve.
    """
    _above("stock", stock, 0)
    _above("initial", initial, 0)
    return exposed * (1 - (stock / initial) ** -exponent)


def marginal_saving(stock, *, initial, exponent, exposed):
    """Give what one more yuan of stock saves in a year.

    du/dK = beta S (K / K_0)^-beta / K

    Parameters
    ----------
    As in `saving`.

    Returns
    -------
    du/dK over all dims together; 1/year

    Raises
    ------
    ValueError
        For a stock that is not positive.
    """
    _above("stock", stock, 0)
    _above("initial", initial, 0)
    return exponent * exposed * (stock / initial) ** -exponent / stock


def return_on_one_year(marginal, *, depreciation, discount, dim="year"):
    """Give what one more yuan of research in the first year is worth.

    rho_1 = sum_t ((1 - delta) / (1 + i))^t (du/dK)_t, with t = 0 in the first year

    Parameters
    ----------
    marginal : DataArray (`dim`, any); du/dK along the path of the stock; 1/year
    depreciation : array, any dims but `dim`; delta; 1
    discount : array, any dims but `dim`; i; 1/year
    dim : dimension of the years, one step a year

    Returns
    -------
    rho_1 over all dims together but `dim`; yuan for a yuan

    Raises
    ------
    ValueError
        For a depreciation outside 0 to 1.
    """
    _within("depreciation", depreciation)
    t = _count(marginal, dim)
    return (marginal * ((1 - depreciation) / (1 + discount)) ** t).sum(dim)


def return_on_the_level(marginal, *, depreciation, discount, dim="year"):
    """Give what one more yuan of research in every year is worth, for each yuan spent.

    rho = sum_t d^t (du/dK)_t D_t / sum_t d^t, with d = 1 / (1 + i)
    and D_t = (1 - (1 - delta)^(t + 1)) / delta

    Parameters
    ----------
    As in `return_on_one_year`.

    Returns
    -------
    rho over all dims together but `dim`; yuan for a yuan

    Raises
    ------
    ValueError
        For a depreciation outside 0 to 1.
    """
    _within("depreciation", depreciation)
    t = _count(marginal, dim)
    factor = (1 + discount) ** -(t + 0.0)
    return (marginal * factor * _built_up(depreciation, t)).sum(dim) / factor.sum(dim)


def stop_and_go(mean, *, depth, going, stopped, ramp_loss=0.0, team_loss=0.0):
    """Give a programme that is cut and restored at random, with a given mean budget.

    p = 1 / T_go, q = 1 / T_stop, s = T_stop / (T_go + T_stop)
    m_go = m / (1 - d s), m_stop = (1 - d) m_go

    States: "go"; "cut", the first year of a stop, in which teams leave and take the share kappa d
    of what the programme has added to the stock; "idle", its later years; "back", the first year
    after it, in which new teams form and the share phi d of the money brings nothing.

    Parameters
    ----------
    mean : array, any dims; mean budget m; money a year
    depth : array, any dims; d, share by which a stop cuts the budget; 1, from 0 to 1
    going, stopped : arrays, any dims; mean length T_go and T_stop of a spell; year, 1 or more
    ramp_loss : array, any dims; phi of what returns, in the first year; 1
    team_loss : array, any dims; kappa, share of what it knows that a team takes away; 1

    Returns
    -------
    Programme; in its first year the chain is in its long-run distribution

    Raises
    ------
    ValueError
        For a share outside 0 to 1 or a spell shorter than a year.
    """
    for name, share in (
        ("depth", depth),
        ("ramp_loss", ramp_loss),
        ("team_loss", team_loss),
    ):
        _within(name, share)
    _above("going", going, 1, equal=True)
    _above("stopped", stopped, 1, equal=True)
    p, q = 1 / xr.DataArray(going), 1 / xr.DataArray(stopped)
    s = p / (p + q)
    high = mean / (1 - depth * s)
    zero, one = 0 * p, 0 * p + 1
    low = (1 - depth) * high
    rows = {
        "go": [1 - p, p, zero, zero],
        "cut": [zero, zero, 1 - q, q],
        "idle": [zero, zero, 1 - q, q],
        "back": [1 - p, p, zero, zero],
    }
    leaving = p * (1 - s)  # chance of the year in which a stop begins, and of the one it ends
    return Programme(
        budget=_stacked([high, low, low, high]),
        delivered=_stacked([one, one, one, one - ramp_loss * depth]),
        lost=_stacked([zero, zero + team_loss * depth, zero, zero]),
        transition=_stacked([_stacked(row, "next") for row in rows.values()]),
        start=_stacked([1 - s - leaving, leaving, s - leaving, leaving]),
    )


def steady(mean):
    """Give a programme with the same budget every year.

    Parameters
    ----------
    mean : array, any dims; budget m; money a year; 0 for no programme

    Returns
    -------
    Programme with the one state "go"
    """
    one = xr.DataArray([1.0], dims="state", coords={"state": ["go"]})
    stay = one.rename(state="next").expand_dims(state=["go"])
    return Programme(one * mean, one, 0 * one, stay, one)


def programme_value(
    exposed,
    *,
    stock,
    base,
    programme,
    exponent,
    depreciation,
    discount,
    duplication=1.0,
    reference=None,
    luck=0.0,
    public_cost=0.0,
    shares=(1.0,),
    points=33,
    nodes=5,
    dim="year",
):
    """Give the value of a research programme under uncertain budgets and uncertain luck.

    Backward induction: with W_T = 0,
    W_t(K, s) = max over a of E[u_t(K') + W_t+1(K', s') / (1 + i) | s] - c a m_s,
    K' = (1 - delta) (K - l_s max(0, K - B_t)) + z r(R + a y_s m_s)

    for budget state s, saving u, luck z (lognormal, mean 1), the share a of the budget that is
    spent, and the stock B that the base alone would build. The stock lies on an even grid in ln K,
    read by cubic interpolation.

    Parameters
    ----------
    exposed : DataArray (`dim`, any); S of `saving`; money a year
    stock : array, any dims; K_0 before the first year; money
    base : array, any dims; research R that goes on whatever happens; money a year, above 0
    programme : Programme; m, y, l and the chances of s'
    exponent : array, any dims; beta; 1
    depreciation : array, any dims; delta; 1
    discount : array, any dims; i; 1/year
    duplication : array, any dims; lambda of `effective_research`; 1
    reference : array, any dims; R_0 of `effective_research`; `base` if not given; money a year
    luck : array, any dims; standard deviation of ln z; 1
    public_cost : array, any dims; c, what a yuan of budget costs; 0 for the value before its cost
    shares : values that a may take; the best is chosen
    points : nodes of the grid of stocks, 5 or more
    nodes : nodes of the law of luck (Gauss and Hermite)
    dim : dimension of the years, one step a year

    Returns
    -------
    Dataset(value, share) over `state` and all dims but `dim`: W_0 at K_0 (money) and the best a (1)
    in the first year

    Raises
    ------
    ValueError
        For a stock or base that is not positive, a share outside 0 to 1, or too few points.

    Source: Bellman (1957), Dynamic Programming, Princeton University Press.
    """
    _above("stock", stock, 0)
    _above("base", base, 0)
    for name, value in (("depreciation", depreciation), ("duplication", duplication)):
        _within(name, value)
    _within("shares", np.asarray(shares, dtype=float))
    if points < 5:
        raise ValueError(f"points must be 5 or more, but {points} were given")
    reference = base if reference is None else reference

    per_state = ["state"]
    core = [[dim], [], [], [], *[per_state] * 3, ["state", "next"], *[[]] * 6]

    def kernel(*arrays):
        ends = [a.shape[a.ndim - len(dims) :] for a, dims in zip(arrays, core, strict=True)]
        cells = np.broadcast_shapes(
            *(a.shape[: a.ndim - len(end)] for a, end in zip(arrays, ends, strict=True))
        )
        flat = [
            np.broadcast_to(a, (*cells, *end)).reshape(-1, *end)
            for a, end in zip(arrays, ends, strict=True)
        ]
        found = _research.backward_induction(*flat, tuple(shares), points, nodes)
        return tuple(array.reshape(*cells, array.shape[-1]) for array in found)

    value, share = xr.apply_ufunc(
        kernel,
        *(
            xr.DataArray(array)
            for array in (
                exposed,
                stock,
                base,
                reference,
                programme.budget,
                programme.delivered,
                programme.lost,
                programme.transition,
                exponent,
                depreciation,
                discount,
                duplication,
                luck,
                public_cost,
            )
        ),
        input_core_dims=core,
        output_core_dims=[["state"], ["state"]],
    )
    return xr.Dataset({"value": value, "share": share})


def histories(programme, *, years, n, seed=0):
    """Draw histories of the state of a programme.

    Parameters
    ----------
    programme : Programme; its chances may have any dims
    years : years wanted, one step a year
    n : number of histories, all from the same numbers in every cell
    seed : whole number

    Returns
    -------
    DataArray (history, year, any) of places along the dim `state`
    """
    years = np.asarray(years)
    luck = np.random.default_rng(seed).random((n, len(years)))
    luck = xr.DataArray(luck, dims=("history", "year"), coords={"year": years})
    order = {"state": np.arange(programme.start.sizes["state"])}
    reached = programme.start.assign_coords(order).cumsum("state")
    chances = programme.transition.rename(state="now").cumsum("next")
    state = (luck.isel(year=0, drop=True) > reached).sum("state").clip(max=len(order["state"]) - 1)
    path = [state]
    for t in range(1, len(years)):
        row = _at(chances, state)
        state = (luck.isel(year=t, drop=True) > row).sum("next").clip(max=row.sizes["next"] - 1)
        path.append(state)
    return xr.concat(path, dim=luck["year"])


def stock_path(state, *, programme, stock, base, depreciation, duplication=1.0, reference=None):
    """Give the research stock along histories of a programme, without luck.

    K_t = (1 - delta) (K_(t-1) - l_s max(0, K_(t-1) - B_(t-1))) + r(R + y_s m_s)

    Parameters
    ----------
    state : DataArray (year, any) of places along the dim `state` of the programme
    programme, stock, base, depreciation, duplication, reference : as in `programme_value`

    Returns
    -------
    K over (year, any); money
    """
    reference = base if reference is None else reference
    spent = (programme.delivered * programme.budget).rename(state="now")
    lost = programme.lost.rename(state="now")
    found = _research.effective(base + spent, reference, duplication)
    alone, path = stock, []
    for t in range(state.sizes["year"]):
        now = state.isel(year=t, drop=True)
        added = np.maximum(0, stock - alone)
        stock = (1 - depreciation) * (stock - _at(lost, now) * added) + _at(found, now)
        alone = (1 - depreciation) * alone + _research.effective(base, reference, duplication)
        path.append(stock)
    return xr.concat(path, dim=state["year"])


def allocate(budget, *, marginal, dim="technology", points=65):
    """Split a budget so that the last yuan returns the same everywhere.

    Maximise sum_j V_j(m_j) with sum_j m_j = M and m_j >= 0:
    V_j'(m_j) = mu where m_j > 0, and V_j'(0) <= mu where m_j = 0

    The marginals are read on a grid of amounts, denser near 0, straight between its nodes.

    Parameters
    ----------
    budget : array, any dims but `dim`; M; money a year, above 0
    marginal : function of amounts m, DataArray (point, any), that gives V_j'(m) over `dim`, falling
        with m
    dim : dimension of what the budget is split over
    points : nodes of the grid

    Returns
    -------
    m over `dim` and all dims of `budget` and `marginal`; money a year

    Raises
    ------
    ValueError
        For a budget that is not positive, or marginals that rise.

    Source: Kuhn and Tucker (1951), Second Berkeley Symposium, 481-492.
    """
    _above("budget", budget, 0)
    amounts = xr.DataArray(np.linspace(0, 1, points) ** 2, dims="point") * budget
    worth = marginal(amounts)
    if bool((worth.diff("point") > 1e-9 * abs(worth).max()).any()):
        raise ValueError("marginal must fall with the amount, but it rises")
    amounts, worth = xr.broadcast(amounts, worth)

    def kernel(budget, amounts, worth):
        cells = worth.shape[:-2]
        flat = [a.reshape(-1, *a.shape[-2:]) for a in (amounts, worth)]
        found = _research.split(np.broadcast_to(budget, cells).ravel(), *flat)
        return found.reshape(*cells, found.shape[-1])

    return xr.apply_ufunc(
        kernel,
        xr.DataArray(budget),
        amounts,
        worth,
        input_core_dims=[[], [dim, "point"], [dim, "point"]],
        output_core_dims=[[dim]],
    )


def midpoint(first, *, formative, duration):
    """Give the year in which a technology reaches half of its final level.

    t_m = t_1 + F + D / 2

    Parameters
    ----------
    first : array, any dims; t_1, year of first use at industrial scale
    formative : array, any dims; F, years from first use to a tenth of the final level
    duration : array, any dims; D, years from a tenth to nine tenths of a logistic curve; above 0

    Returns
    -------
    t_m over all dims together; year

    Raises
    ------
    ValueError
        For a formative phase below 0 or a duration that is not positive.

    Source: Wilson (2012), Energy Policy 50, 81-94; the end of the formative phase at a tenth.
    """
    _above("formative", formative, 0, equal=True)
    _above("duration", duration, 0)
    return first + formative + duration / 2


def cumulative_logistic(year, *, midpoint, duration, saturation=1.0):
    """Give all that was ever used along a logistic curve of yearly use.

    X = Q w ln(1 + exp((t - t_m) / w)), w = D / ln(81)

    Parameters
    ----------
    year, midpoint, duration, saturation : as in `learning.logistic`, saturation a year

    Returns
    -------
    X over all dims together; unit of the saturation times a year

    Raises
    ------
    ValueError
        For a duration that is not positive.
    """
    _above("duration", duration, 0)
    width = duration / np.log(81.0)
    return saturation * width * np.logaddexp(0, (year - midpoint) / width)


def _built_up(depreciation, t):
    """Stock that one yuan a year has built up; t + 1 where nothing is lost."""
    safe = xr.where(depreciation == 0, 1.0, depreciation)
    return xr.where(depreciation == 0, t + 1.0, (1 - (1 - safe) ** (t + 1)) / safe)


def _count(array, dim):
    """Years since the first, along the years of an array."""
    if dim not in getattr(array, "dims", ()):
        raise ValueError(f"marginal must have the dim {dim!r}")
    return xr.DataArray(np.arange(array.sizes[dim]), dims=dim, coords={dim: array[dim]})


def _stacked(arrays, dim="state"):
    """Arrays of any dims along a new dim, in the order of the states."""
    arrays = xr.broadcast(*(xr.DataArray(array) for array in arrays))
    return xr.concat(arrays, dim=dim).assign_coords({dim: list(STATES)})


def _at(table, place):
    """Cells of a table (now, any) at places along `now`, which may have dims of their own."""
    table = table.drop_vars("now", errors="ignore")
    return sum(table.isel(now=k, drop=True) * (place == k) for k in range(table.sizes["now"]))


def _above(name, array, bound, *, equal=False):
    """Refuse numbers that are not above a bound."""
    least = np.min(np.asarray(array, dtype=float))
    if not (least >= bound if equal else least > bound):
        words = f"{bound} or more" if equal else f"above {bound}"
        raise ValueError(f"{name} must be {words}, but {least:g} was given")


def _within(name, array):
    """Refuse shares outside 0 to 1."""
    odd = np.asarray(array, dtype=float)
    if np.any((odd < 0) | (odd > 1)):
        raise ValueError(
            f"{name} must lie from 0 to 1, but {odd.min():g} to {odd.max():g} was given"
        )
