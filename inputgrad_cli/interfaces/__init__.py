"""Interfaces between the model and the attribution methods: `Engine` and `Method`."""
