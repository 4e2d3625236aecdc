"""Learning across borders: whose building makes whose costs fall, and what comes of it.

Each region builds a technology year by year. What it costs there falls with experience: all built
before the first year anywhere, what the region built since, and a share of what others built since.
Where a technology is dearer than in the reference, less of it is built. All functions broadcast
over any dim (technology, sample).
"""

import numpy as np
import xarray as xr

from unlock import learning


def shared_experience(built, *, spillover):
    """Give the experience that each region draws on.

    X_r = B_r + s (sum over j of B_j - B_r)

    Parameters
    ----------
    built : DataArray (region, any); B, built by each region; any unit
    spillover : array, any dims; share s of what others built that counts; 1, from 0 to 1

    Returns
    -------
    X (region, any); unit of `built`

    Raises
    ------
    ValueError
        For a spillover outside 0 to 1.
    """
    if np.any((np.asarray(spillover) < 0) | (np.asarray(spillover) > 1)):
        odd = np.asarray(spillover, dtype=float)
        raise ValueError(
            f"spillover must lie from 0 to 1, but {odd.min():g} to {odd.max():g} was given"
        )
    return built + spillover * (built.sum("region") - built)


def build_out(reference, *, initial, rate, spillover, reference_spillover, elasticity):
    """Give what is built, and at what cost, when learning is shared otherwise than in a reference.

    a_rt = a0_rt (c_rt / c0_rt)^-eta, c_rt = (X_rt / X_0)^-b, with X_rt = X_0 + what of all built
    from the first year to t - 1 counts in region r; c0 is the same for the reference, in which a0
    is built

    Parameters
    ----------
    reference : DataArray (region, year, any); a0, built each year in the reference; GW/year, years
        one apart
    initial : array, any dims but region and year; X_0, all built before the first year, which all
        regions know; GW, above 0
    rate : array, the same; learning rate of b; 1, below 1
    spillover, reference_spillover : arrays, the same; s as in `shared_experience`, here and in the
        reference
    elasticity : array, the same; eta, by which less is built at a higher cost, as a positive
        number; not negative

    Returns
    -------
    Dataset: built, a, GW/year; cost, c, and reference_cost, c0, over that before the first year; 1;
    all (region, year, any)

    Raises
    ------
    ValueError
        For a negative elasticity or reference, or as `shared_experience` and
        `learning.unit_cost`.

    Source: Wright (1936), Journal of the Aeronautical Sciences 3, 122-128, for the curve;
    Barreto and Klaassen (2004), International Journal of Global Energy Issues 22, 70-88, for
    regional spillovers.
    """
    for name, array in (("elasticity", elasticity), ("reference", reference)):
        if np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} must not be negative, but {float(np.min(array)):g} was given")
    curve = {"initial_cumulative": initial, "rate": rate}
    before = reference.cumsum("year") - reference
    c0 = learning.unit_cost(
        initial + shared_experience(before, spillover=reference_spillover), **curve
    )
    done, cost, built = 0.0 * reference.isel(year=0, drop=True), [], []
    for t in range(reference.sizes["year"]):  # what is built next year depends on this year
        c = learning.unit_cost(initial + shared_experience(done, spillover=spillover), **curve)
        now = reference.isel(year=t, drop=True) * (c / c0.isel(year=t, drop=True)) ** -elasticity
        done = done + now
        cost.append(c)
        built.append(now)
    year = reference["year"]
    found = {"built": xr.concat(built, year), "cost": xr.concat(cost, year), "reference_cost": c0}
    found = xr.Dataset(found).transpose("region", "year", ...)
    found["built"].attrs["units"] = "GW/year"
    return found


def avoided_emissions(built, *, hours, displaced, footprint=0.0):
    """Give the emissions avoided until the last year by what is built, less those of making it.

    V = sum over t of a_t h sum over u > t of g_u - sum over t of a_t f

    What is built in a year runs from the next year on.

    Parameters
    ----------
    built : DataArray (year, any); a; GW/year
    hours : array, any dims but year; h at full load; h/year
    displaced : DataArray (year, any); g, emissions avoided by a unit of energy; tCO2/MWh
    footprint : array, any dims; f of making it; tCO2/kW

    Returns
    -------
    V over all dims but year; MtCO2
    """
    later = displaced.sum("year") - displaced.cumsum("year")
    return ((built * (hours * later / 1000 - footprint)).sum("year")).assign_attrs(units="MtCO2")


def export_revenue(sold, *, price, margin=1.0):
    """Give what the sale of equipment earns, or, with its margin, what is left of that as profit.

    R = sum over t of m x_t p_t

    Parameters
    ----------
    sold : DataArray (year, any); x; GW/year
    price : array, any dims; p; CNY/kW
    margin : array, any dims; share m of the price that is profit; 1 for revenue

    Returns
    -------
    R over all dims but year; million CNY
    """
    return (margin * sold * price).sum("year").assign_attrs(units="MCNY")
