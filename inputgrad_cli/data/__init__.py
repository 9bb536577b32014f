"""Defines the frozen dataclasses that all other packages share; none needs TensorFlow."""
