"""The mix of routes that costs least, and which technologies carry its abatement.

Shares are of output. All functions broadcast over any dims (region, year, sample) of their
arguments.
"""

import numpy as np
import xarray as xr


def least_cost_share(cost, *, allowed=True, spread=0.0, dim="route"):
    """Give the share of each route in the mix that costs least.

    One site: w_r = 1 for the cheapest route that is allowed. Many sites, whose costs scatter:
    w_r = c_r^(-1/sigma) / sum over allowed routes of c^(-1/sigma)

    Parameters
    ----------
    cost : DataArray (`dim`, any); cost c of a tonne; any unit of money, above 0 where allowed;
        NaN is not allowed
    allowed : array (`dim`, any) of true and false; routes that may be chosen
    spread : scatter sigma of the logarithm of cost between sites; 1, 0 or more; 0 is one site
    dim : dimension of the routes

    Returns
    -------
    w over all dims together; 1. The shares sum to 1; the first of equals is chosen. NaN where no
    route is allowed.

    Raises
    ------
    ValueError
        For a spread below 0, or a cost that is not positive where a spread is given.

    Source: Clarke and Edmonds (1993), Energy Economics 15, 123-129 (modified logit).
    """
    if spread < 0:
        raise ValueError(f"spread must be 0 or more, but {spread:g} was given")
    open_cost = cost.where(allowed & cost.notnull())
    some = open_cost.notnull().any(dim)
    if spread == 0:
        best = open_cost.fillna(np.inf).argmin(dim)
        place = xr.DataArray(np.arange(cost.sizes[dim]), dims=dim)
        share = (place == best).astype(float).assign_coords({dim: cost[dim]})
        return share.where(some)
    if np.any(open_cost <= 0):
        raise ValueError(f"cost must be above 0, but {float(open_cost.min()):g} was given")
    weight = np.exp(-np.log(open_cost / open_cost.min(dim)) / spread).fillna(0.0)
    return (weight / weight.sum(dim)).where(some)


def abatement(share, *, emissions, reference, dim="route"):
    """Give what each route of a mix avoids for a tonne made.

    m_r = w_r (e_0 - e_r)

    Parameters
    ----------
    share : DataArray (`dim`, any); share w of each route; 1
    emissions : array (`dim`, any); e_r; tCO2/t
    reference : array, any dims; e_0 of the route that is replaced; tCO2/t
    dim : dimension of the routes

    Returns
    -------
    m over all dims together; tCO2/t of product; a route without share avoids nothing
    """
    return (share * (reference - emissions)).where(share != 0, 0.0)


def by_group(array, *, group, dim="route", name="group"):
    """Add up routes that share a technology.

    Parameters
    ----------
    array : DataArray (`dim`, any)
    group : {label of `dim`: name of its group}
    dim : dimension of the routes
    name : name of the dimension of the groups

    Returns
    -------
    DataArray (`name`, any), groups in order of their first route; units as those of `array`

    Raises
    ------
    ValueError
        For a route without a group.
    """
    labels = [str(label) for label in array[dim].values]
    lost = [label for label in labels if label not in group]
    if lost:
        raise ValueError(f"group must name all routes, but {', '.join(lost)} is missing")
    kinds = list(dict.fromkeys(group[label] for label in labels))
    parts = [
        array.isel({dim: [i for i, label in enumerate(labels) if group[label] == kind]})
        for kind in kinds
    ]
    summed = [part.sum(dim, keep_attrs=True) for part in parts]
    return xr.concat(summed, dim=xr.DataArray(kinds, dims=name, name=name))
