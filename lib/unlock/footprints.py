"""Footprint rules at a border: what an exporter pays for emissions, and for rules that differ.

A charge at the border falls on the emissions of a tonne above what producers at home get free.
Whose count of these emissions is accepted decides what is paid: the exporter's own verified figure,
or a default value with a mark-up. All functions broadcast over any dim (product, year, sample).
"""

import numpy as np
import xarray as xr


def default_emissions(default, *, markup):
    """Give the emissions on which a tonne without accepted figures pays.

    e = e_d (1 + m)

    Parameters
    ----------
    default : array, any dims; default value e_d; tCO2/t, not negative
    markup : array, any dims; m; 1, not negative

    Returns
    -------
    e over all dims together; tCO2/t

    Raises
    ------
    ValueError
        For a negative argument.

    Source: Commission Implementing Regulation (EU) 2025/2621.
    """
    _not_negative(default=default, markup=markup)
    return default * (1 + markup)


def border_charge(emissions, *, price, benchmark=0.0, phase_in=1.0, paid_abroad=0.0):
    """Give what a tonne pays at the border for its emissions.

    b = max(p max(e - (1 - phi) B, 0) - q e, 0)

    Parameters
    ----------
    emissions : array, any dims; e; tCO2/t, not negative
    price : array, any dims; p of the importing region; CNY/tCO2, not negative
    benchmark : array, any dims; B up to which producers at home get allowances free; tCO2/t
    phase_in : array, any dims; share phi of the benchmark that is no longer free; 1, from 0 to 1
    paid_abroad : array, any dims; carbon price q already paid for each tonne emitted; CNY/tCO2

    Returns
    -------
    b over all dims together; CNY/t

    Raises
    ------
    ValueError
        For an argument out of bounds.

    Source: Regulation (EU) 2023/956, articles 9, 21, 22 and 31.
    """
    _not_negative(emissions=emissions, price=price, benchmark=benchmark, paid_abroad=paid_abroad)
    if np.any((np.asarray(phase_in) < 0) | (np.asarray(phase_in) > 1)):
        odd = np.asarray(phase_in, dtype=float)
        raise ValueError(
            f"phase_in must lie from 0 to 1, but {odd.min():g} to {odd.max():g} was given"
        )
    above = np.maximum(emissions - (1 - phase_in) * benchmark, 0.0)
    charge = np.maximum(price * above - paid_abroad * emissions, 0.0)
    return xr.DataArray(charge).assign_attrs(units="CNY/t")


def cost_of_divergence(charge, *, accepted, audit=0.0):
    """Give what an exporter loses because its own count of emissions is not accepted.

    D = max(min(b_d, b_a + v) - min(b_d, b_a), 0)

    b_d is paid on the default value, b_a on the exporter's own figure. Accepted, the exporter pays
    the lower of both. Not accepted, it pays on the default value, or for a second audit and then on
    its own figure. An audit that cannot be had costs infinity.

    Parameters
    ----------
    charge : array, any dims; b_d; CNY/t
    accepted : array, any dims; b_a; CNY/t
    audit : array, any dims; v of a second audit; CNY/t, not negative

    Returns
    -------
    D over all dims together; CNY/t

    Raises
    ------
    ValueError
        For a negative audit.
    """
    _not_negative(audit=audit)
    apart = np.minimum(charge, accepted + audit)
    return xr.DataArray(apart - np.minimum(charge, accepted)).assign_attrs(units="CNY/t")


def _not_negative(**arrays):
    """Refuse numbers below 0."""
    for name, array in arrays.items():
        if np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} must not be negative, but {float(np.min(array)):g} was given")
