"""Material efficiency: the same service from less metal, and the emissions that saves.

Six levers act on a stock that serves: longer life, better yield, lighter design, more intensive
use, reuse and substitution. Service = units in use x intensity of use; metal = units x metal
per unit. Every lever leaves the service as it is. Overlap is handled where it arises: levers on
the same flow multiply, the others meet in the stock.
"""

import numpy as np
import xarray as xr

from unlock import cohorts, cycles

LEVERS = ("life", "yield", "design", "use", "reuse", "substitution")
LIFE = ("lifetime", "spread")


def ramp(years, *, start, full):
    """Give how far a measure has come: 0 until it starts, 1 once it is full, smooth between.

    x = (t - start) / (full - start) held between 0 and 1,  r = 3 x^2 - 2 x^3

    Parameters
    ----------
    years : array of years, any dims
    start, full : years in which it starts and is complete; full after start

    Returns
    -------
    Array of the dims of all; dimensionless, between 0 and 1, flat at both ends.

    Raises
    ------
    ValueError
        If full is not after start.
    """
    if np.any(np.asarray(full) <= np.asarray(start)):
        raise ValueError(f"full must be after start, but {full} and {start} were given")
    x = ((years - start) / (full - start)).clip(0, 1)
    return 3 * x**2 - 2 * x**3


def better_yield(process_yield, *, avoided):
    """Give the yield of a process when a share of its loss is avoided.

    y' = 1 - (1 - y)(1 - a)

    Parameters
    ----------
    process_yield : y (any); 0 to 1
    avoided : a (any); share of the loss avoided, 0 to 1

    Returns
    -------
    Array of the dims of both; dimensionless.

    Raises
    ------
    ValueError
        If one is outside 0 to 1.
    """
    _share(process_yield, "process_yield")
    _share(avoided, "avoided")
    return 1 - (1 - process_yield) * (1 - avoided)


def metal_per_unit(*, design, substitution):
    """Give the metal in a new unit, relative to a unit of today.

    w = (1 - d)(1 - s): a lighter unit is substituted after, not on top of, its lightening.

    Parameters
    ----------
    design, substitution : d, s (any); shares of the metal saved, 0 to 1

    Returns
    -------
    Array of the dims of both; dimensionless.

    Raises
    ------
    ValueError
        If one is outside 0 to 1.
    """
    _share(design, "design")
    _share(substitution, "substitution")
    return (1 - design) * (1 - substitution)


def metal_for_service(
    service,
    *,
    mean,
    sd,
    initial,
    extension=0.0,
    intensity=0.0,
    metal=1.0,
    distribution="normal",
    time="time",
):
    r"""Give the metal that a service asks for, when its units live, weigh and serve differently.

    units needed N(t) = A(t) (1 - i(t))
    age a(c, t) = a(c, t - 1) + 1 / (1 + x(t)): a year of use costs less life once life is longer
    left of vintage c: U(c, t) = U(c, t - 1) S(a(c, t)) / S(a(c, t - 1))
    units entering n(t) = (N(t) - sum_c U(c, t)) / S(0),  metal entering m(t) = w(t) n(t)

    Where fewer units are needed than are left, none enter and the surplus retires early, the
    same share of each vintage. Metal leaves with its units.

    Parameters
    ----------
    service : A (time, any), above 0; service, counted in units of today's intensity of use, each
        with the metal of today; yearly steps
    mean, sd : lifetime of units today (any); years
    initial : (cohort = vintage year, any); units of each vintage in use before the first year,
        which are also their metal
    extension : x (time, any); share by which life is longer, not negative
    intensity : i (time, any); share of units saved by more intensive use, 0 to below 1
    metal : w (time, any); metal in a new unit relative to today's, not negative
    distribution : law of the lifetime, as in `cohorts.survival`
    time : name of the time dimension

    Returns
    -------
    Dataset (time, any) of metal: `stock` and `initial_stock`, and `inflow`, `outflow` and
    `early_retirement` a year; with `units` in use and `service` delivered = units / (1 - i).
    Mass closes: see `cohorts.balance`. Without levers it is `cohorts.stock_driven`.

    Raises
    ------
    ValueError
        For a service that is not positive, a lever outside its bounds, steps other than a year,
        or vintages after the start.

    Source: stock dynamics of Müller (2006), Ecological Economics 59, 142-156; ageing slowed as
    in accelerated failure time models.
    """
    years = service[time].values
    _check_run(service, years, initial, extension, intensity, metal)
    parts = {"service": service, "initial": initial, "mean": mean, "sd": sd}
    parts |= {"extension": extension, "intensity": intensity, "metal": metal}
    parts = {name: xr.DataArray(part) for name, part in parts.items()}
    arrays, dims, coords = _aligned(parts, time)
    ages = years[0] - 1.0 - initial["cohort"].values
    flows = _run(arrays, ages, distribution)
    result = {name: xr.DataArray(flow, dims=(time, *dims)) for name, flow in flows.items()}
    result["initial_stock"] = initial.sum("cohort")
    result = xr.Dataset(result).assign_coords({time: service[time], **coords})
    result["service"] = result["units"] / (1 - parts["intensity"])
    return _with_units(result, service.attrs.get("units", ""))


