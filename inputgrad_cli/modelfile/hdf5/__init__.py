"""Checks untrusted HDF5 files before the HDF5 library reads them."""
