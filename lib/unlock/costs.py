"""Levelised cost of a product, its parts, and the prices at which two routes cost the same.

Cost is linear in every price, so that a break-even price has a closed form. All functions
broadcast over any dim (route, region, year, sample) that an argument carries. Labels along a
dim that two arguments share must be the same set; their order does not matter.
"""

import numpy as np
import xarray as xr

SCOPES = ("direct", "direct+indirect")


def annuity_factor(rate, *, life):
    """Give the yearly payment that repays one unit of capital with interest over its life.

    a = r / (1 - (1 + r)^-L), and 1 / L where r = 0.

    Parameters
    ----------
    rate : array, any dims; real cost of capital r; 1/year, above -1
    life : array, any dims; economic life L; year, above 0

    Returns
    -------
    a over all dims together; 1/year

    Raises
    ------
    ValueError
        For a life that is not positive, a rate of -1 or below, or labels that differ.

    Source: Park (2016), Contemporary Engineering Economics, capital recovery factor.
    """
    if np.any(np.asarray(life) <= 0):
        raise ValueError(f"life must be above 0 years, but {float(np.min(life)):g} was given")
    if np.any(np.asarray(rate) <= -1):
        raise ValueError(f"rate must be above -1 a year, but {float(np.min(rate)):g} was given")
    rate, life = _matched(rate=rate, life=life)
    return xr.apply_ufunc(_annuity_factor, rate, life, dask="parallelized", output_dtypes=[float])


def capital_charge(capex, *, rate, life):
    """Give the yearly cost of capital for each tonne of yearly output.

    k = a(r, L) K

    Parameters
    ----------
    capex : array, any dims; capital cost K of a plant; CNY for a tonne a year
    rate, life : as in `annuity_factor`

    Returns
    -------
    k over all dims together; CNY/t

    Raises
    ------
    ValueError
        As `annuity_factor`.
    """
    capex, rate, life = _matched(capex=capex, rate=rate, life=life)
    return annuity_factor(rate, life=life) * capex


def paid_emissions(direct, *, power=0.0, grid_intensity=0.0, scope="direct"):
    """Give the emissions on which a carbon price is paid.

    e = e_direct, or e = e_direct + g x_power where indirect emissions are paid too.

    Parameters
    ----------
    direct : array, any dims; CO2 that leaves the plant; tCO2/t
    power : array, any dims; power x_power taken from the grid, negative if fed in; GJ/t
    grid_intensity : array, any dims; emissions g of grid power; tCO2/GJ
    scope : "direct" or "direct+indirect"

    Returns
    -------
    e over all dims together; tCO2/t

    Raises
    ------
    ValueError
        For another scope, or labels that differ.
    """
    if scope not in SCOPES:
        raise ValueError(f"scope must be one of {', '.join(SCOPES)}, not {scope!r}")
    if scope == "direct":
        return direct
    direct, power, grid_intensity = _matched(
        direct=direct, power=power, grid_intensity=grid_intensity
    )
    return direct + power * grid_intensity


def levelised_cost(use, *, price, capex, fixed_cost, rate, life, emissions=0.0, carbon_price=0.0):
    """Give the levelised cost of a tonne of product.

    c = a(r, L) K + f + sum over inputs i of x_i p_i + e p_c

    Parameters
    ----------
    use : DataArray (input, any); amount x_i of each input, negative if sold, 0 if not used;
        any unit per t
    price : DataArray (input, any); price p_i; CNY per unit of x_i
    capex : array, any dims; capital cost K; CNY for a tonne a year
    fixed_cost : array, any dims; f; CNY/t
    rate, life : as in `annuity_factor`
    emissions : array, any dims; e on which the carbon price is paid; tCO2/t
    carbon_price : array, any dims; p_c; CNY/tCO2

    Returns
    -------
    c over all dims together but `input`; CNY/t. NaN where an argument is NaN.

    Raises
    ------
    ValueError
        For use or price without a dim `input`, labels that differ, or as `annuity_factor`.

    Source: IEA and NEA (2020), Projected Costs of Generating Electricity, levelised cost at
    constant real prices, here of a tonne of product.
    """
    _check_inputs(use, price)
    use, price, capex, fixed_cost, rate, life, emissions, carbon_price = _matched(
        use=use,
        price=price,
        capex=capex,
        fixed_cost=fixed_cost,
        rate=rate,
        life=life,
        emissions=emissions,
        carbon_price=carbon_price,
    )
    cost = capital_charge(capex, rate=rate, life=life) + fixed_cost + emissions * carbon_price
    return (cost + xr.dot(use, price, dim="input")).assign_attrs(units="CNY/t")


def cost_components(use, *, price, capex, fixed_cost, rate, life, emissions=0.0, carbon_price=0.0):
    """Give the parts of the levelised cost; they sum to `levelised_cost`.

    Parameters
    ----------
    As in `levelised_cost`.

    Returns
    -------
    DataArray with the dim `component`: "capital", "fixed", each input by name, "carbon"; CNY/t

    Raises
    ------
    ValueError
        As `levelised_cost`.
    """
    _check_inputs(use, price)
    use, price, capital, fixed_cost, carbon = _matched(
        use=use,
        price=price,
        capital=capital_charge(capex, rate=rate, life=life),
        fixed_cost=fixed_cost,
        carbon=emissions * carbon_price,
    )
    inputs = (use * price).rename(input="component")
    parts = [
        _part(capital, "capital"),
        _part(fixed_cost, "fixed"),
        inputs,
        _part(carbon, "carbon"),
    ]
    parts = xr.broadcast(*parts, exclude=["component"])
    return xr.concat(parts, dim="component").assign_attrs(units="CNY/t")


