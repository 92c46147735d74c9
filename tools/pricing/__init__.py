"""Latency coefficients from measurements: least squares, templates of prices, recipes per runtime and core."""
