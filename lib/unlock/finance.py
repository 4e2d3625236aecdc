"""The price of money: margins on loans, linked bonds, first-loss funds, contracts and exchanges.

What a lender asks for less lowers the yearly charge for capital; what a fund loses first is not
lost by private investors; what firms trade is cut where it is cheapest. All functions broadcast
over any dims (route, region, sample) of their arguments.
"""

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from unlock.costs import annuity_factor

FACTOR_CELLS = 2048  # midpoints of the common factor's quantiles
STEPS = 60  # halvings of a bracket: past the digits of a double


def cost_of_capital(debt_rate, *, equity_rate, debt_share):
    """Give the weighted cost of capital.

    r = D r_d + (1 - D) r_e

    Parameters
    ----------
    debt_rate : array, any dims; real interest r_d on debt; 1/year
    equity_rate : array, any dims; real return r_e asked for on equity; 1/year
    debt_share : array, any dims; share D of debt in the capital; 1, from 0 to 1

    Returns
    -------
    r over all dims together; 1/year

    Raises
    ------
    ValueError
        For a share outside 0 to 1.

    Source: Modigliani and Miller (1958), American Economic Review 48, 261-297, without taxes.
    """
    _within(0, 1, debt_share=debt_share)
    return debt_share * debt_rate + (1 - debt_share) * equity_rate


def cost_gradient(capex, *, rate, life):
    """Give how much the levelised cost rises with the cost of capital.

    dc/dr = K da/dr, da/dr = (1 - q - r L q / (1 + r)) / (1 - q)^2 with q = (1 + r)^-L

    Parameters
    ----------
    capex : array, any dims; capital cost K; CNY for a tonne a year
    rate : array, any dims; cost of capital r; 1/year, above 0
    life : array, any dims; economic life L; year, above 0

    Returns
    -------
    dc/dr over all dims together; CNY/t for 1 (a hundredth of it for a percentage point)

    Raises
    ------
    ValueError
        For a rate or a life that is not positive.
    """
    _above(0, rate=rate, life=life)
    q = (1 + rate) ** -life
    return capex * (1 - q - rate * life * q / (1 + rate)) / (1 - q) ** 2


def step_up_charge(step_up, *, debt):
    """Give what a missed target costs in a year, for each tonne of yearly output.

    P = s B

    Parameters
    ----------
    step_up : array, any dims; rise s of the coupon of a sustainability-linked bond; 1/year
    debt : array, any dims; debt B under the bond; CNY for a tonne a year

    Returns
    -------
    P over all dims together; CNY/t
    """
    return step_up * debt


def step_up_value(step_up, *, debt, rate, years, delay=0.0):
    """Give the present value of the step-up, the most that an owner pays to meet the target.

    V = s B / a(r, n) / (1 + r)^d

    Parameters
    ----------
    step_up, debt : as in `step_up_charge`
    rate : array, any dims; rate of discount r; 1/year
    years : array, any dims; years n in which the step-up is paid; year, above 0
    delay : array, any dims; years d before the first of them; year

    Returns
    -------
    V over all dims together; CNY for a tonne a year

    Raises
    ------
    ValueError
        As `costs.annuity_factor`.
    """
    charge = step_up_charge(step_up, debt=debt)
    return charge / annuity_factor(rate, life=years) * (1 + rate) ** -delay


def default_given_factor(probability, *, correlation, factor):
    """Give the probability that a project fails in a given state of the world.

    p(m) = Phi((Phi^-1(p) - sqrt(rho) m) / sqrt(1 - rho))

    Parameters
    ----------
    probability : array, any dims; p over all states; 1, between 0 and 1
    correlation : array, any dims; correlation rho of the projects' values; 1, 0 to below 1
    factor : array, any dims; state m, standard normal, low in bad times; 1

    Returns
    -------
    p(m) over all dims together; 1

    Raises
    ------
    ValueError
        For a probability or a correlation out of range.

    Source: Vasicek (2002), Risk 15, 160-162.
    """
    _inside(0, 1, probability=probability)
    _correlation(correlation)
    return xr.apply_ufunc(
        lambda p, rho, m: ndtr((ndtri(p) - np.sqrt(rho) * m) / np.sqrt(1 - rho)),
        probability,
        correlation,
        factor,
    )


