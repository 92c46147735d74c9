"""Readers of published data sets, one file per kind; tools/import_published.py runs them."""
