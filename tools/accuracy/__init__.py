"""Fits of the measured sets and how well they predict what was held out, each set in a file of its own."""
