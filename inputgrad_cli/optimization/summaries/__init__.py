"""Sums up the searches of a run: accuracies, medians, gates, and signs of masked gradients."""
