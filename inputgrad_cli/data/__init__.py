"""The values that travel between the rooms: frozen, and free of any framework."""