def pool_losses(probability, *, loss_given_default, correlation):
    """Give the losses of a large pool of projects, in equally likely states of the world.

    l(m) = LGD p(m) at the midpoints of equal strata of m

    Parameters
    ----------
    probability, correlation : as in `default_given_factor`
    loss_given_default : array, any dims; share LGD lost when a project fails; 1, from 0 to 1

    Returns
    -------
    DataArray (state, any), rising along `state`; share of the pool's capital; 1

    Raises
    ------
    ValueError
        For an argument out of range.

    Source: Vasicek (2002), Risk 15, 160-162.
    """
    _within(0, 1, loss_given_default=loss_given_default)
    middles = (np.arange(FACTOR_CELLS) + 0.5) / FACTOR_CELLS
    factor = xr.DataArray(ndtri(1 - middles), dims="state")
    return loss_given_default * default_given_factor(
        probability, correlation=correlation, factor=factor
    )


def draw_losses(probability, *, loss_given_default, correlation, projects, states, seed=0):
    """Draw the losses of pools of equal projects, one pool for each state of the world.

    l = (LGD / n) #{i : sqrt(rho) m + sqrt(1 - rho) e_i < Phi^-1(p)}, m and e_i standard normal

    Given m the projects fail independently, so that their number is drawn from a binomial law.

    Parameters
    ----------
    probability, loss_given_default, correlation : as in `pool_losses`
    projects : number n of projects in a pool
    states : number of states drawn
    seed : whole number

    Returns
    -------
    DataArray (state, any); share of the pool's capital; 1

    Raises
    ------
    ValueError
        For an argument out of range, or fewer than one project or state.
    """
    if projects < 1 or states < 1:
        raise ValueError(f"projects and states must be above 0, not {projects} and {states}")
    _within(0, 1, loss_given_default=loss_given_default)
    stream = np.random.default_rng(seed)
    factor = xr.DataArray(stream.standard_normal(states), dims="state")
    chance = default_given_factor(probability, correlation=correlation, factor=factor)
    failed = chance.copy(data=stream.binomial(projects, chance.values))
    return loss_given_default * failed / projects


def tranche_loss(loss, *, attachment, detachment=1.0):
    """Give the share of a tranche that is lost.

    l_T = min(max(l - A, 0), D - A) / (D - A)

    Parameters
    ----------
    loss : array, any dims; loss l of the pool; 1
    attachment : array, any dims; loss A above which the tranche loses; 1
    detachment : array, any dims; loss D at which it is gone; 1, above A

    Returns
    -------
    l_T over all dims together; 1

    Raises
    ------
    ValueError
        For a tranche without width.
    """
    width = detachment - attachment
    if np.any(np.asarray(width) <= 0):
        raise ValueError("detachment must be above attachment")
    above = loss - attachment
    return np.minimum(np.maximum(above, 0), width) / width


def required_first_loss(probability, *, loss_given_default, correlation, tolerated):
    """Give the least first-loss share with which the rest of the capital is safe enough.

    f = min {f : E[max(l - f, 0)] / (1 - f) <= tau}

    Parameters
    ----------
    probability, loss_given_default, correlation : as in `pool_losses`
    tolerated : array, any dims; expected loss tau that private investors accept; 1, above 0

    Returns
    -------
    f over all dims together; 1; 0 where private investors need no cover

    Raises
    ------
    ValueError
        For an argument out of range.
    """
    _above(0, tolerated=tolerated)
    losses = pool_losses(
        probability, loss_given_default=loss_given_default, correlation=correlation
    )
    return xr.apply_ufunc(
        _least_cover, losses, tolerated, input_core_dims=[["state"], []], output_core_dims=[[]]
    )


def mobilised(first_loss):
    """Give the private capital that each unit of first-loss capital brings.

    x = (1 - f) / f

    Parameters
    ----------
    first_loss : array, any dims; first-loss share f; 1, from 0 to 1

    Returns
    -------
    x over the dims of `first_loss`; 1; infinite where no cover is needed

    Raises
    ------
    ValueError
        For a share outside 0 to 1.
    """
    _within(0, 1, first_loss=first_loss)
    share = xr.DataArray(first_loss)
    return xr.where(share > 0, (1 - share) / share.where(share > 0, 1.0), np.inf)


def contract_payment(price, *, strike):
    """Give what a two-way carbon contract for difference pays for each tonne avoided.

    z = p* - p, paid back where the price p lies above the strike p*

    Parameters
    ----------
    price : array, any dims; carbon price p; CNY/tCO2
    strike : array, any dims; agreed price p*; CNY/tCO2

    Returns
    -------
    z over all dims together; CNY/tCO2
    """
    return strike - price


