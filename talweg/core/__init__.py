"""Dtypes, shapes and strides, devices: what every other room speaks of."""
