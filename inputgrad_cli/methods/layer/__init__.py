"""Methods that explain by the maps or units of a layer."""
