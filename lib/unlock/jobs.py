"""Jobs at steelworks by place: what goes when furnaces close, what comes with new works.

Workforces are reported by works; they are split between the coal route and arc furnaces by
capacity and the labour that each needs. All functions broadcast over any dims.
"""

import numpy as np
import xarray as xr

__all__ = [
    "coal_route_jobs",
    "jobs_created",
    "output_to_rebuild",
    "share_lost",
]

Array = xr.DataArray | float


def coal_route_jobs(
    workforce: Array, *, coal_capacity: Array, arc_capacity: Array, ratio: Array
) -> Array:
    """Return the jobs that depend on blast furnaces.

    J = W C / (C + k A)

    Args:
        workforce: reported W, person, any dims.
        coal_capacity: crude steel by converters C, Mt/year, any dims; not negative.
        arc_capacity: crude steel by arc furnaces A, Mt/year, any dims; not negative.
        ratio: labour of an arc tonne over that of a converter tonne k, dimensionless, any dims;
            not negative.

    Returns:
        J, person, over all dims; 0 where there is no capacity.

    Raises:
        ValueError: if a capacity or the ratio is negative.
    """
    for name, value in (
        ("coal_capacity", coal_capacity),
        ("arc_capacity", arc_capacity),
        ("ratio", ratio),
    ):
        if bool(np.any(np.asarray(value) < 0)):
            raise ValueError(f"{name} must be 0 or more; got {float(np.min(value)):g}")
    weight = xr.DataArray(coal_capacity + ratio * arc_capacity)
    jobs = workforce * coal_capacity / weight.where(weight > 0)
    return _with_units(jobs.fillna(0.0), "person")


def output_to_rebuild(
    demand: Array, *, standing: xr.DataArray, closed: xr.DataArray, dim: str = "province"
) -> xr.DataArray:
    """Return the output that new works take over, by the place whose furnaces closed.

    N_i = X_i / sum X min(sum X, max(0, D - sum S))

    Args:
        demand: output asked for D, Mt/year, any dims.
        standing: output of the works that still stand S, Mt/year, dim `dim` and any others.
        closed: output of the furnaces closed so far X, Mt/year, dim `dim` and any others; not
            negative.
        dim: name of the dim of the places.

    Returns:
        N, Mt/year, over all dims; not more than X.

    Raises:
        ValueError: if a closed output is negative.
    """
    if bool((closed < -1e-9).any()):
        raise ValueError(f"closed must be 0 or more; got {float(closed.min()):g}")
    total = closed.sum(dim)
    missing = np.minimum(total, np.maximum(demand - standing.sum(dim), 0.0))
    return _with_units(closed * (missing / total.where(total > 0)).fillna(0.0), "Mt/year")


def jobs_created(
    output: Array, *, labour: Array, power: Array = 0.0, power_jobs: Array = 0.0
) -> Array:
    """Return the lasting jobs of new works and of the power plants that feed them.

    J = N (l + w o)

    Args:
        output: of the new works N, Mt/year, any dims.
        labour: persons at the works l, person per Mt/year, any dims.
        power: capacity of wind or sun for a Mt/year w, MW, any dims.
        power_jobs: running and upkeep o, person/MW, any dims.

    Returns:
        J, person, over all dims. Jobs in building and in making plant are not counted.
    """
    return _with_units(output * (labour + power * power_jobs), "person")


def share_lost(jobs: Array, *, before: Array) -> Array:
    """Return the share of jobs that is gone.

    f = 1 - J / J_0, negative where jobs were gained

    Args:
        jobs: J, person, any dims.
        before: J_0, person, any dims; above 0.

    Returns:
        f, dimensionless, over all dims.

    Raises:
        ValueError: if there were no jobs before.
    """
    if bool(np.any(np.asarray(before) <= 0)):
        raise ValueError(f"before must be above 0 persons; got {float(np.min(before)):g}")
    return _with_units(1 - jobs / before, "1")


def _with_units(array: Array, units: str) -> Array:
    return array.assign_attrs(units=units) if isinstance(array, xr.DataArray) else array