def break_even_price(cost, *, reference, amount, reference_amount=0.0, price=0.0):
    """Give the price of one input, or of carbon, at which two routes cost the same.

    Costs are linear, c(p*) = c + x (p* - p), so that p* = p + (c - c_ref) / (x_ref - x).
    Above p* the route that uses more of the input, or emits more, costs more.

    Parameters
    ----------
    cost : array, any dims; levelised cost c of the route at the present price p; CNY/t
    reference : array, any dims; the same of the route compared with, c_ref; CNY/t
    amount : array, any dims; x of the input, or emissions if the price is that of carbon; per t
    reference_amount : array, any dims; the same in the reference, x_ref; per t
    price : array, any dims; present price p; CNY per unit of x

    Returns
    -------
    p* over all dims together; CNY per unit of x. Negative if no positive price makes the two
    equal, NaN where both use the same amount, since then no price does.

    Raises
    ------
    ValueError
        For labels that differ.
    """
    cost, reference, amount, reference_amount, price = _matched(
        cost=cost,
        reference=reference,
        amount=amount,
        reference_amount=reference_amount,
        price=price,
    )
    difference = xr.DataArray(reference_amount - amount)
    return price + (cost - reference) / difference.where(difference != 0)


def avoidance_cost(cost, *, reference, emissions, reference_emissions):
    """Give the cost of avoiding a tonne of CO2, costs being without carbon price.

    A = (c - c_ref) / (e_ref - e): the break-even carbon price.

    Parameters
    ----------
    cost, reference : arrays, any dims; levelised cost of the route and of the reference; CNY/t
    emissions, reference_emissions : arrays, any dims; their emissions; tCO2/t

    Returns
    -------
    A over all dims together; CNY/tCO2; NaN where both emit the same

    Raises
    ------
    ValueError
        For labels that differ.

    Source: Gardarsdottir et al. (2019), Energies 12, 542, cost of CO2 avoided.
    """
    return break_even_price(
        cost, reference=reference, amount=emissions, reference_amount=reference_emissions
    )


def tornado(model, inputs):
    """Give a model's result with one input at a time at the ends of its range.

    Parameters
    ----------
    model : function of {name: DataArray} that gives a DataArray
    inputs : {name: Dataset(value, low, high)}; any unit

    Returns
    -------
    DataArray (factor, bound, dims of the result); factor holds the names of the inputs, bound
    is "low" or "high", the end at which the input stands, all others at `value`; unit of the
    result

    Raises
    ------
    ValueError
        For no inputs, or an input without value, low or high.
    """
    if not inputs:
        raise ValueError("inputs must name at least one input")
    for name, table in inputs.items():
        missing = [key for key in ("value", "low", "high") if key not in table]
        if missing:
            raise ValueError(f"input {name!r} has no {missing[0]!r}")
    base = {name: table["value"] for name, table in inputs.items()}
    bounds = ["low", "high"]
    results = [
        xr.concat([model(base | {name: table[bound]}) for bound in bounds], dim="bound")
        for name, table in inputs.items()
    ]
    return xr.concat(results, dim="factor").assign_coords(factor=list(inputs), bound=bounds)


def _annuity_factor(rate, life):
    """Annuity of plain arrays."""
    rate, life = np.broadcast_arrays(np.asarray(rate, dtype=float), np.asarray(life, dtype=float))
    still = rate == 0  # 0 / 0 there; the limit is 1 / L
    safe = np.where(still, 1.0, rate)
    # expm1 and log1p keep the digits that 1 - (1 + r)^-L loses at small rates.
    return np.where(still, 1 / life, safe / -np.expm1(-life * np.log1p(safe)))


def _part(value, name):
    """One component as an array with the dim `component`."""
    return xr.DataArray(value).expand_dims(component=[name])


def _check_inputs(use, price):
    """Refuse arrays without the dim `input`."""
    for name, array in (("use", use), ("price", price)):
        if "input" not in getattr(array, "dims", ()):
            raise ValueError(f"{name} must have the dim 'input'")


def _matched(**arrays):
    """Arrays with labels in one order; xarray would drop silently what does not match."""
    order = {}
    for name, array in arrays.items():
        for dim, labels in getattr(array, "indexes", {}).items():
            first, known = order.setdefault(dim, (name, labels))
            if odd := set(known) ^ set(labels):
                listed = ", ".join(sorted(map(str, odd))[:5])
                raise ValueError(
                    f"{first} and {name} must have the same labels along {dim!r}; only one has "
                    f"{listed}"
                )
    return [
        array.sel({dim: order[dim][1] for dim in array.indexes})
        if getattr(array, "indexes", {})
        and any(not array.indexes[dim].equals(order[dim][1]) for dim in array.indexes)
        else array
        for array in arrays.values()
    ]
