"""Methods that use the maps or units of a layer."""
