"""Backward rules: relevance goes back over the operations of the traced model, one by one.

Activations are met as operations, so it does not matter whether they came as layers, as arguments
or as functions, nor how deep models are nested; an operation without a rule is refused by name.
"""