def trade(slope, *, cut, transaction_cost=0.0, dim="firm"):
    """Give what firms cut, and pay, when they may trade what each of them has to cut.

    Cost is c_i a_i^2 / 2. Sellers cut until c_i a_i = p - t / 2, buyers until c_i a_i = p + t / 2,
    those between do what they must; p clears the market, sum a_i = sum b_i.

    Parameters
    ----------
    slope : DataArray (`dim`, any); slope c of marginal cost; CNY per unit squared, above 0
    cut : array, any dims; cut b that each firm has to make; unit, above 0
    transaction_cost : array, any dims but `dim`; cost t of trading a unit, half on either side;
        CNY per unit, 0 or more
    dim : dimension of the firms

    Returns
    -------
    Dataset: cut (`dim`, any), unit; price, CNY per unit; volume, unit; cost with trade, all
    transaction costs counted, and alone, CNY; gain, the share of the cost alone that is saved, 1

    Raises
    ------
    ValueError
        For a slope or a cut that is not positive, or a negative transaction cost.

    Source: Stavins (1995), Journal of Environmental Economics and Management 29, 133-148.
    """
    _above(0, slope=slope, cut=cut)
    if np.any(np.asarray(transaction_cost) < 0):
        least = float(np.min(transaction_cost))
        raise ValueError(f"transaction_cost must be 0 or more, but {least:g} was given")
    slope, cut = xr.broadcast(slope, xr.DataArray(cut))
    price = xr.apply_ufunc(
        _clearing_price,
        slope,
        cut,
        transaction_cost,
        input_core_dims=[[dim], [dim], []],
        output_core_dims=[[]],
    )
    half = xr.DataArray(transaction_cost) / 2
    made = _own_cut(slope, cut, price, half)
    volume = abs(made - cut).sum(dim) / 2
    alone = (slope * cut**2 / 2).sum(dim)
    cost = (slope * made**2 / 2).sum(dim) + 2 * half * volume
    return xr.Dataset(
        {
            "cut": made,
            "price": price,
            "volume": volume,
            "cost": cost,
            "alone": alone,
            "gain": 1 - cost / alone,
        }
    )


def _least_cover(losses, tolerated):
    """First-loss share of plain arrays, states last and losses rising.

    E[max(l - f, 0)] is a straight line in f between two neighbours l: the crossing is exact.
    """
    states = losses.shape[-1]
    left = np.arange(states, 0, -1)  # states with at least this loss
    beyond = losses[..., ::-1].cumsum(axis=-1)[..., ::-1]
    borne = states * np.asarray(tolerated, dtype=float)[..., None]
    safe = beyond - left * losses <= borne * (1 - losses)
    first = safe.argmax(axis=-1)[..., None]
    beyond = np.take_along_axis(np.broadcast_to(beyond, safe.shape), first, -1)
    cover = ((beyond - borne) / (left[first] - borne))[..., 0]
    return np.where(losses.mean(axis=-1) <= borne[..., 0] / states, 0.0, cover)


def _own_cut(slope, cut, price, half):
    """What a firm cuts at a price: what it must, unless selling or buying pays."""
    return np.maximum(np.minimum(cut, (price + half) / slope), (price - half) / slope)


def _clearing_price(slope, cut, transaction_cost):
    """Price of plain arrays, firms last, at which cuts made and cuts owed are the same."""
    half = np.asarray(transaction_cost, dtype=float)[..., None] / 2
    marginal = slope * cut
    shape = np.broadcast_shapes(marginal.shape[:-1], half.shape[:-1])
    low = np.broadcast_to(marginal.min(axis=-1), shape)
    high = np.broadcast_to(marginal.max(axis=-1), shape)
    for _ in range(STEPS):
        middle = (low + high) / 2
        short = _own_cut(slope, cut, middle[..., None], half).sum(axis=-1) < cut.sum(axis=-1)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return (low + high) / 2


def _within(least, most, **arrays):
    """Refuse numbers outside an interval, its ends allowed."""
    for name, array in arrays.items():
        given = np.asarray(array, dtype=float)
        if np.any((given < least) | (given > most)):
            odd = given.min() if given.min() < least else given.max()
            raise ValueError(f"{name} must lie from {least} to {most}, but {odd:g} was given")


def _inside(least, most, **arrays):
    """Refuse numbers outside an interval, its ends not allowed."""
    for name, array in arrays.items():
        given = np.asarray(array, dtype=float)
        if np.any((given <= least) | (given >= most)):
            odd = given.min() if given.min() <= least else given.max()
            raise ValueError(f"{name} must lie between {least} and {most}, but {odd:g} was given")


def _above(least, **arrays):
    """Refuse numbers that are not above a bound."""
    for name, array in arrays.items():
        if np.any(np.asarray(array) <= least):
            given = float(np.min(array))
            raise ValueError(f"{name} must be above {least}, but {given:g} was given")


def _correlation(correlation):
    given = np.asarray(correlation, dtype=float)
    if np.any((given < 0) | (given >= 1)):
        odd = given.min() if given.min() < 0 else given.max()
        raise ValueError(f"correlation must be 0 or more and below 1, but {odd:g} was given")