def _check_run(service, years, initial, extension, intensity, metal):
    """Refuse what `metal_for_service` cannot compute."""
    if not bool((service > 0).all()):
        raise ValueError("service must be above 0 in every cell")
    if np.any(np.diff(years) != 1):
        raise ValueError(f"service must have yearly steps, but has {np.unique(np.diff(years))}")
    if float(initial["cohort"].max()) >= years[0]:
        raise ValueError(
            f"initial has a vintage {initial['cohort'].max():g}, not before {years[0]}"
        )
    _share(intensity, "intensity")
    for name, lever in (("extension", extension), ("metal", metal)):
        if np.any(np.asarray(lever) < 0):
            raise ValueError(f"{name} must not be negative")


def _aligned(parts, time):
    """Give each part as a numpy array over (time or cohort, all other dims), size 1 where free.

    The dims of the lifetime come last: tables of survival and of units then run in step.
    """
    parts = dict(zip(parts, xr.align(*parts.values(), join="exact"), strict=True))
    lead = (time, "cohort")
    life = [d for name in ("mean", "sd", "extension") for d in parts[name].dims]
    dims = dict.fromkeys(d for p in parts.values() for d in p.dims if d not in lead)
    dims = sorted(dims, key=lambda d: d in life)
    coords = {d: p[d] for p in parts.values() for d in p.dims if d in dims and d in p.coords}
    arrays = {}
    for name, part in parts.items():
        first = next((d for d in lead if d in part.dims), None)
        order = ([first] if first else []) + [d for d in dims if d in part.dims]
        shape = [part.sizes[first] if first else 1] + [part.sizes.get(d, 1) for d in dims]
        arrays[name] = np.ascontiguousarray(part.transpose(*order).values.reshape(shape))
    return arrays, dims, coords


def _run(arrays, ages, distribution):
    """Step through the years.

    A vintage is written once, as what entered; what is left of it is that times survival times
    `kept`, the share that early retirement has spared since it entered. Two tables, of units and
    of metal, because metal may have more dims.
    """
    service = arrays["service"] * (1 - arrays["intensity"])
    metal, ageing = arrays["metal"], 1 / (1 + arrays["extension"])
    lifetime = {"mean": arrays["mean"][0], "sd": arrays["sd"][0], "distribution": distribution}
    age = ages.reshape((-1,) + (1,) * (service.ndim - 1))
    first = _survival(np.zeros((1,) * service.ndim), lifetime)
    units, weight = _tables(arrays["initial"], service, metal, ageing, _survival(age, lifetime))
    kept, stock = 1.0, arrays["initial"].sum(axis=0)
    flows = {name: [] for name in ("stock", "inflow", "outflow", "early_retirement", "units")}
    for step in range(len(service)):
        age = age + ageing[step % len(ageing)]
        alive = _survival(age, lifetime)
        in_use, natural = kept * _left(units, alive), kept * _left(weight, alive)
        keep = np.minimum(1, service[step] / np.maximum(in_use, service[step]))
        kept = kept * keep
        entering = np.maximum(service[step] - in_use, 0) / first[0]
        inflow = entering * metal[step % len(metal)]
        units[len(age)], weight[len(age)] = entering / kept, inflow / kept
        age = np.concatenate([age, np.zeros((1, *age.shape[1:]))])
        flows["inflow"].append(inflow)
        flows["outflow"].append(stock - natural + inflow * (1 - first[0]))
        flows["early_retirement"].append(natural * (1 - keep))
        stock = natural * keep + inflow * first[0]
        flows["stock"].append(stock)
        flows["units"].append(in_use * keep + entering * first[0])
    shape = np.broadcast_shapes(*(flow[0].shape for flow in flows.values()))
    return {
        name: np.stack([np.broadcast_to(year, shape) for year in flow])
        for name, flow in flows.items()
    }


def _tables(initial, service, metal, ageing, alive):
    """Empty tables of what entered, by vintage, with the vintages of the start filled in."""
    old = len(initial)
    shape = np.broadcast_shapes(*(a.shape[1:] for a in (service, initial, ageing, alive)))
    entered = np.divide(initial, alive, out=np.zeros((old, *shape)), where=alive > 1e-290)
    units = np.zeros((old + len(service), *shape))
    weight = np.zeros((len(units), *np.broadcast_shapes(shape, metal.shape[1:])))
    units[:old] = weight[:old] = entered
    return units, weight


def _left(entered, alive):
    """What is left of all vintages: sum over vintages of what entered times survival."""
    return np.einsum("v...,v...->...", entered[: len(alive)], alive)


