"""HDF5 files from strangers, checked before HDF5 itself reads them."""