def _survival(age, lifetime):
    return np.asarray(cohorts.survival(age, **lifetime))


def _with_units(flows, amount):
    for name in flows:
        rate = name in ("inflow", "outflow", "early_retirement")
        flows[name].attrs = {"units": f"{amount}/year" if rate and amount else amount}
    return flows


def cycle_with_levers(service, *, levers, cycle, initial, net_export=0.0, time="time"):
    """Give the whole cycle of a metal when levers act on it: the service is that without them.

    `metal_for_service` with life, use, design and substitution, then `cycles.cycle` with the
    better yields and reuse.

    Parameters
    ----------
    service : (time, region, end use, any); as in `metal_for_service`
    levers : dict of lever to its reach (time, any), the names of `LEVERS` and `forming`; missing
        ones are 0. Life: share by which life is longer; yield and forming: share of the loss
        avoided in fabrication and in forming; the others: share saved or reused
    cycle : dict with `lifetime` (years), `spread` (sd / mean), `fabrication_yield`,
        `forming_yield`, `recovery`, `hibernation`, `collection`, `remelting_yield`, and any
        other argument of `cycles.cycle`
    initial : (cohort, region, end use, any); as in `metal_for_service`
    net_export : as in `cycles.cycle`

    Returns
    -------
    Dataset of `cycles.cycle`, with `service` delivered.

    Raises
    ------
    ValueError
        For an unknown lever, or as the two functions it calls.
    """
    unknown = sorted(set(levers) - {*LEVERS, "forming"})
    if unknown:
        raise ValueError(f"levers has {unknown[0]!r}; allowed are {', '.join(LEVERS)}, forming")
    reach = dict.fromkeys((*LEVERS, "forming"), 0.0) | levers
    mean, rest = cycle["lifetime"], {k: v for k, v in cycle.items() if k not in LIFE}
    use = metal_for_service(
        service,
        mean=mean,
        sd=mean * cycle["spread"],
        initial=initial,
        extension=reach["life"],
        intensity=reach["use"],
        metal=metal_per_unit(design=reach["design"], substitution=reach["substitution"]),
        time=time,
    )
    rest["fabrication_yield"] = better_yield(cycle["fabrication_yield"], avoided=reach["yield"])
    rest["forming_yield"] = better_yield(cycle["forming_yield"], avoided=reach["forming"])
    flows = cycles.cycle(use, reuse=reach["reuse"], net_export=net_export, **rest)
    return flows.assign(service=use["service"])


def ore_intensity(mixed, *, scrap, scrap_share):
    """Give the emissions of the ore-based part of a route that also melts scrap.

    e_ore = (e - q e_scrap) / (1 - q)

    Parameters
    ----------
    mixed : e, emissions of the route (any); tCO2/t
    scrap : e_scrap, emissions of scrap-based metal (any); tCO2/t
    scrap_share : q, share of scrap in the route's metal (any); 0 to below 1

    Returns
    -------
    Array of the dims of all; tCO2 per t of ore-based metal.

    Raises
    ------
    ValueError
        If scrap_share is not in 0 to below 1.
    """
    if np.any(np.asarray(scrap_share) < 0) or np.any(np.asarray(scrap_share) >= 1):
        raise ValueError("scrap_share must be at least 0 and below 1")
    return (mixed - scrap_share * scrap) / (1 - scrap_share)


def emissions(
    primary, secondary, *, ore, scrap, near_zero, efficiency=0.0, switched=0.0, power=0.0
):
    r"""Give the emissions of making metal while its routes change.

    E = P [(1 - n)(1 - v) e_ore + n e_near] + S (1 - p) e_scrap

    Parameters
    ----------
    primary, secondary : P, S; ore-based and scrap-based metal (time, any); Mt/year
    ore, scrap, near_zero : emissions of ore-based metal today, of scrap-based metal today and
        of near-zero ore-based metal (any); tCO2/t
    efficiency : v (time, any); share cut from the emissions of today's ore-based routes
    switched : n (time, any); share of ore-based metal from near-zero routes
    power : p (time, any); share cut from the emissions of scrap-based metal by clean power

    Returns
    -------
    DataArray of the dims of all; MtCO2/year.

    Raises
    ------
    ValueError
        If one of the three shares is outside 0 to 1.
    """
    for name, share in (("efficiency", efficiency), ("switched", switched), ("power", power)):
        _share(share, name)
    from_ore = primary * ((1 - switched) * (1 - efficiency) * ore + switched * near_zero)
    return (from_ore + secondary * (1 - power) * scrap).assign_attrs(units="MtCO2/year")


def _share(share, name):
    low, high = float(np.nanmin(np.asarray(share))), float(np.nanmax(np.asarray(share)))
    if low < 0 or high > 1:
        raise ValueError(f"{name} must be between 0 and 1, but {low:g} to {high:g} was given")
